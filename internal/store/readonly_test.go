package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
)

func TestReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	if _, err := store.Open(t.Context(), file, store.ReadOnly()); !errors.Is(err, store.ErrMissing) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Fatal("the file was made")
	}
	writer, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string) {
		t.Helper()
		_, err := writer.ChangePolicies(t.Context(), time.Now(), func([]store.Policy) (store.PolicyChange, error) {
			return store.PolicyChange{Put: []store.Policy{{Name: name, Text: "{}"}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("first")
	check := func(when string, want int) {
		t.Helper()
		s, err := store.Open(t.Context(), file, store.ReadOnly())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		defer s.Close()
		if list, _, err := s.Policies(t.Context()); err != nil || len(list) != want {
			t.Errorf("%s: %d policies, want %d, error %v", when, len(list), want, err)
		}
		if _, err := s.AddUser(t.Context(), store.User{Login: "alice"}, nil, time.Now()); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: adding a user: %v", when, err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	check("while a server has it open", 1)
	put("second")
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check("after its end", 2)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed, error %v", err)
	}
	if writer, err = store.Open(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	put("third")
	check("when the server is back", 3)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlySchema: a schema of another program is refused, and stays.
func TestReadOnlySchema(t *testing.T) {
	for _, tt := range []struct {
		name, statement string
		old             bool
	}{
		{"older", `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`, true},
		{"none", `DROP TABLE goose_db_version`, true},
		{"newer", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "s.db")
			s, err := store.Open(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), tt.statement); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(t.Context(), file, store.ReadOnly()); err == nil || errors.Is(err, store.ErrOldSchema) != tt.old {
				t.Errorf("error %v", err)
			}
		})
	}
}
