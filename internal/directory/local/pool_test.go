package local

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// bench is a pool of one worker and a log of the order in which it worked.
type bench struct {
	*pool
	mu    sync.Mutex
	order strings.Builder
}

// key is the flight key of a check named by one letter.
func key(name byte) flightKey { return flightKey{name} }

// takes returns a check of that name that takes a while and is right.
func (b *bench) takes(name byte, d time.Duration) func() bool {
	return func() bool {
		b.mu.Lock()
		b.order.WriteByte(name)
		b.mu.Unlock()
		time.Sleep(d)
		return true
	}
}

// queued is how many checks wait.
func (b *bench) queued() int {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	return len(b.waiting)
}

// start begins a check that must end with want.
func (b *bench) start(ctx context.Context, t *testing.T, wg *sync.WaitGroup, name byte, d time.Duration, want error) {
	wg.Go(func() {
		right, err := b.match(ctx, key(name), b.takes(name, d))
		if !errors.Is(err, want) || right != (want == nil) {
			t.Errorf("%c: %v, %v; want error %v", name, right, err, want)
		}
	})
	synctest.Wait()
}

func inBubble(t *testing.T, want string, test func(t *testing.T, b *bench, wg *sync.WaitGroup)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{pool: newPool(1)}
		var wg sync.WaitGroup
		test(t, b, &wg)
		wg.Wait()
		b.close()
		if got := b.order.String(); got != want {
			t.Errorf("worked on %s, want %s", got, want)
		}
		if len(b.flights) != 0 || len(b.waiting) != 0 || b.workers != 0 {
			t.Errorf("left over: %d flights, %d waiting, %d workers", len(b.flights), len(b.waiting), b.workers)
		}
	})
}

func TestNewestFirst(t *testing.T) {
	inBubble(t, "adcb", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		for _, name := range []byte("abcd") {
			b.start(t.Context(), t, wg, name, 100*time.Millisecond, nil)
		}
	})
}

func TestEqualChecksShare(t *testing.T) {
	inBubble(t, "abca", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		b.start(t.Context(), t, wg, 'a', time.Second, nil)
		b.start(t.Context(), t, wg, 'a', time.Second, nil) // runs already
		b.start(t.Context(), t, wg, 'b', time.Second, nil)
		b.start(t.Context(), t, wg, 'c', time.Second, nil)
		b.start(t.Context(), t, wg, 'b', time.Second, nil) // is newest now
		b.start(t.Context(), t, wg, 'a', time.Second, nil)
		wg.Wait()
		b.start(t.Context(), t, wg, 'a', time.Second, nil) // the old one is forgotten
	})
}

func TestDroppedAfterPatience(t *testing.T) {
	inBubble(t, "aba", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		b.start(t.Context(), t, wg, 'a', patience+time.Second, nil) // runs: longer than patience is fine
		begin := time.Now()
		b.start(t.Context(), t, wg, 'c', 0, ErrOverloaded)
		b.start(t.Context(), t, wg, 'c', 0, ErrOverloaded)
		b.start(t.Context(), t, wg, 'b', 0, ErrOverloaded)
		time.Sleep(patience - time.Second)
		b.start(t.Context(), t, wg, 'b', 0, nil) // keeps b alive, the earlier one goes
		time.Sleep(time.Second + time.Millisecond)
		if n := b.queued(); n != 1 {
			t.Errorf("%d wait %v after the start, want 1", n, time.Since(begin))
		}
		b.start(t.Context(), t, wg, 'a', time.Millisecond, nil)
		time.Sleep(time.Second)
		b.start(t.Context(), t, wg, 'a', time.Millisecond, nil)
	})
}

func TestLeaderLeaves(t *testing.T) {
	inBubble(t, "ab", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		leader, cancel := context.WithCancel(t.Context())
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		b.start(leader, t, wg, 'a', 2*time.Second, context.Canceled)
		b.start(t.Context(), t, wg, 'a', 2*time.Second, nil) // follows, and gets its answer
		b.start(leader, t, wg, 'b', time.Second, context.Canceled)
		b.start(t.Context(), t, wg, 'b', time.Second, nil) // the same while waiting
		b.start(leader, t, wg, 'c', time.Second, context.Canceled)
		b.start(short, t, wg, 'd', time.Second, context.DeadlineExceeded)
		b.start(short, t, wg, 'b', time.Second, context.DeadlineExceeded) // a follower may leave
		cancel()
		synctest.Wait()
		if n := b.queued(); n != 2 { // b and d
			t.Errorf("%d wait, want 2", n)
		}
		wg.Wait()
	})
}

