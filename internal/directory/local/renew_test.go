package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// ssha is a hash of word.
const ssha = "{SSHA}/0WQZMZOkjhl11ys9d1hGhlript0n5vn"

func addForeign(t *testing.T, s *store.Store, login, encoded string, disabled bool) store.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.User{Login: login, PasswordHash: config.NewSecret(encoded), Disabled: disabled}, nil,
		time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHashIsRenewed(t *testing.T) {
	for name, encoded := range map[string]string{
		"foreign": ssha,
		"argon2i": vectors()["OpenLDAP ARGON2"],
		"cheaper": hash(t, &config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1}, word).Reveal(),
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			before := addForeign(t, s, "alice", encoded, false)
			cost := &config.Argon2{Memory: 16, Iterations: 1, Parallelism: 1}
			d, err := New("home", s, &config.Directory{LocalDirectory: config.LocalDirectory{Argon2: cost}}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			verify := func(password string, want identity.Verdict) {
				t.Helper()
				if got, err := d.Verify(t.Context(), &identity.User{ID: before.ID}, identity.NewPassword(password)); err != nil || got != want {
					t.Errorf("%v, %v; want %v", got, err, want)
				}
			}
			verify("wrong", identity.Wrong)
			d.renewals.running.Wait()
			if u, err := s.UserByID(t.Context(), before.ID); err != nil || u.PasswordHash.Reveal() != encoded {
				t.Fatalf("a wrong password changed the hash (%v)", err)
			}
			verify(word, identity.Right)
			d.renewals.running.Wait()
			after, err := s.UserByID(t.Context(), before.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(after.PasswordHash.Reveal(), "$argon2id$v=19$m=16,t=1,p=1$") {
				t.Error("the hash is not of the configured cost")
			}
			if !after.PasswordChanged.Equal(before.PasswordChanged) || !after.Updated.Equal(before.Updated) {
				t.Errorf("changed %v, updated %v", after.PasswordChanged, after.Updated)
			}
			verify(word, identity.Right)
			verify("wrong", identity.Wrong)
			d.renewals.running.Wait()
			if again, err := s.UserByID(t.Context(), before.ID); err != nil || again.PasswordHash.Reveal() != after.PasswordHash.Reveal() {
				t.Errorf("renewed a second time (%v)", err)
			}
		})
	}
}

func TestHashOfDisabledUserStays(t *testing.T) {
	s := openStore(t)
	u := addForeign(t, s, "carol", ssha, true)
	d := newDirectory(t, s)
	if got, err := d.Verify(t.Context(), &identity.User{ID: u.ID}, identity.NewPassword(word)); err != nil || got != identity.Disabled {
		t.Errorf("%v, %v", got, err)
	}
	d.renewals.running.Wait()
	if u, err := s.UserByID(t.Context(), u.ID); err != nil || u.PasswordHash.Reveal() != ssha {
		t.Errorf("renewed (%v)", err)
	}
}

// slow is a store that hands out what it is told to replace and answers when it
// is told to.
type slow struct {
	*store.Store
	asked  chan struct{}
	answer chan error
}

func (s *slow) RenewHash(ctx context.Context, id string, old, renewed config.Secret) (bool, error) {
	s.asked <- struct{}{}
	if err := <-s.answer; err != nil {
		return false, err
	}
	return s.Store.RenewHash(ctx, id, old, renewed)
}

func newSlow(t *testing.T, log io.Writer) (*slow, *Directory, *identity.User) {
	t.Helper()
	s := &slow{openStore(t), make(chan struct{}), make(chan error)}
	u := addForeign(t, s.Store, "alice", ssha, false)
	d, err := New("home", s, &config.Directory{LocalDirectory: config.LocalDirectory{Argon2: cheap()}}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, d, &identity.User{ID: u.ID}
}

func TestNewPasswordBeatsRenewal(t *testing.T) {
	s, d, u := newSlow(t, io.Discard)
	if got, err := d.Verify(t.Context(), u, identity.NewPassword(word)); err != nil || got != identity.Right {
		t.Fatalf("%v, %v", got, err)
	}
	<-s.asked // the login has its answer, the new hash is not written
	if err := s.SetPassword(t.Context(), u.ID, hash(t, cheap(), "new"), time.Now()); err != nil {
		t.Fatal(err)
	}
	s.answer <- nil
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	now, err := s.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{word: false, "new": true} {
		if got, err := Matches(now.PasswordHash, password); err != nil || got != want {
			t.Errorf("%s: %v, %v", password, got, err)
		}
	}
}

func TestFailedRenewalIsLogged(t *testing.T) {
	var log testenv.Log
	s, d, u := newSlow(t, &log)
	for range 2 { // the second login tries again
		if got, err := d.Verify(t.Context(), u, identity.NewPassword(word)); err != nil || got != identity.Right {
			t.Fatalf("%v, %v", got, err)
		}
		<-s.asked
		s.answer <- errors.New("the disk is full")
		d.renewals.running.Wait()
	}
	if n := strings.Count(log.String(), `level=WARN msg="the hash of a password could not be replaced`); n != 2 {
		t.Errorf("%d warnings in\n%s", n, log.String())
	}
	if text := log.String(); !strings.Contains(text, "user=alice") || !strings.Contains(text, "disk is full") || strings.Contains(text, "argon2id") || strings.Contains(text, "SSHA") {
		t.Error(text)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRenewalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := &counting{block: make(chan struct{})}
		r := &renewer{users: users, log: slog.New(slog.DiscardHandler)}
		r.add(renewal{}) // is being written
		synctest.Wait()
		for range maxRenewals + 10 {
			r.add(renewal{})
		}
		close(users.block)
		r.running.Wait()
		if users.n != 1+maxRenewals {
			t.Errorf("%d written, want %d", users.n, 1+maxRenewals)
		}

		users.block = make(chan struct{})
		for range 3 {
			r.add(renewal{})
		}
		synctest.Wait()
		go close(users.block)
		r.close()
		r.add(renewal{})
		if users.n != 2+maxRenewals {
			t.Errorf("%d written, want the one that was under way when it closed", users.n-1-maxRenewals)
		}
	})
}

// counting counts, after it was let go.
type counting struct {
	stored
	block chan struct{}
	n     int
}

func (c *counting) RenewHash(context.Context, string, config.Secret, config.Secret) (bool, error) {
	<-c.block
	c.n++
	return true, nil
}
