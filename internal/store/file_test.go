package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// questions are what a login and a change ask of the store.
func questions(t *testing.T, s *store.Store, id string) map[string]error {
	t.Helper()
	_, byLogin := s.UserByLogin(t.Context(), "alice")
	_, byID := s.UserByID(t.Context(), id)
	_, groups := s.GroupsOf(t.Context(), id)
	_, empty := s.Empty(t.Context())
	_, _, policies := s.Policies(t.Context())
	_, revision := s.PoliciesRevision(t.Context())
	return map[string]error{
		"ping": s.Ping(t.Context()), "user by login": byLogin, "user by ID": byID, "groups": groups, "empty": empty,
		"policies": policies, "revision": revision,
		"change": s.SetDisabled(t.Context(), id, false, time.Now()),
	}
}

func TestFileReplacedOrRemoved(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(file, other string) error
	}{
		{"removed", func(file, _ string) error { return os.Remove(file) }},
		{"moved away", func(file, _ string) error { return os.Rename(file, file+".old") }},
		{"replaced", func(file, other string) error { return os.Rename(other, file) }},
		{"moved away and back", nil}, // see below
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file, other := filepath.Join(dir, "s.db"), filepath.Join(dir, "backup.db")
			backup, err := store.Open(t.Context(), other)
			if err != nil {
				t.Fatal(err)
			}
			if err := backup.Close(); err != nil {
				t.Fatal(err)
			}
			var log testenv.Log
			s, err := store.Open(t.Context(), file, store.WithLog(log.Logger(nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			u, err := s.AddUser(t.Context(), store.User{Login: "alice"}, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if c.do != nil {
				err = c.do(file, other)
			} else if err = os.Rename(file, file+".old"); err == nil {
				if s.Ping(t.Context()) == nil {
					t.Error("not missed while it was away")
				}
				err = os.Rename(file+".old", file)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := "the store's file " + file + " was replaced or removed while it was open; stop Sallyport, remove " + file + "-wal if it is still there then, and start it again"
			for name, err := range questions(t, s, u.ID) {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), want) {
				t.Errorf("%d lines of level ERROR in\n%s", n, log.String())
			}
		})
	}
}

func TestBusy(t *testing.T) {
	t.Parallel() // it waits
	file := filepath.Join(t.TempDir(), "s.db")
	s := open(t, file)
	hold(t, file, `BEGIN IMMEDIATE`)
	err := s.AddGroup(t.Context(), "staff", time.Now())
	if !errors.Is(err, store.ErrBusy) || err.Error() != "add group: "+store.ErrBusy.Error() {
		t.Errorf("change: %v", err)
	}
}

func TestBusyAtOpen(t *testing.T) {
	t.Parallel() // it waits
	file := filepath.Join(t.TempDir(), "s.db")
	hold(t, file, `PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`)
	_, err := store.Open(t.Context(), file)
	if !errors.Is(err, store.ErrBusy) || err.Error() != "open store "+file+": "+store.ErrBusy.Error() {
		t.Errorf("open: %v", err)
	}
}

// hold keeps a file locked, as another program may, till the end of the test.
func hold(t *testing.T, file, lock string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsStillTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	s := open(t, file)
	u, err := s.AddUser(t.Context(), store.User{Login: "alice"}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	// What SQLite does with the file, and another Store that comes and goes.
	exec(t, file, `PRAGMA wal_checkpoint(TRUNCATE)`)
	exec(t, file, `VACUUM`)
	if second, err := store.Open(t.Context(), file); err != nil {
		t.Fatal(err)
	} else if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range questions(t, s, u.ID) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
