package plugins

import (
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// configured is the Host of one configuration, the answer that is right in it, and
// the logins that began with it.
type configured struct {
	*Host
	listed policyengine.Helper
	right  bool
	logins sync.WaitGroup
}

// TestReloadUnderLoad: while 16 logins call, reloads change the helper and now and
// then its process is killed. No login gets an answer that is not the one of the
// configuration in which it began, and only those get none that a killed process was
// about to answer. Afterwards nothing is left of those that were replaced.
func TestReloadUnderLoad(t *testing.T) {
	const reloads = 6
	var present *configured
	var mu sync.Mutex // of present, and of who begins with it
	load := func(i int) *configured {
		names := []string{"erin", "mallory"}[i%2]
		var before *Host
		if present != nil {
			before = present.Host
		}
		h, err := open(t.Context(), configFor(
			config.Plugin{Name: "watchlist", Args: []string{"--names", names}, Timeout: 30 * time.Second}, // which changes
			config.Plugin{Name: "sampled"}, // which does not
		), Options{Log: slog.New(slog.DiscardHandler), Present: before}, quick())
		if err != nil {
			t.Fatal(err)
		}
		return &configured{Host: h, listed: h.helper(t, "watchlist.listed"), right: names == "erin"}
	}
	present = load(0)
	shared := present.Status()[1].PID

	var answers, wrong, failed, killed atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				c := present
				c.logins.Add(1)
				mu.Unlock()
				got, err := c.listed.Check(t.Context(), erin(), []policyengine.Value{"erin"})
				switch {
				case err != nil:
					failed.Add(1)
				case got != c.right:
					wrong.Add(1)
				default:
					answers.Add(1)
				}
				c.logins.Done()
			}
		})
	}
	var goroutines, files int
	for i := 1; i <= reloads; i++ {
		before := answers.Load()
		eventually(t, 30*time.Second, "under load", func() bool { return answers.Load() > before+100 })
		if i%3 == 0 {
			kill(t, present.Host)
			killed.Add(1)
		}
		next := load(i)
		mu.Lock()
		old := present
		present = next
		mu.Unlock()
		old.logins.Wait()
		pid := old.Status()[0].PID
		old.Close()
		if pid != 0 && !gone(pid) {
			t.Errorf("reload %d: the old process is left", i)
		}
		if i == 1 {
			goroutines, files = runtime.NumGoroutine(), openFiles(t)
		}
	}
	close(stop)
	callers.Wait()
	t.Logf("%d answers, %d wrong, %d without one in %d reloads and %d kills", answers.Load(), wrong.Load(), failed.Load(), reloads, killed.Load())
	if wrong.Load() > 0 || failed.Load() > 32*killed.Load() { // in flight, and one that met the breaking connection
		t.Errorf("%d wrong answers, %d logins without one", wrong.Load(), failed.Load())
	}
	if pid := present.Status()[1].PID; pid != shared {
		t.Errorf("the program that did not change runs as %d, and was %d", pid, shared)
	}
	eventually(t, 10*time.Second, "as many goroutines and files as after the first reload", func() bool {
		return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files
	})
	present.Close()
}

// openFiles counts what this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no /proc on this system: %v", err)
	}
	return len(list)
}
