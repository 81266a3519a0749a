package directory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func named(tb testing.TB, fields map[string]any) filter.Filter {
	tb.Helper()
	f, err := filter.ForUsers(fields, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// asked is a question to a Searcher, by login or by filter.
type asked func(ctx context.Context, s directory.Searcher, login string) (*identity.User, error)

func questions(t *testing.T) map[string]asked {
	return map[string]asked{
		"by login": func(ctx context.Context, s directory.Searcher, login string) (*identity.User, error) {
			return s.UserByLogin(ctx, login)
		},
		"by filter": func(ctx context.Context, s directory.Searcher, login string) (*identity.User, error) {
			return s.FindUser(ctx, named(t, map[string]any{"username": login}))
		},
	}
}

// watch asks and returns for how long the answer stands.
func watch(t *testing.T, ask asked, s directory.Searcher, login string, found bool) *fresh.Sources {
	t.Helper()
	ctx, sources := fresh.Watch(t.Context())
	u, err := ask(ctx, s, login)
	if found && (err != nil || u.Login != login) || !found && (!errors.Is(err, identity.ErrNotFound) || u != nil) {
		t.Errorf("%s: %+v, %v", login, u, err)
	}
	return sources
}

func TestCachedTellsHowLong(t *testing.T) {
	for name, ask := range questions(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := people()
				c := wrap(t, inner, settings)
				first := watch(t, ask, c, "user1", true)
				nobody := watch(t, ask, c, "nobody", false)
				before := inner.Lookups.Load()
				second := watch(t, ask, c, "user1", true)
				watch(t, ask, c, "nobody", false)
				if inner.Lookups.Load() != before {
					t.Error("what is remembered was asked for again")
				}
				steps := []struct {
					after        time.Duration
					user, nobody bool
				}{{4 * time.Second, true, true}, {2 * time.Second, true, false}, {23 * time.Second, true, false}, {2 * time.Second, false, false}}
				for i, s := range steps {
					time.Sleep(s.after)
					if first.Current() != s.user || second.Current() != s.user || nobody.Current() != s.nobody {
						t.Errorf("step %d: current %v, %v, nobody %v", i, first.Current(), second.Current(), nobody.Current())
					}
				}
				again := watch(t, ask, c, "user1", true)
				if !again.Current() || first.Current() {
					t.Errorf("after another look-up: current %v, the old one %v", again.Current(), first.Current())
				}
			})
		})
	}
}

// A filter that finds nobody may find somebody when a group changes, and groups
// are remembered for the TTL at the most.
func TestNobodyIsNoOlderThanGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrap(t, people(), config.DirectoryCache{Entries: 3, TTL: time.Second, NegativeTTL: time.Minute})
		nobody := watch(t, questions(t)["by filter"], c, "nobody", false)
		if !nobody.Current() {
			t.Error("it was not kept")
		}
		time.Sleep(2 * time.Second)
		if nobody.Current() {
			t.Error("it was kept for longer than users are")
		}
	})
}

func TestCachedForgets(t *testing.T) {
	for name, ask := range questions(t) {
		c := wrap(t, people(), settings)
		first := watch(t, ask, c, "user1", true)
		for _, login := range []string{"user2", "user3", "user4"} {
			watch(t, ask, c, login, true)
		}
		if first.Current() {
			t.Errorf("%s: current, though driven out", name)
		}
		last := watch(t, ask, c, "user4", true)
		c.Close()
		if last.Current() {
			t.Errorf("%s: current after the end", name)
		}
	}
	c := wrap(t, people(), settings)
	u, err := c.Lookup(t.Context(), "user1")
	if err != nil {
		t.Fatal(err)
	}
	sources := watch(t, questions(t)["by login"], c, "user1", true)
	if _, err := c.Verify(t.Context(), u, identity.NewPassword("wrong")); err != nil || sources.Current() {
		t.Errorf("after a refused password: %v, current %v", err, sources.Current())
	}
}

func TestCachedKeepsNothing(t *testing.T) {
	for name, ask := range questions(t) {
		c := wrap(t, people(), config.DirectoryCache{})
		for login, found := range map[string]bool{"user1": true, "nobody": false} {
			if ok, why := watch(t, ask, c, login, found).Keep(); ok || why == "" {
				t.Errorf("%s: an answer of %s may be kept without a cache", name, login)
			}
		}
	}
}

// down is a directory that cannot be asked.
func down() renewing {
	inner := people()
	inner.Down = true
	return inner
}

func TestOutageIsNoAnswer(t *testing.T) {
	inner := down()
	for name, s := range map[string]directory.Searcher{
		"cached": wrap(t, inner, settings), "exact": exact(t, &counted{renewing: inner}), "revision": exact(t, &counted{renewing: people(), fault: testenv.ErrDown}),
	} {
		for question, ask := range questions(t) {
			ctx, sources := fresh.Watch(t.Context())
			u, err := ask(ctx, s, "user1")
			if ok, _ := sources.Keep(); !errors.Is(err, testenv.ErrDown) || errors.Is(err, identity.ErrNotFound) || u != nil || ok {
				t.Errorf("%s %s: %v, %v, kept %v", name, question, u, err, ok)
			}
		}
	}
	inner.Down = false
	if _, err := wrap(t, inner, settings).UserByLogin(t.Context(), "user1"); err != nil {
		t.Errorf("back again: %v", err)
	}
}

func TestEqualQuestionsAreOne(t *testing.T) {
	for name, ask := range questions(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := gate{people(), make(chan struct{})}
				for _, s := range []directory.Searcher{wrap(t, inner, settings), exact(t, &counted{renewing: inner.renewing, gate: inner.open})} {
					before := inner.Lookups.Load()
					var all sync.WaitGroup
					for range 20 {
						all.Go(func() { watch(t, ask, s, "user0", true) })
					}
					synctest.Wait()
					if inner.open != nil {
						close(inner.open)
						inner.open = nil
					}
					all.Wait()
					if n := inner.Lookups.Load() - before; n != 1 {
						t.Errorf("%T: %d look-ups", s, n)
					}
				}
			})
		})
	}
}
