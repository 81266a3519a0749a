package plugins

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes put a helper into a process group of its own, and have the
// kernel kill it when we die. Whatever it has started is left alone by that: the
// SDK asks the kernel for SIGTERM instead, which it answers with SIGKILL to all of
// the group.
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

// startLimited starts a process that stops before its first instruction, limits it
// and lets it go. It must be called from the launcher's thread, which is the only
// one that may trace it. Where tracing is forbidden (some containers) the process
// is limited right after its start.
func startLimited(command func() *exec.Cmd, l limits) (*exec.Cmd, error) {
	cmd := command()
	cmd.SysProcAttr.Ptrace = true
	if cmd.Start() == nil && stopped(cmd.Process.Pid) {
		err := errors.Join(limit(cmd.Process.Pid, l), syscall.PtraceDetach(cmd.Process.Pid))
		return cmd, orEnd(cmd, err)
	}
	if cmd.Process != nil { // killed for asking to be traced
		_ = orEnd(cmd, errors.ErrUnsupported)
	}
	cmd = command()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, orEnd(cmd, limit(cmd.Process.Pid, l))
}

// orEnd kills and reaps a process if there is an error.
func orEnd(cmd *exec.Cmd, err error) error {
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return err
}

// stopped waits for the stop of a traced process, and reports false if it ended.
func stopped(pid int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		const trapped = 4 // CLD_TRAPPED
		return err == nil && info.Code == trapped
	}
}

// limit bounds a process, and what it starts. RLIMIT_DATA is what the program may
// write to: an address space of any size is no harm, and Go needs a large one.
func limit(pid int, l limits) error {
	// A core dump would only cost room: what has another user leaves none anyway.
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	for resource, bound := range map[int]uint64{unix.RLIMIT_DATA: l.memory, unix.RLIMIT_NOFILE: l.files} {
		if bound == 0 {
			continue
		}
		var has unix.Rlimit
		err := unix.Prlimit(pid, resource, nil, &has)
		if err == nil {
			value := min(bound, has.Max) // nobody but root can raise it
			err = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil)
		}
		if errors.Is(err, unix.EPERM) { // not wrapped: it is not about the file
			return fmt.Errorf("limit the process: %v: to limit a program of another user takes CAP_SYS_RESOURCE", err) //nolint:errorlint // as said
		}
		if err != nil {
			return fmt.Errorf("limit the process: %w", err)
		}
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
