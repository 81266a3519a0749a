package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// quickstart is the configuration of the quick start on free ports, logging
// JSON so that the tests can read the log.
func quickstart(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../examples/quickstart/sallyport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		"127.0.0.1:1812", "127.0.0.1:0", "[::1]:1812", "[::1]:0",
		"127.0.0.1:3389", "127.0.0.1:0", "127.0.0.1:3636", "127.0.0.1:0", "127.0.0.1:9312", "127.0.0.1:0",
	).Replace(string(text)) + "\nlog: {format: json}\n"
}

// change replaces one text of a configuration, which must be there once.
func change(t *testing.T, config, old, fresh string) string {
	t.Helper()
	if strings.Count(config, old) != 1 {
		t.Fatalf("%q is not once in the configuration", old)
	}
	return strings.Replace(config, old, fresh, 1)
}

// server is a running sallyport.
type server struct {
	t      *testing.T
	dir    string // the layout of the repository: bin, examples/quickstart, var
	config string // path of the configuration
	cmd    *exec.Cmd
	exited chan error

	radius, ldap, ldaps, http string
	ca                        string

	mu    sync.Mutex
	lines []logLine
	raw   bytes.Buffer
}

// logLine is a line of the JSON log.
type logLine map[string]any

func (l logLine) text(key string) string {
	s, _ := l[key].(string)
	return s
}

// workspace lays out a directory like the repository after make build.
func workspace(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples", "quickstart"), os.DirFS("../examples/quickstart")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "bin"), os.DirFS(filepath.Join(built, "bin"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sallyport", "plugins/watchlist"} {
		if err := os.Chmod(filepath.Join(dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "var"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, config)
	return dir
}

func writeConfig(t *testing.T, dir, config string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "examples/quickstart/sallyport.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start starts sallyport and waits until it is ready. The test's end stops it
// and demands an orderly exit.
func start(t *testing.T, config string) *server {
	t.Helper()
	return startIn(t, workspace(t, config))
}

// startIn is start in a workspace that is there already.
func startIn(t *testing.T, dir string) *server {
	t.Helper()
	s := launch(t, dir)
	ready := s.waitLog("ready", 30*time.Second, func(l logLine) bool { return l.text("msg") == "ready" })
	s.radius = first(ready["radius"], 0)
	s.ldap, s.ldaps = first(ready["ldap"], 0), first(ready["ldap"], 1)
	s.http = ready.text("http")
	s.ca = filepath.Join(s.dir, "var/tls/ca.pem")
	return s
}

func first(list any, i int) string {
	values, _ := list.([]any)
	if i >= len(values) {
		return ""
	}
	s, _ := values[i].(string)
	return s
}

// launch starts sallyport in a workspace and does not wait.
func launch(t *testing.T, dir string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, config: "examples/quickstart/sallyport.yaml", exited: make(chan error, 1)}
	s.cmd = exec.Command(filepath.Join(dir, "bin/sallyport"), "-c", s.config, "serve")
	s.cmd.Dir = dir
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.readLog(stderr)
		s.exited <- s.cmd.Wait()
	}()
	t.Cleanup(s.stop)
	return s
}

func (s *server) readLog(r io.Reader) {
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		var l logLine
		s.mu.Lock()
		s.raw.Write(append(scanner.Bytes(), '\n'))
		if json.Unmarshal(scanner.Bytes(), &l) == nil {
			s.lines = append(s.lines, l)
		}
		s.mu.Unlock()
	}
}

// stop ends the server and demands that it ends well.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("sallyport ended with %v\n%s", err, s.log())
		}
		s.exited <- nil
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("sallyport did not end on SIGTERM\n%s", s.log())
	}
	if s.t.Failed() {
		s.t.Logf("the end of its log:\n%s", tail(s.log()))
	}
}

// tail is the end of a long log.
func tail(log string) string {
	const enough = 64 << 10
	return log[max(0, len(log)-enough):]
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// find returns the log lines that fit.
func (s *server) find(fits func(logLine) bool) []logLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []logLine
	for _, l := range s.lines {
		if fits(l) {
			found = append(found, l)
		}
	}
	return found
}

// logins returns the lines of the logins of a user, in order.
func (s *server) logins(user string) []logLine {
	return s.find(func(l logLine) bool { return l.text("msg") == "login" && l.text("user") == user })
}

// waitLog waits for a log line.
func (s *server) waitLog(what string, limit time.Duration, fits func(logLine) bool) logLine {
	s.t.Helper()
	var found []logLine
	s.eventually(what, limit, func() bool {
		found = s.find(fits)
		return len(found) > 0
	})
	return found[len(found)-1]
}

// eventually polls until ok, or fails the test with the log.
func (s *server) eventually(what string, limit time.Duration, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("no %s within %s; log:\n%s", what, limit, s.log())
		}
	}
}

// lastLogin waits for the newest login line of a user and checks its reason.
func (s *server) lastLogin(user, verdict, reason string) logLine {
	s.t.Helper()
	l := s.waitLog("login of "+user, 3*time.Second, func(l logLine) bool {
		return l.text("msg") == "login" && l.text("user") == user && l.text("reason") == reason
	})
	if l.text("verdict") != verdict {
		s.t.Errorf("log says %v, want verdict %s", l, verdict)
	}
	return l
}

// sallyport runs a command of the program in the workspace.
func (s *server) sallyport(stdin string, args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, s.dir, stdin, nil, filepath.Join(s.dir, "bin/sallyport"), append([]string{"-c", s.config}, args...)...)
}

// command runs a program and returns what it printed and its exit code.
func command(t *testing.T, dir, stdin string, env []string, program string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("run %s: %v", program, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
