package directory_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// counted is a directory with a revision.
type counted struct {
	renewing
	revision int64
	fault    error
	gate     chan struct{} // holds look-ups until it is closed; nil does not
}

func (c *counted) Revision(context.Context) (int64, error) { return c.revision, c.fault }

func (c *counted) Lookup(ctx context.Context, login string) (*identity.User, error) {
	if c.gate != nil {
		<-c.gate
	}
	return c.renewing.Lookup(ctx, login)
}

func exact(t *testing.T, inner directory.Revised) *directory.Exact {
	e := directory.NewExact(inner, 10*time.Second)
	t.Cleanup(func() { e.Close() })
	return e
}

func TestExact(t *testing.T) {
	for name, ask := range questions(t) {
		inner := &counted{renewing: people()}
		e := exact(t, inner)
		first := watch(t, ask, e, "user0", true)
		watch(t, ask, e, "user0", true)
		n := inner.Lookups.Load()
		nobody := watch(t, ask, e, "nobody", false)
		asked := inner.Lookups.Load()
		watch(t, ask, e, "nobody", false)
		if n != 1 || inner.Lookups.Load() != asked || !first.Current() || !nobody.Current() {
			t.Errorf("%s: %d look-ups, current %v, %v", name, n, first.Current(), nobody.Current())
		}
		inner.revision++
		if first.Current() || nobody.Current() {
			t.Errorf("%s: current after a change", name)
		}
		second := watch(t, ask, e, "user0", true)
		if inner.Lookups.Load() != asked+1 || !second.Current() || first.Current() {
			t.Errorf("%s: after a change %d look-ups, current %v, the old one %v", name, inner.Lookups.Load(), second.Current(), first.Current())
		}
		inner.fault = errors.New("the disk is gone")
		if second.Current() {
			t.Errorf("%s: current, though nobody knows", name)
		}
	}
}

func TestExactAfterClose(t *testing.T) {
	e := exact(t, &counted{renewing: people()})
	e.Close()
	if _, err := e.UserByLogin(t.Context(), "user1"); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("after Close: %v", err)
	}
}

// TestExactSeesOtherPrograms: a change by another program counts at once.
func TestExactSeesOtherPrograms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	open := func() *store.Store {
		s, err := store.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	server, cli := open(), open()
	dir, err := local.New("home", server, &config.Directory{LocalDirectory: config.LocalDirectory{
		Argon2: &config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1},
	}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	e := exact(t, dir)
	alice, err := cli.AddUser(t.Context(), store.User{Login: "alice", Email: "a@example.org"}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := cli.AddGroup(t.Context(), "staff", time.Now()); err != nil {
		t.Fatal(err)
	}
	f := named(t, map[string]any{"email": "a@example.org", "groups__name": "staff"})
	for i, step := range []struct {
		change func() error
		found  bool
	}{
		{func() error { return nil }, false},
		{func() error {
			return cli.ChangeMembers(t.Context(), "staff", store.Members{Users: []string{"alice"}}, store.Members{})
		}, true},
		{func() error { return cli.SetDisabled(t.Context(), alice.ID, true, time.Now()) }, true},
		{func() error { return cli.DeleteUser(t.Context(), alice.ID) }, false},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		ctx, sources := fresh.Watch(t.Context())
		u, err := e.FindUser(ctx, f)
		if (err == nil) != step.found || err != nil && !errors.Is(err, identity.ErrNotFound) || step.found && u.Active != (i < 2) {
			t.Errorf("step %d: %+v, %v", i, u, err)
		}
		if !sources.Current() {
			t.Errorf("step %d: not current", i)
		}
		if err := cli.AddGroup(t.Context(), string(rune('a'+i)), time.Now()); err != nil || sources.Current() {
			t.Errorf("step %d: current after a change, %v", i, err)
		}
	}
}