func TestAbandonedWhileRunning(t *testing.T) {
	inBubble(t, "a", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.start(ctx, t, wg, 'a', 10*time.Second, context.DeadlineExceeded)
		wg.Wait()
		b.start(t.Context(), t, wg, 'a', time.Second, nil) // joins what runs on
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{pool: newPool(1)}
		var wg sync.WaitGroup
		b.start(t.Context(), t, &wg, 'a', time.Second, nil)
		var overloaded, done atomic.Int32
		for i := range maxWaiting + 10 {
			wg.Go(func() {
				_, err := b.match(t.Context(), flightKey{'x', byte(i), byte(i >> 8)}, func() bool { return true })
				if errors.Is(err, ErrOverloaded) {
					overloaded.Add(1)
				} else if err == nil {
					done.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := b.queued(); n != maxWaiting || overloaded.Load() != 10 {
			t.Errorf("%d wait, %d dropped", n, overloaded.Load())
		}
		wg.Wait()
		b.close()
		if overloaded.Load() != 10 || done.Load() != maxWaiting {
			t.Errorf("%d dropped, %d done", overloaded.Load(), done.Load())
		}
	})
}

func TestCloseWaits(t *testing.T) {
	inBubble(t, "a", func(t *testing.T, b *bench, wg *sync.WaitGroup) {
		b.start(t.Context(), t, wg, 'a', time.Second, nil)
		b.start(t.Context(), t, wg, 'b', time.Second, errClosed)
		begin := time.Now()
		b.close()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("close took %v, want until the running check ended", took)
		}
		if _, err := b.match(t.Context(), key('c'), nil); !errors.Is(err, errClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

func TestAsManyAsProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3)
		var now, most atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := p.match(t.Context(), key(byte(i)), func() bool {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Millisecond)
					now.Add(-1)
					return true
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p.close()
		if most.Load() != 3 {
			t.Errorf("%d at once, want 3", most.Load())
		}
	})
}

func TestOverloadIsRecognised(t *testing.T) {
	var buf bytes.Buffer
	d, err := New("home", stored{"alice": {Login: "alice", PasswordHash: hash(t, cheap(), "pw")}},
		&config.Directory{LocalDirectory: config.LocalDirectory{Argon2: cheap()}}, slog.New(slog.NewTextHandler(&buf, nil)))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		d.pool = newPool(0) // never gets to it
		for range 3 {
			begin := time.Now()
			_, err := d.Verify(t.Context(), &identity.User{ID: "alice"}, identity.NewPassword("pw"))
			if took := time.Since(begin); took != patience {
				t.Errorf("took %v, want %v", took, patience)
			}
			var overload interface{ Overloaded() bool }
			if !errors.As(err, &overload) || !overload.Overloaded() || !errors.Is(err, ErrOverloaded) {
				t.Errorf("%v is no overload", err)
			}
		}
		if err := d.VerifyNobody(t.Context(), "nobody", identity.NewPassword("pw")); !errors.Is(err, ErrOverloaded) {
			t.Errorf("nobody: %v", err)
		}
		if n := strings.Count(buf.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings within a minute, want 1:\n%s", n, buf.String())
		}
		time.Sleep(time.Minute)
		_ = d.VerifyNobody(t.Context(), "nobody", identity.NewPassword("pw"))
		if !strings.Contains(buf.String(), "dropped=4") {
			t.Errorf("the second warning does not count the others:\n%s", buf.String())
		}
	})
}

func TestFlightKey(t *testing.T) {
	d := newDirectory(t, stored{})
	same := d.flightKey("id", "hash", identity.NewPassword("pw"))
	if same != d.flightKey("id", "hash", identity.NewPassword("pw")) {
		t.Error("equal checks have different keys")
	}
	for _, other := range []flightKey{
		d.flightKey("id2", "hash", identity.NewPassword("pw")),
		d.flightKey("id", "hash2", identity.NewPassword("pw")),
		d.flightKey("id", "hash", identity.NewPassword("pw2")),
		d.flightKey("id", "has", identity.NewPassword("hpw")),
		d.flightKey("", "idhash", identity.NewPassword("pw")),
		newDirectory(t, stored{}).flightKey("id", "hash", identity.NewPassword("pw")),
	} {
		if other == same {
			t.Error("different checks have the same key")
		}
	}
}
