package plugins

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestWatchlist(t *testing.T) {
	t.Parallel()
	h, _ := openHost(t, configFor(config.Plugin{Name: "watchlist", Args: []string{"--names", "erin,frank"}}), quick())
	for login, want := range map[string]bool{"erin": true, "ERIN": true, "alice": false} {
		if got, err := h.ask(t, "watchlist.listed", login); err != nil || got != want {
			t.Errorf("listed(%q) = %v, %v; want %v", login, got, err, want)
		}
	}
	f := h.helper(t, "watchlist.listed")
	if f.Class != policyengine.ReadsState || f.Result != policyengine.TypeBoolean || !slices.Equal(f.Args, []policyengine.ValueType{policyengine.TypeString}) {
		t.Errorf("described as %+v", f)
	}
	s := h.Status()[0]
	if s.Name != "watchlist" || s.State != Ready || s.Version != "1.0.0" || s.PID == 0 || s.Restarts != 0 || s.LastError != "" {
		t.Errorf("status %+v", s)
	}
	private := h.programs[0].ground.private.path
	h.Close()
	h.Close()
	if !gone(s.PID) {
		t.Error("the process outlives Close")
	}
	if _, err := os.Stat(private); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", private, err)
	}
	if got, err := h.ask(t, "watchlist.listed", "alice"); err == nil {
		t.Errorf("after Close: %v, want an error", got)
	}
	if s := h.Status()[0]; s.State != Stopped || s.PID != 0 {
		t.Errorf("status after Close %+v", s)
	}
}

func TestNoPlugins(t *testing.T) {
	for name, cfg := range map[string]*config.Config{"nothing set": {}, "directory without list": configFor()} {
		t.Run(name, func(t *testing.T) {
			h, _ := openHost(t, cfg, quick())
			if len(h.Helpers()) != 0 || len(h.Status()) != 0 {
				t.Errorf("helpers %v, status %v", h.Helpers(), h.Status())
			}
			h.Close()
		})
	}
}

func TestUnlistedIsReported(t *testing.T) {
	t.Parallel()
	_, log := openHost(t, configFor(config.Plugin{Name: "watchlist"}), quick())
	if text := log.String(); !strings.Contains(text, "is not run") || !strings.Contains(text, "plugin=faulty") {
		t.Errorf("the log says nothing of the unlisted program:\n%s", text)
	}
	if strings.Contains(log.String(), "plugin=SHA256SUMS") {
		t.Errorf("the log speaks of the manifest:\n%s", log)
	}
}

func TestFactsAndEnvironment(t *testing.T) {
	t.Setenv("SALLYPORT_SECRET", "hush")
	p := faulty()
	p.Env = map[string]config.Secret{"COLOR": config.NewSecret("blue")}
	h, _ := openHost(t, configFor(p), quick())

	got, err := h.ask(t, "faulty.facts")
	want := map[string]any{
		"groups": []any{"staff", "vpn-users"}, "login": "erin", "fact client_ip": "198.51.100.7", "fact realm": "corp",
		"fact user.email": nil, "fact login": nil, // the login has them, but they were not declared
	}
	if diff := cmp.Diff(any(want), got); err != nil || diff != "" {
		t.Errorf("facts: %v\n%s", err, diff)
	}

	list, err := h.ask(t, "faulty.environment")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list.([]any) {
		name, _, _ := strings.Cut(e.(string), "=")
		names = append(names, name)
	}
	slices.Sort(names)
	wantNames := []string{
		"COLOR", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT", "PLUGIN_PROTOCOL_VERSIONS",
		"PLUGIN_UNIX_SOCKET_DIR", "SALLYPORT_PLUGIN",
	}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestCallsThatFail(t *testing.T) {
	t.Parallel()
	p := faulty()
	p.Timeout = time.Second
	h, _ := openHost(t, configFor(p), quick())
	tests := []struct {
		function string
		args     []policyengine.Value
		want     string
	}{
		{"faulty.panics", nil, "panic: oh dear"},
		{"faulty.fails", nil, "no idea"},
		{"faulty.slow", nil, "deadline exceeded"},
		{"faulty.hangs", nil, "no answer in time"},
		{"faulty.huge", nil, "larger than max"},
		{"faulty.echo", nil, "0 arguments, want 1"},
		{"faulty.echo", []policyengine.Value{"text"}, "argument 1: want object, got string"},
		{"faulty.echo", []policyengine.Value{nil}, "argument 1: want object, got null"},
		{"faulty.echo", []policyengine.Value{map[string]any{"a": "\xff"}}, "argument 1"},
		{"faulty.echo", []policyengine.Value{map[string]any{"a": strings.Repeat("x", 2<<20)}}, "more than 1048576"},
	}
	for _, tt := range tests {
		t.Run(tt.function, func(t *testing.T) {
			got, err := h.ask(t, tt.function, tt.args...)
			if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.function) {
				t.Errorf("%v, %v; want an error with %q", got, err, tt.want)
			}
		})
	}
	if got, err := h.helper(t, "faulty.pid").Check(t.Context(), &policyengine.Input{}, nil); err == nil {
		t.Errorf("without a user: %v, want an error", got)
	}
	if s := h.Status()[0]; s.Restarts != 0 {
		t.Errorf("it was restarted: %+v", s)
	}
	value := map[string]any{"n": 1.5, "l": []any{"a", true, nil}, "ü": "ß"}
	if got, err := h.ask(t, "faulty.echo", value); err != nil || !cmp.Equal(got, any(value)) {
		t.Errorf("echo: %v, %v", got, err)
	}
}

