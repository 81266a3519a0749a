package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program finds a server that is not ours. Without it the test is skipped on a
// developer's machine and fails in CI, where nothing may be left out silently.
func program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} { // not in everybody's PATH
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	missing(t, name+" is not installed (Debian: "+debianPackage+")")
	return ""
}

// missing ends a test that this machine cannot run.
func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// freePort returns a port of 127.0.0.1 that nobody listens on. It lies below
// the ports that systems hand out to outgoing connections (from 32768 on), so
// that it stays free while its server is being restarted.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(22000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no free port on 127.0.0.1")
	return 0
}

// shortDir makes a directory with a path short enough for Unix sockets, which
// the test's end removes.
func shortDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name) //nolint:usetesting // t.TempDir puts the name of the test into the path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// process is a running program whose output is collected.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed

	ending sync.Mutex
}

// startProcess starts a program; its output goes into log.
func startProcess(cmd *exec.Cmd, log *Log) (*process, error) {
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = 2 * time.Second // grandchildren may hold the pipe
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal does nothing to a process that has ended.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// end sends a signal and waits; after ten seconds it kills. A process that is
// suspended wakes up for it.
func (p *process) end(s syscall.Signal) {
	p.ending.Lock()
	defer p.ending.Unlock()
	_ = p.signal(s)
	_ = p.signal(syscall.SIGCONT)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// waitListening waits until all addresses take connections.
func (p *process) waitListening(limit time.Duration, addresses ...string) error {
	for end := time.Now().Add(limit); len(addresses) > 0; {
		conn, err := net.DialTimeout("tcp", addresses[0], time.Second)
		switch {
		case err == nil:
			conn.Close()
			addresses = addresses[1:]
		case !p.running():
			return fmt.Errorf("it ended: %w", p.err)
		case time.Now().After(end):
			return fmt.Errorf("not listening after %s: %w", limit, err)
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}
