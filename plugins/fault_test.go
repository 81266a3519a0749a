package plugins

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// logins asks a helper for 8 logins at once, some times each, and counts the
// answers. Each call must end in time.
func logins(t *testing.T, h policyengine.Helper, times int, within time.Duration, args ...any) (answers map[string]int, failed int) {
	t.Helper()
	answers = make(map[string]int)
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range times {
				begin := time.Now()
				got, err := h.Check(context.Background(), erin(), args)
				if took := time.Since(begin); took > within {
					t.Errorf("%s took %s", h.Name, took)
				}
				mu.Lock()
				if err != nil {
					failed++
				} else {
					answers[fmt.Sprint(got)]++
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return answers, failed
}

// TestMisbehaviour: whatever a helper does to 8 logins at once, none of them gets
// an answer that it did not give, each ends in time, and another helper does not
// notice. Afterwards nothing is left.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	const timeout, slack = 500 * time.Millisecond, 3 * time.Second // this machine may be busy
	for _, function := range []string{"crash", "crash_once_stateful", "hangs", "freezes", "floods", "huge", "panics", "fails", "slow", "leaks", "forks"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			tm := quick()
			tm.backoffMin, tm.ping, tm.pingTimeout = 20*time.Millisecond, 200*time.Millisecond, time.Second
			p := faulty()
			p.Timeout, p.Memory = timeout, 256
			calm := config.Plugin{Name: "sampled", Timeout: 10 * time.Second}
			h, _ := openHost(t, configFor(p, calm), tm)
			bad, good := h.helper(t, "faulty."+function), h.helper(t, "sampled.count")

			var args []any
			want := map[string]bool{} // answers that the helper may give
			switch function {
			case "crash_once_stateful":
				args, want["true"] = []any{filepath.Join(t.TempDir(), "once")}, true
			case "floods", "freezes":
				want["true"] = true
			case "forks":
				args = []any{false}
			}
			var others sync.WaitGroup
			others.Go(func() {
				if answers, failed := logins(t, good, 20, 10*time.Second); failed > 0 || len(answers) != 160 {
					t.Errorf("another helper: %d failed, %d answers", failed, len(answers))
				}
			})
			answers, failed := logins(t, bad, 2, timeout+slack, args...)
			others.Wait()
			for answer := range answers {
				if pid, err := strconv.ParseFloat(answer, 64); function == "forks" && err == nil && pid > 1 {
					t.Cleanup(func() {
						eventually(t, 3*time.Second, "the forked child gone with its parent", func() bool { return gone(int(pid)) })
					})
				} else if !want[answer] {
					t.Errorf("the answer %q", answer)
				}
			}
			t.Logf("%v, %d failed", answers, failed)
			var pid int
			eventually(t, 30*time.Second, "well again", func() bool {
				s := h.Status()[0]
				pid = s.PID
				return s.State == Ready
			})
			h.Close()
			if !gone(pid) {
				t.Error("the process outlives the host")
			}
		})
	}
}

// TestKillUnderLoad kills a helper in the middle of many calls. None gets a wrong
// answer, the restart begins at once, calls wait for it, and the service is back
// within a second.
func TestKillUnderLoad(t *testing.T) {
	opened := time.Now()
	h, log := openHost(t, configFor(config.Plugin{Name: "watchlist", Args: []string{"--names", "erin"}, Timeout: 30 * time.Second}), quick())
	start := time.Since(opened) // on a machine that is busy all takes longer
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%+v\n%s", h.Status()[0], log)
		}
	})
	listed := h.helper(t, "watchlist.listed")
	var right, failed atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				login, want := "erin", true
				if n%2 == 0 {
					login, want = "mallory", false
				}
				got, err := listed.Check(context.Background(), erin(), []any{login})
				switch {
				case err != nil:
					failed.Add(1)
				case got != want:
					t.Errorf("%s: %v", login, got)
				default:
					right.Add(1)
				}
			}
		})
	}
	eventually(t, 30*time.Second, "under load", func() bool { return right.Load() > 100 })
	kill(t, h)
	killed := time.Now()
	before := right.Load()
	eventually(t, 20*time.Second, "back", func() bool { return h.Status()[0].Restarts == 1 && right.Load() > before+16 })
	back := time.Since(killed)
	close(stop)
	callers.Wait()
	s := h.Status()[0]
	t.Logf("back after %s; %d right, %d failed", back, right.Load(), failed.Load())
	if back > max(backWithin, 5*start) {
		t.Errorf("back after %s; its first start took %s", back, start)
	}
	if n := failed.Load(); n > 16 { // each caller's call in flight, and one that met the breaking connection
		t.Errorf("%d calls failed: they should have waited", n)
	}
	if s.State != Ready || s.Restarts != 1 || !strings.Contains(s.LastError, "signal: killed") {
		t.Errorf("status %+v", s)
	}
}