func TestNothingWrittenBlocks(t *testing.T) {
	t.Parallel()
	h, log := openHost(t, configFor(faulty()), quick())
	if got, err := h.ask(t, "faulty.floods"); err != nil || got != true {
		t.Fatalf("%v, %v", got, err)
	}
	if got, err := h.ask(t, "faulty.pid"); err != nil {
		t.Errorf("after the flood: %v, %v", got, err)
	}
	h.Close()
	text := log.String()
	if len(text) > 1<<20 {
		t.Errorf("the flood made a log of %d bytes", len(text))
	}
	if !strings.Contains(text, floodMessage) || !strings.Contains(text, "yyyy"+cutMark) {
		t.Errorf("the log does not tell of the flood:\n%.2000s", text)
	}
}

func TestCrashInCall(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.backoffMin = 20 * time.Millisecond
	p := faulty()
	p.Timeout = 30 * time.Second // its repetition waits for a restart
	h, _ := openHost(t, configFor(p), tm)
	restarted := func(times int) {
		t.Helper()
		eventually(t, 30*time.Second, "ready again", func() bool {
			s := h.Status()[0]
			return s.State == Ready && s.Restarts == times && strings.Contains(s.LastError, "exit status 7")
		})
	}
	once := filepath.Join(t.TempDir(), "once")
	if got, err := h.ask(t, "faulty.crash_once", once); err != nil || got != true {
		t.Errorf("deterministic function: %v, %v; want the answer of the second try", got, err)
	}
	restarted(1)
	again := filepath.Join(t.TempDir(), "again")
	if got, err := h.ask(t, "faulty.crash_once_stateful", again); err == nil {
		t.Errorf("function that reads state: %v, want an error and no second try", got)
	}
	restarted(2)
	if got, err := h.ask(t, "faulty.crash"); err == nil {
		t.Errorf("always crashing: %v, want an error", got)
	}
	restarted(4) // of the call and of its repetition
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.backoffMin, tm.backoffMax = time.Hour, time.Hour
	p := faulty()
	p.Timeout = 200 * time.Millisecond
	h, _ := openHost(t, configFor(p), tm)
	for crashes := 1; crashes <= 2; crashes++ {
		isReady(t, h)
		if err := syscall.Kill(h.Status()[0].PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, "noticed", func() bool {
			s := h.Status()[0]
			return s.Restarts == crashes || s.State == BackingOff
		})
	}
	eventually(t, 30*time.Second, "backing off", func() bool { return h.Status()[0].State == BackingOff })
	got, err := h.ask(t, "faulty.pid")
	if err == nil || !strings.Contains(err.Error(), "not running") || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("while it is down: %v, %v", got, err)
	}
}

func TestHungIsKilled(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.ping, tm.pingTimeout = 100*time.Millisecond, 500*time.Millisecond
	h, _ := openHost(t, configFor(faulty()), tm)
	before := h.Status()[0].PID
	_, _ = h.ask(t, "faulty.freezes") // the answer may or may not get out
	eventually(t, 30*time.Second, "restarted", func() bool {
		s := h.Status()[0]
		return s.State == Ready && s.PID != before
	})
	if s := h.Status()[0]; !strings.Contains(s.LastError, "hangs") || !gone(before) {
		t.Errorf("status %+v", s)
	}
}

func TestFrozenAtClose(t *testing.T) {
	t.Parallel()
	h, _ := openHost(t, configFor(faulty()), quick())
	pid := h.Status()[0].PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	h.Close()
	if took := time.Since(begin); took > 3*time.Second || !gone(pid) {
		t.Errorf("Close took %s; gone: %v", took, gone(pid))
	}
}

