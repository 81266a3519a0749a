package plugins

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// TestSwap: at a reload only what changed is started anew, the old one goes on
// until nobody uses it, and one that does not start changes nothing.
func TestSwap(t *testing.T) {
	t.Parallel()
	watch := func(names string) config.Plugin {
		return config.Plugin{Name: "watchlist", Args: []string{"--names", names}}
	}
	first, _ := openHost(t, configFor(watch("erin"), faulty()), quick())
	before := first.Status()
	old := first.helper(t, "watchlist.listed")

	// Callers who began with the old one are answered by it, all the time.
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var answers atomic.Int64
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := old.Check(t.Context(), erin(), []policyengine.Value{"erin"}); err != nil || got != true {
					t.Errorf("the old one: %v, %v", got, err)
				}
				answers.Add(1)
			}
		})
	}
	if h, err := open(t.Context(), configFor(watch("frank"), faulty("exit")), Options{Present: first}, quick()); err == nil {
		h.Close()
		t.Fatal("a program that exits was taken")
	} else if !strings.Contains(err.Error(), "plugins.allow[1]: plugin faulty does not start") {
		t.Error(err)
	}
	for i, s := range first.Status() {
		if s.State != Ready || s.PID != before[i].PID {
			t.Errorf("after a reload that failed: %+v, was %+v", s, before[i])
		}
	}

	second, _ := openBeside(t, configFor(faulty(), watch("frank")), first, quick())
	after := second.Status()
	if after[0].PID != before[1].PID {
		t.Errorf("the unchanged program was started anew: %+v", after[0])
	}
	if after[1].PID == before[0].PID || gone(before[0].PID) {
		t.Errorf("the changed one runs as %+v, the old one is gone: %v", after[1], gone(before[0].PID))
	}
	if got, err := second.ask(t, "watchlist.listed", "erin"); err != nil || got != false {
		t.Errorf("the new one: %v, %v", got, err)
	}
	close(stop)
	callers.Wait()
	if answers.Load() == 0 {
		t.Error("nobody called")
	}

	first.Close()
	if !gone(before[0].PID) {
		t.Error("the old program outlives its last Host")
	}
	if _, err := os.Stat(old.Condition.(*function).program.binary); !os.IsNotExist(err) {
		t.Errorf("its copy is left: %v", err)
	}
	if got, err := second.ask(t, "faulty.pid"); err != nil || int(got.(float64)) != before[1].PID {
		t.Errorf("the shared program after the first Host closed: %v, %v", got, err)
	}
	private := second.programs[0].ground.private.path
	second.Close()
	if _, err := os.Stat(private); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", private, err)
	}
}

// TestSwapNames what makes a program another one, and what does not.
func TestSwapNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	build := func(tail string) digest {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(programs, "faulty"))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, tail...)
		next := filepath.Join(dir, "next")
		write(t, next, string(text), 0o755)
		if err := os.Rename(next, filepath.Join(dir, "faulty")); err != nil {
			t.Fatal(err)
		}
		sum := digest(sha256.Sum256(text))
		write(t, filepath.Join(dir, "SHA256SUMS"), fmt.Sprintf("%s  faulty\n", sum), 0o644)
		return sum
	}
	sum := build("")
	cfg := func(change func(*config.Plugin)) *config.Config {
		p := faulty()
		change(&p)
		c := configFor(p)
		c.Plugins.Directory = dir
		return c
	}
	first, _ := openHost(t, cfg(func(*config.Plugin) {}), quick())
	pid := first.Status()[0].PID
	same := func(name string, want bool, c *config.Config) {
		t.Helper()
		h, _ := openBeside(t, c, first, quick())
		if got := h.Status()[0].PID == pid; got != want {
			t.Errorf("%s: the same process: %v, want %v", name, got, want)
		}
		h.Close()
	}
	same("nothing", true, cfg(func(*config.Plugin) {}))
	same("where the sum stands", true, cfg(func(p *config.Plugin) { p.SHA256 = sum.String() }))
	same("environment", false, cfg(func(p *config.Plugin) { p.Env = map[string]config.Secret{"A": config.NewSecret("1")} }))
	same("settings", false, cfg(func(p *config.Plugin) { p.Config = map[string]any{"answer": "x"} }))
	same("timeout", false, cfg(func(p *config.Plugin) { p.Timeout = time.Hour }))
	build("another program")
	same("program", false, cfg(func(*config.Plugin) {}))
	write(t, filepath.Join(dir, "SHA256SUMS"), fmt.Sprintf("%s  faulty\n", sum), 0o644)
	if h, err := open(t.Context(), cfg(func(*config.Plugin) {}), Options{Present: first}, quick()); err == nil {
		h.Close()
		t.Error("a changed program with the old sum is taken, because the old one runs")
	}
	if one, two := keyOf("1"), keyOf("2"); one == two {
		t.Error("two secrets have one key")
	}
}

