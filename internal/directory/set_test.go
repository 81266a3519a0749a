package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestSet(t *testing.T) {
	first := renewing{testenv.NewDirectory(map[string]string{"user1": "x"})}
	second := people()
	set := directory.NewSet([]directory.Source{
		{Name: "corp", Users: wrap(t, first, settings)}, {Name: "home", Users: wrap(t, second, settings)},
	})
	ctx, sources := fresh.Watch(t.Context())
	for _, c := range []struct {
		directory, login string
		err              error
	}{
		{"", "user1", nil},
		{"", "user2", nil},
		{"home", "user1", nil},
		{"corp", "user2", identity.ErrNotFound},
		{"", "nobody", identity.ErrNotFound},
	} {
		if u, err := set.UserByLogin(ctx, c.directory, c.login); !errors.Is(err, c.err) || c.err == nil && (err != nil || u.Login != c.login) {
			t.Errorf("%s in %q: %+v, %v", c.login, c.directory, u, err)
		}
	}
	if !sources.Current() || second.Lookups.Load() != 3 {
		t.Errorf("current %v, %d look-ups in the second directory", sources.Current(), second.Lookups.Load())
	}
	if _, err := set.UserByLogin(ctx, "hom", "user1"); err == nil || errors.Is(err, identity.ErrNotFound) || !strings.Contains(err.Error(), `did you mean "home"?`) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if ok, _ := sources.Keep(); ok {
		t.Error("a failure may be kept")
	}
}

func TestSetFinds(t *testing.T) {
	broken := down()
	set := directory.NewSet([]directory.Source{
		{Name: "corp", Users: wrap(t, broken, settings)}, {Name: "home", Users: wrap(t, people(), settings)},
	})
	f := named(t, map[string]any{"username": "user3"})
	if u, err := set.FindUser(t.Context(), f); !errors.Is(err, testenv.ErrDown) || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("with a directory down: %+v, %v", u, err)
	}
	asked := broken.Lookups.Load()
	if u, err := set.FindUser(t.Context(), named(t, map[string]any{"username": "user3", "source": "home"})); err != nil || u.Login != "user3" || broken.Lookups.Load() != asked {
		t.Errorf("of another source: %+v, %v", u, err)
	}
	if u, err := set.FindUser(t.Context(), named(t, map[string]any{"username": "user3", "source__in": []any{}})); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("of no source: %+v, %v", u, err)
	}
	for _, fields := range []map[string]any{
		{"username": "user3", "source": "hone"},
		{"username": "user3", "source": "Home"},
		{"username": "user3", "source__in": []any{"home", "hone"}},
	} {
		ctx, sources := fresh.Watch(t.Context())
		if u, err := set.FindUser(ctx, named(t, fields)); err == nil || errors.Is(err, identity.ErrNotFound) || !strings.Contains(err.Error(), `did you mean "home"?`) {
			t.Errorf("%v: %+v, %v", fields, u, err)
		}
		if ok, _ := sources.Keep(); ok {
			t.Errorf("%v: the failure may be kept", fields)
		}
	}
	broken.Down = false
	if u, err := set.FindUser(t.Context(), f); err != nil || u.Login != "user3" {
		t.Errorf("back again: %+v, %v", u, err)
	}
	if _, err := directory.NewSet(nil).FindUser(t.Context(), f); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("of no directories: %v", err)
	}
}
