package directory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var settings = config.DirectoryCache{Entries: 3, TTL: 30 * time.Second, NegativeTTL: 5 * time.Second}

// renewing answers a fresh User each time, as a directory does.
type renewing struct{ *testenv.Directory }

func (r renewing) Lookup(ctx context.Context, login string) (*identity.User, error) {
	u, err := r.Directory.Lookup(ctx, login)
	if err != nil {
		return nil, err
	}
	fresh := *u
	return &fresh, nil
}

func people() renewing {
	users := map[string]string{}
	for i := range 10 {
		users[fmt.Sprintf("user%d", i)] = "right"
	}
	return renewing{testenv.NewDirectory(users)}
}

func wrap(t *testing.T, inner directory.Directory, cfg config.DirectoryCache) *directory.Cached {
	c := directory.NewCached(inner, cfg, 10*time.Second)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRemembers(t *testing.T) {
	type step struct {
		login string
		after time.Duration
		asked int64 // look-ups of the directory so far
	}
	for _, tt := range []struct {
		name  string
		cfg   config.DirectoryCache
		steps []step
	}{
		{"a user for the TTL", settings, []step{{"user1", 0, 1}, {"user1", 29 * time.Second, 1}, {"user1", 2 * time.Second, 2}}},
		{"nobody for the negative TTL", settings, []step{{"nobody", 0, 1}, {"nobody", 4 * time.Second, 1}, {"nobody", 2 * time.Second, 2}}},
		{"each spelling apart", settings, []step{{"user1", 0, 1}, {"USER1", 0, 2}, {"user1", 0, 2}}},
		{"the latest users", settings, []step{{"user1", 0, 1}, {"user2", 0, 2}, {"user3", 0, 3}, {"user4", 0, 4}, {"user1", 0, 5}, {"user4", 0, 5}}},
		{
			"users in spite of many who are nobody", settings,
			[]step{{"user1", 0, 1}, {"a", 0, 2}, {"b", 0, 3}, {"c", 0, 4}, {"d", 0, 5}, {"user1", 0, 5}},
		},
		{"nothing without entries", config.DirectoryCache{TTL: time.Hour, NegativeTTL: time.Hour}, []step{{"user1", 0, 1}, {"user1", 0, 2}, {"x", 0, 3}, {"x", 0, 4}}},
		{"nothing without a TTL", config.DirectoryCache{Entries: 3}, []step{{"user1", 0, 1}, {"user1", 0, 2}, {"x", 0, 3}, {"x", 0, 4}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := people()
				c := wrap(t, inner, tt.cfg)
				for i, s := range tt.steps {
					time.Sleep(s.after)
					u, err := c.Lookup(t.Context(), s.login)
					if known := len(s.login) == len("user1"); known != (err == nil) || known != (u != nil) || !known && !errors.Is(err, identity.ErrNotFound) {
						t.Errorf("step %d: %s is %v, %v", i, s.login, u, err)
					}
					if got := inner.Lookups.Load(); got != s.asked {
						t.Errorf("step %d: %d look-ups, want %d", i, got, s.asked)
					}
				}
			})
		})
	}
}

func TestForgetsWhoWasRefused(t *testing.T) {
	for _, tt := range []struct {
		name, password string
		change         func(*testenv.Directory)
		asked          int64
	}{
		{"right", "right", nil, 1},
		{"wrong", "wrong", nil, 2},
		{"locked", "right", func(d *testenv.Directory) { d.Says = identity.Locked }, 2},
		{"an outage is no refusal", "right", func(d *testenv.Directory) { d.Down = true }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := people()
			c := wrap(t, inner, settings)
			u, err := c.Lookup(t.Context(), "User1")
			if err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(inner.Directory)
			}
			_, _ = c.Verify(t.Context(), u, identity.NewPassword(tt.password))
			inner.Down = false
			if _, err := c.Lookup(t.Context(), "User1"); err != nil || inner.Lookups.Load() != tt.asked {
				t.Errorf("%d look-ups, %v; want %d", inner.Lookups.Load(), err, tt.asked)
			}
		})
	}
}

// slow takes its time for each look-up, and more for users, who have groups; and
// for each check.
type slow struct{ renewing }

func (s slow) Lookup(ctx context.Context, login string) (*identity.User, error) {
	time.Sleep(50 * time.Millisecond)
	return s.renewing.Lookup(ctx, login)
}

func (s slow) Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error) {
	time.Sleep(10 * time.Millisecond)
	return s.renewing.Verify(ctx, u, c)
}

func (slow) VerifyNobody(context.Context, string, identity.Credential) error {
	time.Sleep(10 * time.Millisecond)
	return nil
}

// TestMemoryDoesNotShow: a refused login takes as long whoever is asked for, and
// whether that is remembered or not; others get what memory spares.
func TestMemoryDoesNotShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrap(t, slow{people()}, settings)
		login := func(login, password string) time.Duration {
			begin := time.Now()
			u, err := c.Lookup(t.Context(), login)
			if err != nil {
				_ = c.VerifyNobody(t.Context(), login, identity.NewPassword(password))
			} else if v, err := c.Verify(t.Context(), u, identity.NewPassword(password)); err != nil || v == identity.Right != (password == "right") {
				t.Errorf("%s with %s: %s, %v", login, password, v, err)
			}
			return time.Since(begin)
		}
		const all, check, tick = 60 * time.Millisecond, 10 * time.Millisecond, time.Millisecond
		for i, s := range []struct {
			login, password string
			takes           time.Duration
		}{
			{"nobody", "wrong", all},
			{"nobody", "wrong", all}, // remembered
			{"user1", "wrong", all},
			{"user1", "wrong", all}, // forgotten
			{"user1", "right", all}, // forgotten again
			{"user1", "right", check},
			{"user1", "wrong", all}, // remembered
			{"user1", "wrong", all}, // forgotten
		} {
			if took := login(s.login, s.password); (took - s.takes).Abs() > tick {
				t.Errorf("step %d: %s with %s takes %s, want %s", i, s.login, s.password, took, s.takes)
			}
		}
		// Of those who come together, none is quicker because of the others.
		login("user1", "right")
		var together sync.WaitGroup
		for range 3 {
			together.Go(func() {
				if took := login("user1", "wrong"); (took - all).Abs() > tick {
					t.Errorf("together it takes %s", took)
				}
			})
		}
		together.Wait()
	})
}

