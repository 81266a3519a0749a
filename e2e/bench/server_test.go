package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"
)

// profileVariable names a directory in which each server leaves a profile of
// its processor time and one of its allocations, to be read with go tool pprof.
const profileVariable = "SALLYPORT_BENCH_PROFILE"

// addresses are where a server listens; what it does not speak is empty.
type addresses struct{ RADIUS, LDAP string }

// spent is what a server process has used since it began.
type spent struct {
	CPU     int64  // microseconds, user and system
	Mallocs uint64 // objects
	PeakRSS int64  // octets
}

// server is a server process as the test process sees it.
type server struct {
	addresses
	loses   bool // it is known to leave logins unanswered
	pid     int  // of a program that is not ours and cannot be asked
	ask     io.Writer
	answers *json.Decoder
}

// start runs a server in a process of its own until the test ends.
func start(tb testing.TB, role string, env ...string) *server {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GOGC=400") // as sallyport serve sets it
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		in.Close() // tells it to end
		hung := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		defer hung.Stop()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("server %s: %v", role, err)
		}
	})
	s := &server{loses: role == "bare-layeh" || strings.Contains(role, "argon2id"), ask: in, answers: json.NewDecoder(out)}
	if err := s.answers.Decode(&s.addresses); err != nil {
		tb.Fatalf("server %s does not start: %v", role, err)
	}
	return s
}

// stats asks the process what it has spent.
func (s *server) stats(tb testing.TB) (now spent) {
	tb.Helper()
	if s.pid != 0 {
		return foreignStats(tb, s.pid)
	}
	if _, err := fmt.Fprintln(s.ask, "stats"); err != nil {
		tb.Fatal(err)
	}
	if err := s.answers.Decode(&now); err != nil {
		tb.Fatal(err)
	}
	return now
}

// serveRole is the server process: it writes its addresses, answers every line
// of in with what it has spent, and ends when in does.
func serveRole(name string, in io.Reader, out io.Writer) (err error) {
	serve, ok := roles[name]
	if !ok {
		return errors.New("there is no such server")
	}
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if to := os.Getenv(profileVariable); to != "" {
		stop, err := profile(filepath.Join(to, fmt.Sprintf("%s-%d", name, os.Getpid())))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listening := make(chan addresses, 1)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, dir, listening) }()
	answers := json.NewEncoder(out)
	select {
	case err := <-ended:
		return err
	case at := <-listening:
		err = answers.Encode(at)
	}
	for lines := bufio.NewScanner(in); err == nil && lines.Scan(); {
		var now spent
		if now, err = usage(); err == nil {
			err = answers.Encode(now)
		}
	}
	cancel()
	return errors.Join(err, <-ended)
}

// usage measures this process.
func usage() (spent, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return spent{}, fmt.Errorf("measure the process: %w", err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	peak := int64(r.Maxrss)       //nolint:unconvert // 32 bits on some systems
	if runtime.GOOS != "darwin" { // which counts octets, and others KiB
		peak *= 1024
	}
	return spent{CPU: (r.Utime.Nano() + r.Stime.Nano()) / 1e3, Mallocs: m.Mallocs, PeakRSS: peak}, nil
}

// profile records processor time and allocations until stop is called.
func profile(path string) (stop func() error, err error) {
	runtime.MemProfileRate = 64 << 10 // often enough, and cheap enough not to show
	cpu, err := os.Create(path + ".cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		allocs, err := os.Create(path + ".allocs")
		if err != nil {
			return errors.Join(err, cpu.Close())
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close(), cpu.Close())
	}, nil
}