// TestBroken: a program that dies again and again is left alone, calls fail at
// once, and it comes back by itself when it can.
func TestBroken(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.backoffMin, tm.backoffMax, tm.breakAfter, tm.brokenPause = time.Millisecond, 2*time.Millisecond, 3, 300*time.Millisecond
	flag := filepath.Join(t.TempDir(), "broken")
	h, log := openHost(t, configFor(faulty("unless", flag)), tm)
	write(t, flag, "", 0o600)
	kill(t, h)
	eventually(t, 30*time.Second, "broken", func() bool { return h.Status()[0].State == Broken })
	begin := time.Now()
	if got, err := h.ask(t, "faulty.pid"); err == nil || !strings.Contains(err.Error(), "broken") || time.Since(begin) > time.Second {
		t.Errorf("while it is broken: %v, %v after %s", got, err, time.Since(begin))
	}
	remove(t, filepath.Dir(flag), "broken")
	eventually(t, 30*time.Second, "ready again", func() bool { return h.Status()[0].State == Ready })
	if got, err := h.ask(t, "faulty.pid"); err != nil {
		t.Errorf("afterwards: %v, %v", got, err)
	}
	if !strings.Contains(log.String(), "state=broken") {
		t.Errorf("the log says nothing:\n%s", log)
	}
}

// TestQueueIsBounded: one call runs, one waits, the third fails at once.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := faulty()
	p.Concurrency, p.Queue = 1, 1
	h, _ := openHost(t, configFor(p), quick())
	ctx, cancel := context.WithCancel(t.Context())
	hangs := h.helper(t, "faulty.hangs")
	var callers sync.WaitGroup
	for range 2 {
		callers.Go(func() {
			if got, err := hangs.Check(ctx, erin(), nil); err == nil {
				t.Errorf("hanging: %v", got)
			}
		})
	}
	eventually(t, 3*time.Second, "one runs and one waits", func() bool { s := h.Status()[0]; return s.Running == 1 && s.Waiting == 1 })
	begin := time.Now()
	got, err := h.ask(t, "faulty.pid")
	if err == nil || !strings.Contains(err.Error(), "the queue is full") || time.Since(begin) > time.Second {
		t.Errorf("the third: %v, %v after %s", got, err, time.Since(begin))
	}
	cancel()
	callers.Wait()
	if got, err := h.ask(t, "faulty.pid"); err != nil {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// TestLimits: the limits are those of the settings, and hold.
func TestLimits(t *testing.T) {
	t.Parallel()
	p := faulty()
	p.Memory, p.Files = 300, 99
	h, _ := openHost(t, configFor(p), quick())
	got, err := h.ask(t, "faulty.limits")
	if want := fmt.Sprint([]any{float64(300 << 20), 99.0}); err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Status()[0].PID))
	if err != nil {
		t.Skipf("no /proc on this system: %v", err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "TracerPid:\t0"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q", want)
		}
	}
}