// TestMemoryHoldsNobodyUp: who leaves, and Close, do not wait for the sake of the
// clock.
func TestMemoryHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrap(t, slow{people()}, settings)
		if _, err := c.Lookup(t.Context(), "nobody"); !errors.Is(err, identity.ErrNotFound) {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := c.Lookup(ctx, "nobody"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past the deadline: %v", err)
		}
		left := make(chan error)
		begin := time.Now()
		go func() {
			_, err := c.Lookup(t.Context(), "nobody")
			left <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-left; err == nil || errors.Is(err, identity.ErrNotFound) || time.Since(begin) != 0 {
			t.Errorf("after Close: %v, %s", err, time.Since(begin))
		}
	})
}

func TestOutageIsNotRemembered(t *testing.T) {
	inner := people()
	inner.Down = true
	c := wrap(t, inner, settings)
	if _, err := c.Lookup(t.Context(), "user1"); !errors.Is(err, testenv.ErrDown) {
		t.Fatalf("got %v", err)
	}
	inner.Down = false
	if u, err := c.Lookup(t.Context(), "user1"); err != nil || u.Login != "user1" {
		t.Errorf("back again: %v, %v", u, err)
	}
}

// gate holds look-ups until it is opened.
type gate struct {
	renewing
	open chan struct{}
}

func (g gate) Lookup(ctx context.Context, login string) (*identity.User, error) {
	select {
	case <-g.open:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return g.renewing.Lookup(ctx, login)
}

func TestEqualLookupsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := gate{people(), make(chan struct{})}
		c := wrap(t, inner, settings)
		impatient, leave := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := c.Lookup(impatient, "user1")
			first <- err
		}()
		synctest.Wait()
		var others sync.WaitGroup
		for range 20 {
			others.Go(func() {
				if u, err := c.Lookup(t.Context(), "user1"); err != nil || u.Login != "user1" {
					t.Errorf("who joined got %v, %v", u, err)
				}
			})
		}
		synctest.Wait()
		leave() // who asked first goes; the others still get their answer
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(inner.open)
		others.Wait()
		if n := inner.Lookups.Load(); n != 1 {
			t.Errorf("%d look-ups", n)
		}
	})
}

func TestChecksAreNeverJoined(t *testing.T) {
	inner := people()
	c := wrap(t, inner, settings)
	u, err := c.Lookup(t.Context(), "user1")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			password, want := "right", identity.Right
			if i%2 == 1 {
				password, want = "wrong", identity.Wrong
			}
			if v, err := c.Verify(t.Context(), u, identity.NewPassword(password)); v != want || err != nil {
				t.Errorf("%s: %s, %v", password, v, err)
			}
		})
	}
	all.Wait()
	if n := inner.Verified.Load(); n != 20 {
		t.Errorf("%d of 20 checks reached the directory", n)
	}
}

func TestLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := gate{people(), make(chan struct{})}
		c := wrap(t, inner, settings)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 1024 {
			all.Go(func() { _, _ = c.Lookup(ctx, fmt.Sprint("crowd", i)) })
		}
		synctest.Wait()
		_, err := c.Lookup(t.Context(), "user1")
		var busy interface{ Overloaded() bool }
		if !errors.As(err, &busy) || !busy.Overloaded() {
			t.Errorf("one more: %v", err)
		}
		cancel()
		all.Wait()
		time.Sleep(11 * time.Second) // the look-ups have ended by themselves
		close(inner.open)
		if _, err := c.Lookup(t.Context(), "user1"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

type panicking struct{ renewing }

func (panicking) Lookup(context.Context, string) (*identity.User, error) { panic("look up") }

func TestPanicIsAnError(t *testing.T) {
	if _, err := wrap(t, panicking{people()}, settings).Lookup(t.Context(), "user1"); err == nil {
		t.Error("no error")
	}
}

func TestClose(t *testing.T) {
	inner := gate{people(), make(chan struct{})}
	c := directory.NewCached(inner, settings, time.Minute)
	got := make(chan error)
	go func() {
		_, err := c.Lookup(context.Background(), "user1")
		got <- err
	}()
	for c.Stats().Misses == 0 {
		time.Sleep(time.Millisecond)
	}
	c.Close()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("a look-up at work ended with %v", err)
	}
	if _, err := c.Lookup(t.Context(), "user2"); err == nil {
		t.Error("a look-up after the end was answered")
	}
}

func (r renewing) Find(ctx context.Context, f filter.Filter) (*identity.User, error) {
	for i := range 10 {
		u, err := r.Lookup(ctx, fmt.Sprintf("user%d", i))
		if err != nil {
			return nil, err
		}
		u.Directory = "home"
		if ok, err := f.User(u); ok || err != nil {
			return u, err
		}
	}
	return nil, identity.ErrNotFound
}
