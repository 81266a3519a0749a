//go:build !linux

package plugins

import (
	"os/exec"
	"syscall"
)

// processAttributes put a helper into a process group of its own. That it ends
// with us is left to the SDK, which watches its parent.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func restrictThread() error { return nil }

// startLimited starts a process; other systems have no way to limit it from here.
func startLimited(command func() *exec.Cmd, _ limits) (*exec.Cmd, error) {
	cmd := command()
	return cmd, cmd.Start()
}

// waitAndKillGroup waits for the end of a process and kills what is left of its
// group right after.
func waitAndKillGroup(cmd *exec.Cmd, kill func()) {
	_ = cmd.Wait() // its state says how it ended
	kill()
}
