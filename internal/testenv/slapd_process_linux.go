package testenv

import "syscall"

// childAttributes makes the kernel end the program with us, even when the test
// binary dies of its timeout.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
