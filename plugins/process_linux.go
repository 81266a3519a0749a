package plugins

import (
	"errors"
	"fmt"
	"os"
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
		err := errors.Join(limitAs(cmd, l), syscall.PtraceDetach(cmd.Process.Pid))
		return cmd, orEnd(cmd, err)
	}
	if cmd.Process != nil { // killed for asking to be traced
		_ = orEnd(cmd, errors.ErrUnsupported)
	}
	cmd = command()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, orEnd(cmd, limitAs(cmd, l))
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

// limitAs is limit for a process of any user: only the same real user may limit it,
// or who has CAP_SYS_RESOURCE, which root has not in containers. So this thread,
// which is root's, has its real user and group for the while. Go knows nothing of
// it, and nothing else runs on the launcher's thread.
func limitAs(cmd *exec.Cmd, l limits) error {
	as := cmd.SysProcAttr.Credential
	if as == nil {
		return limit(cmd.Process.Pid, l)
	}
	uid, gid := os.Getuid(), os.Getgid() // which are this thread's
	err := ownThread(int(as.Uid), int(as.Gid))
	if err == nil {
		err = limit(cmd.Process.Pid, l)
	}
	return errors.Join(err, ownThread(uid, gid))
}

// ownThread gives a real user and group to the thread that calls it.
func ownThread(uid, gid int) error {
	const keep = ^uintptr(0)
	if _, _, err := syscall.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), keep, keep); err != 0 {
		return fmt.Errorf("limit the process: become the group %d: %w", gid, err)
	}
	if _, _, err := syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), keep, keep); err != 0 {
		return fmt.Errorf("limit the process: become the user %d: %w", uid, err)
	}
	return nil
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
		if err != nil { // not wrapped: a permission that is missing is not one of the file
			return fmt.Errorf("limit the process: %v", err) //nolint:errorlint // as said
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
