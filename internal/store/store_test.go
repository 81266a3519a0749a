package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, file string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		file := filepath.Join(t.TempDir(), "s.db")
		return func(t *testing.T) *store.Store { return open(t, file) }
	})
}

func TestOpenKeepsWhatWasThere(t *testing.T) {
	// A name that means something in a URL.
	file := filepath.Join(t.TempDir(), "100% käse?mode=memory#1.db")
	s, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddUser(t.Context(), store.User{Login: "alice"}, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, want 0600", info.Mode().Perm())
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the log is still there after Close")
	}
	if _, err := open(t, file).UserByLogin(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	if s, err := store.Open(t.Context(), newer); err != nil {
		t.Fatal(err)
	} else if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, newer, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (977, 1)`)
	for _, c := range []struct{ name, file, want string }{
		{"no directory", filepath.Join(dir, "nowhere", "s.db"), "directory " + filepath.Join(dir, "nowhere") + " does not exist"},
		{"a directory", dir, "is a directory"},
		{"not a database", garbage, "not a database"},
		{"newer schema", newer, "version 977, but this program knows versions up to 3 only"},
	} {
		s, err := store.Open(t.Context(), c.file)
		if err == nil {
			t.Errorf("%s: opened (close: %v)", c.name, s.Close())
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "open store "+c.file+": ") {
			t.Errorf("%s: %q does not say %q", c.name, err, c.want)
		}
	}
}

func TestOpenMustExist(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.db")
	if s, err := store.Open(t.Context(), file, store.MustExist()); !errors.Is(err, store.ErrMissing) {
		t.Errorf("missing: %v, %v", s, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("made %v, %v", entries, err)
	}
	_, err := store.Open(t.Context(), filepath.Join(dir, "nowhere", "s.db"), store.MustExist())
	if err == nil || !strings.Contains(err.Error(), "nowhere does not exist; create it") {
		t.Errorf("without directory: %v", err)
	}
	open(t, file)
	s, err := store.Open(t.Context(), file, store.MustExist())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// exec changes a file behind the store's back.
func exec(t *testing.T, file, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestOpenAtTheSameTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), file)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCycleInFileEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	s := open(t, file)
	if _, err := s.Fill(t.Context(), []store.NewUser{{User: store.User{Login: "alice"}, Groups: []string{"a", "b"}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	exec(t, file, `INSERT INTO group_groups SELECT x.id, y.id FROM groups x, groups y WHERE x.id <> y.id`)
	u, err := s.UserByLogin(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if groups, err := s.GroupsOf(t.Context(), u.ID); err != nil || strings.Join(groups, " ") != "a b" {
		t.Errorf("%v, %v", groups, err)
	}
}

func TestTooManyGroups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	s := open(t, file)
	if _, err := s.Fill(t.Context(), []store.NewUser{{User: store.User{Login: "alice"}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	exec(t, file, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4097)
		INSERT INTO groups SELECT 'g' || i, 'g' || i, 'g' || i, 0 FROM n`)
	exec(t, file, `INSERT INTO group_users SELECT g.id, u.id FROM groups g, users u`)
	u, err := s.UserByLogin(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if groups, err := s.GroupsOf(t.Context(), u.ID); err == nil {
		t.Errorf("an answer with %d groups, want a refusal", len(groups))
	}
}

func BenchmarkLogin(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "s.db"))
	if _, err := s.Fill(b.Context(), []store.NewUser{{User: store.User{Login: "alice"}, Groups: []string{"vpn-users"}}}, time.Now()); err != nil {
		b.Fatal(err)
	}
	u, err := s.UserByLogin(b.Context(), "alice")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("user", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.UserByLogin(b.Context(), "alice"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("groups", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.GroupsOf(b.Context(), u.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