func keyOf(secret string) digest {
	return settingsKey(digest{}, "", "", config.Plugin{Env: map[string]config.Secret{"A": config.NewSecret(secret)}})
}

// TestReloadWakes: a program that waits for its next start is started at once by a
// reload, and one that changed what it offers is replaced.
func TestReloadWakes(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.backoffMin, tm.backoffMax = time.Hour, time.Hour
	first, _ := openHost(t, configFor(faulty()), tm)
	for crashes := 1; crashes <= 2; crashes++ {
		isReady(t, first)
		kill(t, first)
		eventually(t, 30*time.Second, "noticed", func() bool { s := first.Status()[0]; return s.Restarts == crashes || s.State == BackingOff })
	}
	eventually(t, 30*time.Second, "backing off", func() bool { return first.Status()[0].State == BackingOff })
	second, _ := openBeside(t, configFor(faulty()), first, tm)
	isReady(t, second)
	if second.programs[0] != first.programs[0] {
		t.Error("it is another program")
	}

	changes := faulty("changes", filepath.Join(t.TempDir(), "started"))
	third, _ := openHost(t, configFor(changes), tm)
	kill(t, third)
	eventually(t, 30*time.Second, "refused", func() bool { return strings.Contains(third.Status()[0].LastError, "other functions") })
	fourth, _ := openBeside(t, configFor(changes), third, tm)
	if s := fourth.Status()[0]; s.State != Ready || len(fourth.Helpers()) != 2 {
		t.Errorf("after the reload: %+v, %d functions", s, len(fourth.Helpers()))
	}
}

func shaOf(text string) digest { return sha256.Sum256([]byte(text)) }

// kill ends the process of a host's first program.
func kill(t *testing.T, h *Host) {
	t.Helper()
	if err := syscall.Kill(h.Status()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestSettingsAreRefused: what a program says of its settings stands at the line
// of the file, all of it at once.
func TestSettingsAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(programs, "sallyport.yaml")
	cfg, err := config.Parse(file, []byte(`
realms: {corp: {default: true, directories: [local]}}
directories: {local: {type: local}}
applications: {vpn: {ldap: {base_dn: dc=corp}, policies: {bindings: [{group: staff}]}}}
listen: {ldap: ["127.0.0.1:0"]}
plugins:
  directory: .
  allow:
    - name: faulty
      config:
        answer: 5
        sites:
          - lat: 1
          - lat: north
        size: 1
`), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	h, err := open(t.Context(), cfg, Options{}, quick())
	if err == nil {
		h.Close()
		t.Fatal("it was taken")
	}
	want := strings.NewReplacer("FILE", file).Replace(
		`FILE:11:17: plugins.allow[0].config.answer: plugin faulty says: is a number; text in quotes is due
FILE:14:18: plugins.allow[0].config.sites[1].lat: plugin faulty says: is text; a number is due
FILE:15:15: plugins.allow[0].config.size: plugin faulty says: unknown key; there are: answer, sites`)
	if err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

// TestOnFailure: what the administrator wrote is the answer when there is none,
// and stands where it must be right.
func TestOnFailure(t *testing.T) {
	t.Parallel()
	p := faulty()
	p.OnFailure = map[string]any{"fails": false, "slow": true, "huge": "?"}
	log := &testenv.Log{}
	h, err := open(t.Context(), configFor(p), Options{Log: log.Logger(slog.LevelInfo)}, quick())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	for name, want := range map[string]any{"faulty.fails": false, "faulty.slow": true, "faulty.huge": "?"} {
		if got, err := h.ask(t, name); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	if got, err := h.ask(t, "faulty.panics"); err == nil {
		t.Errorf("a function that is not named: %v", got)
	}
	if s := h.Status()[0]; s.Errors != 4 || s.Calls != 4 {
		t.Errorf("%d errors of %d calls, want 4 of 4", s.Errors, s.Calls)
	}
	if !strings.Contains(log.String(), "on_failure decides") || !strings.Contains(log.String(), "no idea") {
		t.Errorf("the log says nothing:\n%s", log)
	}
	p.OnFailure = map[string]any{"fails": "no", "nothing": true}
	_, err = open(t.Context(), configFor(p), Options{}, quick())
	if err == nil || !strings.Contains(err.Error(), "plugins.allow[0].on_failure.fails: is not what the function answers: want boolean, got string") ||
		!strings.Contains(err.Error(), `plugins.allow[0].on_failure.nothing: plugin faulty has no function "nothing"`) {
		t.Errorf("wrong values: %v", err)
	}
}
