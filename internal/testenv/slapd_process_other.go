//go:build !linux

package testenv

import "syscall"

// childAttributes asks for nothing: only Linux ends a program with its parent.
func childAttributes() *syscall.SysProcAttr { return nil }