// TestDeafAtClose: a helper that watches nobody and ignores every signal and every
// request to end is killed after the time of grace.
func TestDeafAtClose(t *testing.T) {
	t.Parallel()
	h, _ := openHost(t, configFor(faulty("deaf")), quick())
	pid := h.Status()[0].PID
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := h.ask(t, "faulty.pid"); err != nil || got != float64(pid) {
		t.Errorf("after signals that it ignores: %v, %v; want %d", got, err, pid)
	}
	begin := time.Now()
	h.Close()
	if took := time.Since(begin); took < quick().grace || took > 5*time.Second || !gone(pid) {
		t.Errorf("Close took %s; gone: %v", took, gone(pid))
	}
}

func TestGrandchildHoldsPipes(t *testing.T) {
	t.Parallel()
	h, _ := openHost(t, configFor(faulty()), quick())
	child, err := h.ask(t, "faulty.forks", true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(int(child.(float64)), syscall.SIGKILL) })
	before := h.Status()[0].PID
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Second, "restarted", func() bool {
		s := h.Status()[0]
		return s.State == Ready && s.PID != before
	})
}

func TestChangedDescription(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.backoffMin, tm.backoffMax = time.Hour, time.Hour
	p := faulty("changes", filepath.Join(t.TempDir(), "started"))
	p.Timeout = 200 * time.Millisecond
	h, _ := openHost(t, configFor(p), tm)
	if err := syscall.Kill(h.Status()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "refused", func() bool { return strings.Contains(h.Status()[0].LastError, "other functions") })
	if got, err := h.ask(t, "faulty.pid"); err == nil {
		t.Errorf("%v, want an error", got)
	}
	if s := h.Status()[0]; s.State != BackingOff || s.PID != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	p := faulty()
	p.Concurrency = 1
	p.Timeout = 500 * time.Millisecond
	h, _ := openHost(t, configFor(p), quick())
	first := make(chan error, 1)
	go func() {
		_, err := h.helper(t, "faulty.hangs").Check(context.Background(), erin(), nil)
		first <- err
	}()
	program := h.programs[0]
	eventually(t, 2*time.Second, "called", func() bool { return len(program.slots) == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got, err := h.helper(t, "faulty.pid").Check(ctx, erin(), nil); err == nil || !strings.Contains(err.Error(), "wait for one of 1 calls") {
		t.Errorf("%v, %v; want to wait in vain", got, err)
	}
	if err := <-first; err == nil {
		t.Error("the hanging call answered")
	}
}

// TestOrphan ends whoever started helpers, in every way that a process can end.
// All of them, and what they have started, are gone within a second. As parent it
// is the SDK that notices; in the other roles Linux tells.
func TestOrphan(t *testing.T) {
	kill := func(s syscall.Signal) func(*exec.Cmd, io.Closer) error {
		return func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(s) }
	}
	for _, tt := range []struct {
		role, how string
		end       func(*exec.Cmd, io.Closer) error
	}{
		{"host", "killed", kill(syscall.SIGKILL)},
		{"host", "terminated", kill(syscall.SIGTERM)},
		{"host", "interrupted", kill(syscall.SIGINT)},
		{"host", "panic", func(_ *exec.Cmd, stdin io.Closer) error { return stdin.Close() }},
		{"frozen", "killed", kill(syscall.SIGKILL)},
		{"deaf", "killed", kill(syscall.SIGKILL)},
		{"parent", "killed", kill(syscall.SIGKILL)},
	} {
		t.Run(tt.role+" "+tt.how, func(t *testing.T) {
			t.Parallel()
			if tt.role == "deaf" && runtime.GOOS != "linux" {
				t.Skip("only Linux kills what watches no parent")
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "SALLYPORT_TEST_ROLE="+tt.role, "SALLYPORT_TEST_END="+tt.how, "SALLYPORT_TEST_PROGRAMS="+programs, "TMPDIR="+t.TempDir())
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			var pids []int
			for field := range strings.FieldsSeq(line) {
				pid, err := strconv.Atoi(field)
				if err != nil || gone(pid) {
					_ = cmd.Process.Kill()
					t.Fatalf("no helper runs: %q", line)
				}
				pids = append(pids, pid)
			}
			if err := tt.end(cmd, in); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if len(pids) == 0 {
				t.Error("nothing was started")
			}
			ended := time.Now()
			for _, pid := range pids {
				eventually(t, 30*time.Second, "ended with its parent", func() bool { return gone(pid) })
			}
			if took := time.Since(ended); took > backWithin {
				t.Errorf("they were gone after %s", took)
			}
		})
	}
}
