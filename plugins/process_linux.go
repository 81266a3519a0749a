package plugins

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes put a helper into a process group of its own, and have the
// kernel kill it when we die.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// restrictThread keeps everything that is started from this thread from gaining
// rights through setuid programs.
func restrictThread() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// waitAndKillGroup waits for the end of a process, kills what is left of its
// group and reaps it, in this order: till it is reaped its number, which is also
// the group's, belongs to nobody else.
func waitAndKillGroup(cmd *exec.Cmd, kill func()) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	kill()
	_ = cmd.Wait() // its state says how it ended
}
