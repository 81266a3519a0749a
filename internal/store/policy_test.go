package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
)

// TestMigrateFromVersion1 opens a file that knows users alone.
func TestMigrateFromVersion1(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
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
	exec(t, file, `DROP TABLE user_revision; DROP INDEX users_by_email;
		DROP TABLE policies; DROP TABLE policy_revision; DELETE FROM goose_db_version WHERE version_id > 1`)
	s = open(t, file)
	if _, err := s.UserByLogin(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
	revision, err := s.ChangePolicies(t.Context(), time.Now(), func([]store.Policy) (store.PolicyChange, error) {
		return store.PolicyChange{Put: []store.Policy{{Name: "p", Text: `{}`}}}, nil
	})
	if err != nil || revision != 1 {
		t.Errorf("revision %d, %v", revision, err)
	}
}

func BenchmarkPolicies(b *testing.B) {
	file := filepath.Join(b.TempDir(), "s.db")
	s := open(b, file)
	var c store.PolicyChange
	for i := range 10_000 {
		c.Put = append(c.Put, store.Policy{Name: fmt.Sprint(i), Text: `{"scope":"authentication"}`})
	}
	if _, err := s.ChangePolicies(b.Context(), time.Now(), func([]store.Policy) (store.PolicyChange, error) { return c, nil }); err != nil {
		b.Fatal(err)
	}
	b.Run("revision", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.PoliciesRevision(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read 10000", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.Policies(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