// TestLimitsWithoutTracing: where a process cannot be traced it is limited all the
// same, and one that cannot be started is an error.
func TestLimitsWithoutTracing(t *testing.T) {
	l := newLauncher()
	defer l.close()
	missing := func() *exec.Cmd {
		c := exec.Command("/nowhere/at/all")
		c.SysProcAttr = processAttributes()
		return c
	}
	traced := 0
	cmd, err := l.start(func() *exec.Cmd {
		if traced++; traced == 1 { // as if the system had refused
			return missing()
		}
		c := exec.Command("/bin/sleep", "30")
		c.SysProcAttr = processAttributes()
		return c
	}, limits{memory: 64 << 20, files: 77})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err == nil && (!strings.Contains(string(text), "67108864") || !strings.Contains(string(text), "77 ")) {
		t.Errorf("limits:\n%s", text)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if _, err := l.start(missing, limits{}); err == nil {
		t.Error("what does not exist was started")
	}
}

// TestUser: a program runs as another user, who has nothing of ours but its socket.
func TestUser(t *testing.T) {
	p := faulty()
	p.User = "nobody"
	if os.Geteuid() != 0 {
		if _, err := open(t.Context(), configFor(p), Options{}, quick()); err == nil || !strings.Contains(err.Error(), "plugins.allow[0].user: only root can") {
			t.Errorf("%v", err)
		}
		return
	}
	cfg := configFor(p, config.Plugin{Name: "watchlist"})
	cfg.Plugins.Allow[0].Memory, cfg.Plugins.Allow[0].Files = 300, 99
	h, _ := openHost(t, cfg, quick())
	got, err := h.ask(t, "faulty.limits")
	if want := fmt.Sprint([]any{float64(300 << 20), 99.0}); err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", h.Status()[0].PID))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("it runs as root")
	}
	threads, _ := filepath.Glob("/proc/self/task/*/status")
	for _, thread := range threads {
		if text, err := os.ReadFile(thread); err == nil && (!strings.Contains(string(text), "\nUid:\t0\t0\t0\t0\n") || !strings.Contains(string(text), "\nGid:\t0\t0\t0\t0\n")) {
			t.Errorf("a thread of ours is somebody else:\n%s", text)
		}
	}
	closed := configFor(p)
	closed.Plugins.Sockets = shortDir(t)
	if _, err := open(t.Context(), closed, Options{}, quick()); err == nil || !strings.Contains(err.Error(), "run chmod 0711") {
		t.Errorf("sockets that it cannot reach: %v", err)
	}
	chmod(t, closed.Plugins.Sockets, 0o711)
	reachable, _ := openHost(t, closed, quick())
	if got, err := reachable.ask(t, "faulty.pid"); err != nil {
		t.Errorf("sockets that it can reach: %v, %v", got, err)
	}
}

// TestUnknownUser: there is nobody to run it as.
func TestUnknownUser(t *testing.T) {
	p := faulty()
	p.User = "nobody-of-this-name"
	if _, err := open(t.Context(), configFor(p), Options{}, quick()); err == nil || !strings.Contains(err.Error(), "plugins.allow[0].user") {
		t.Errorf("unknown user: %v", err)
	}
}

// TestChangedBetweenCheckAndStart: what was verified is what runs, whoever changes
// the file afterwards, and a copy that differs is not started.
func TestChangedBetweenCheckAndStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = "#!/bin/sh\n"
	write(t, filepath.Join(dir, "tool"), script, 0o755)
	sum := shaOf(script)
	cfg := &config.Config{Plugins: config.Plugins{Directory: dir, Allow: []config.Plugin{{Name: "tool", SHA256: sum.String()}}}}
	d, err := openDirectory(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	listed, err := d.verify("")
	if err != nil || len(listed) != 1 {
		t.Fatal(listed, err)
	}
	private, err := newPrivateDir(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer private.remove()
	path, err := d.install(listed[0], private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tool"), script+"# evil\n", 0o755)
	if text, err := os.ReadFile(path); err != nil || string(text) != script {
		t.Errorf("what would run: %q, %v", text, err)
	}
	if path, err := d.install(listed[0], private); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("%s, %v", path, err)
	}
}

// TestNothingLeaks opens and closes hosts whose programs fare badly, and counts
// open files afterwards; goroutines are counted at the end of all tests.
func TestNothingLeaks(t *testing.T) {
	tm := quick()
	tm.start = time.Second
	round := func() {
		for _, mode := range []string{"exit", "garbage", "deaf"} {
			h, err := open(t.Context(), configFor(faulty(mode)), Options{}, tm)
			if (err == nil) != (mode == "deaf") {
				t.Fatalf("%s: %v", mode, err)
			}
			if err == nil {
				_, _ = h.ask(t, "faulty.crash")
			}
			h.Close()
		}
	}
	round()
	before := openFiles(t)
	for range 2 {
		round()
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d open files, before %d", after, before)
	}
}
