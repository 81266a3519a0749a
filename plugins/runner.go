package plugins

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

const (
	maxHandshake = 8 << 10 // bytes of the first line of standard output
	// drainTime is how long what a dead process wrote is still read: a descendant
	// that left the process group could hold the pipes open for ever.
	drainTime = 100 * time.Millisecond
)

// processRunner is one run of a program, as go-plugin wants to see it. It reads
// the pipes itself, because go-plugin stops reading at a long line, and it ends
// when the process ends, whoever else holds the pipes.
type processRunner struct {
	launcher       *launcher
	path, dir      string
	sockets        string // the directory for them
	args, env      []string
	account        *account
	limits         limits
	stdout, stderr *lineLog

	handshake   *io.PipeReader // the first line of standard output, then the end
	handshakeIn *io.PipeWriter

	exited chan struct{} // closed when the process has ended
	done   chan struct{} // closed when nothing of it is left

	mu     sync.Mutex
	cmd    *exec.Cmd // nil before it started
	live   bool      // started and not reaped: the process number is its own
	ended  bool      // reaped
	killed bool      // by us, before it ended
}

func newRunner(p *program) *processRunner {
	r := &processRunner{
		launcher: p.ground.launcher, path: p.binary, dir: p.dir, args: p.cfg.Args, account: p.account,
		limits: limits{memory: uint64(p.cfg.Memory) << 20, files: uint64(p.cfg.Files)},
		stdout: p.stdout, stderr: p.stderr,
		exited: make(chan struct{}), done: make(chan struct{}),
	}
	r.handshake, r.handshakeIn = io.Pipe()
	return r
}

// command makes what is to be started.
func (r *processRunner) command(stdout, stderr *os.File) *exec.Cmd {
	cmd := exec.Command(r.path, r.args...)
	cmd.Env, cmd.Dir = r.env, r.dir
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = processAttributes()
	cmd.SysProcAttr.Credential = r.account.credential()
	return cmd
}

// Start starts the process. Standard input is the null device.
func (r *processRunner) Start(context.Context) error {
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, outR.Close(), outW.Close())
	}
	r.mu.Lock()
	err = errors.New("was stopped before it started")
	if !r.killed {
		r.cmd, err = r.launcher.start(func() *exec.Cmd { return r.command(outW, errW) }, r.limits)
		r.live = err == nil
	}
	r.mu.Unlock()
	_, _ = outW.Close(), errW.Close()
	if err != nil {
		_, _ = outR.Close(), errR.Close()
		close(r.exited)
		close(r.done)
		if errors.Is(err, fs.ErrPermission) {
			return errors.New(err.Error() + " (is the directory for sockets, or the temporary directory, mounted noexec? then set plugins.sockets or TMPDIR)")
		}
		return err
	}
	go r.reap(outR, errR)
	return nil
}

// reap waits for the end of the process, takes its group along and sees that the
// pipes are closed.
func (r *processRunner) reap(stdout, stderr *os.File) {
	defer close(r.done)
	var pumps sync.WaitGroup
	pumps.Go(func() { r.pumpStdout(stdout) })
	pumps.Go(func() { _, _ = io.Copy(r.stderr, stderr) })

	waitAndKillGroup(r.cmd, r.signalGroup)
	r.mu.Lock()
	r.live, r.ended = false, true
	r.mu.Unlock()
	close(r.exited)

	deadline := time.Now().Add(drainTime)
	_, _ = stdout.SetReadDeadline(deadline), stderr.SetReadDeadline(deadline)
	unblock := time.AfterFunc(drainTime, func() { _ = r.handshake.Close() })
	pumps.Wait()
	unblock.Stop()
	r.stdout.flush()
	r.stderr.flush()
	_, _ = stdout.Close(), stderr.Close()
}

// pumpStdout hands the first line to go-plugin and the rest to the log.
func (r *processRunner) pumpStdout(stdout io.Reader) {
	in := bufio.NewReaderSize(stdout, maxHandshake)
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = append([]byte("a first line that is too long: "), line[:64]...)
	}
	_, _ = r.handshakeIn.Write(append(line, '\n'))
	_, _ = io.Copy(r.stdout, in)
	_ = r.handshakeIn.Close()
}

// kill ends the process and its group. A run that has not started will not.
func (r *processRunner) kill() {
	r.mu.Lock()
	r.killed = r.killed || !r.ended
	r.mu.Unlock()
	r.signalGroup()
}

// signalGroup sends SIGKILL to the process group, unless the process was reaped:
// then the number may be somebody else's.
func (r *processRunner) signalGroup() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// pid is the number of the process; 0 before it started.
func (r *processRunner) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil || r.cmd.Process == nil {
		return 0
	}
	return r.cmd.Process.Pid
}

// exitReason says how the process ended, with the last line that it wrote to
// standard error. It is "" while it runs, and when our signal ended it.
func (r *processRunner) exitReason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended || r.cmd == nil || r.cmd.ProcessState == nil {
		return ""
	}
	if s, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && r.killed && s.Signaled() && s.Signal() == syscall.SIGKILL {
		return ""
	}
	reason := r.cmd.ProcessState.String()
	if last := r.stderr.last(); last != "" {
		reason += ": " + last
	}
	return reason
}

// The methods below are what go-plugin asks for.

// Wait waits for the end of the process and of its pipes.
func (r *processRunner) Wait(context.Context) error {
	<-r.done
	return nil
}

// Kill ends the process group.
func (r *processRunner) Kill(context.Context) error {
	r.kill()
	return nil
}

// Stdout is the handshake line.
func (r *processRunner) Stdout() io.ReadCloser { return r.handshake }

// Stderr is empty: standard error goes to the log directly.
func (r *processRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Diagnose adds nothing: exitReason says it.
func (r *processRunner) Diagnose(context.Context) string { return "" }

// Name is the path of the copy that runs.
func (r *processRunner) Name() string { return r.path }

// ID is never empty, or go-plugin would not clean up after a failed start.
func (r *processRunner) ID() string { return strconv.Itoa(r.pid()) }

// PluginToHost returns the address as it is: both share the file system. Another
// one than of a socket in the directory for sockets is refused: who else could be
// there, or connect, nobody knows.
func (r *processRunner) PluginToHost(network, addr string) (string, string, error) {
	if inside, err := filepath.Rel(r.sockets, addr); network != "unix" || err != nil || !filepath.IsLocal(inside) {
		return "", "", fmt.Errorf("it serves on %.20s %.200q, not on a socket in the directory that PLUGIN_UNIX_SOCKET_DIR names", network, addr)
	}
	return network, addr, nil
}

// HostToPlugin returns the address as it is.
func (r *processRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

var _ runner.Runner = (*processRunner)(nil)
