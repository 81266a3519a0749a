package daemon

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// TestUsersAreAskedInOrder: of directories that all have the user, the first of the
// default realm answers.
func TestUsersAreAskedInOrder(t *testing.T) {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddUser(t.Context(), store.User{Login: "alice"}, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	s := &Snapshot{directories: map[string]source{}, cfg: &config.Config{Realms: map[string]*config.Realm{
		"b": {Directories: []string{"two", "one"}, Default: true},
		"a": {Directories: []string{"three", "one"}},
	}}}
	for _, name := range []string{"one", "two", "three", "unused"} {
		dir, err := local.New(name, st, &config.Directory{LocalDirectory: config.LocalDirectory{
			Argon2: &config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1},
		}}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		opened := home{dir, directory.NewExact(dir, time.Second)}
		t.Cleanup(func() { opened.Close() })
		s.directories[name] = opened
	}
	users := s.users()
	if u, err := users.UserByLogin(t.Context(), "", "alice"); err != nil || u.Directory != "two" {
		t.Errorf("by login: %+v, %v", u, err)
	}
	for want, source := range map[string]any{"two": map[string]any{"source__isnull": false}, "three": map[string]any{"source__in": []any{"three"}}, "": map[string]any{"source": "unused"}} {
		f, err := filter.ForUsers(source.(map[string]any), nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := users.FindUser(t.Context(), f)
		if want == "" && (err == nil || errors.Is(err, identity.ErrNotFound)) || want != "" && (err != nil || u.Directory != want) {
			t.Errorf("%v: %+v, %v", source, u, err)
		}
	}
	if _, err := users.UserByLogin(t.Context(), "unused", "alice"); err == nil {
		t.Error("a directory that no realm uses was asked")
	}
}
