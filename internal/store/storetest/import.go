package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// importing runs an Import and returns its outcomes as words: users, groups,
// nested.
func importing(t *testing.T, s *store.Store, in store.Import) (string, store.Imported) {
	t.Helper()
	done, err := s.Import(t.Context(), in, noon().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, list := range [][]store.Result{done.Users, done.Groups, done.Nested} {
		for _, r := range list {
			word := r.Outcome.String()
			if len(r.Changed) > 0 {
				word += "(" + strings.Join(r.Changed, ",") + ")"
			}
			if (r.Err != nil) != (r.Outcome == store.Faulty) {
				t.Errorf("%s with error %v", word, r.Err)
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, " "), done
}

func newUser(u store.User, groups ...string) store.NewUser {
	return store.NewUser{User: u, Groups: groups}
}

func testImport(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	alice := add(t, s, "alice")
	group(t, s, "Staff", store.Members{})
	in := store.Import{
		Users: []store.NewUser{
			newUser(store.User{Login: "ALICE", Name: "Alice", Email: "a@x", Disabled: true, Superuser: true, Service: true, PasswordHash: config.NewSecret("h")}, "staff", "new"),
			newUser(store.User{Login: "bob", Name: "Bob", Superuser: true, PasswordHash: config.NewSecret("h")}, "staff"),
			newUser(store.User{Login: "carol", Disabled: true}, "vpn"),
		},
		Groups: []string{"VPN", "empty"},
		Nested: []store.Nesting{{Group: "all", Member: "vpn"}, {Group: "all", Member: "staff"}},
	}
	dry := in
	dry.DryRun = true
	got, done := importing(t, s, dry)
	diff(t, "dry run", got, "skipped added added added added updated(group vpn) skipped")
	if done.Stored || s.Ping(ctx) != nil {
		t.Error("the dry run stored something")
	}
	if all, err := s.Users(ctx); err != nil || len(all) != 1 {
		t.Errorf("%d users after the dry run, %v", len(all), err)
	}
	if groups, err := s.Groups(ctx); err != nil || len(groups) != 1 {
		t.Errorf("%d groups after the dry run, %v", len(groups), err)
	}

	got, done = importing(t, s, in)
	diff(t, "first", got, "skipped added added added added updated(group vpn) skipped")
	diff(t, "groups made", done.Made, []string{"vpn", "empty", "all"})
	if !done.Stored {
		t.Error("not stored")
	}
	wantUser(t, s, "who existed", alice)
	bob, err := s.UserByLogin(ctx, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if later := noon().Add(time.Hour); !bob.PasswordChanged.Equal(later) || !bob.Created.Equal(later) || !bob.Superuser {
		t.Errorf("bob is %+v", bob)
	}
	wantGroups(t, s, bob.ID, "Staff")
	carol, err := s.UserByLogin(ctx, "carol")
	if err != nil || !carol.PasswordChanged.IsZero() || !carol.Disabled {
		t.Errorf("carol is %+v, %v", carol, err)
	}
	wantGroups(t, s, carol.ID, "all", "vpn")

	in.Update = true
	got, _ = importing(t, s, in)
	diff(t, "update", got, "updated(name,email,password,disabled,group Staff,group new) unchanged unchanged unchanged unchanged unchanged updated(group Staff)")
	alice.Name, alice.Email, alice.Disabled = "Alice", "a@x", true
	alice.PasswordHash, alice.PasswordChanged, alice.Updated = config.NewSecret("h"), noon().Add(time.Hour), noon().Add(time.Hour)
	wantUser(t, s, "updated, but the flags", alice)
	wantGroups(t, s, alice.ID, "Staff", "all", "new")

	in.Users[0].Name, in.Users[0].Email, in.Users[0].PasswordHash, in.Users[0].Disabled = "", "", config.Secret{}, false
	got, done = importing(t, s, in)
	diff(t, "again, with less", got, strings.TrimSuffix(strings.Repeat("unchanged ", 7), " "))
	wantUser(t, s, "what is empty stays", alice)
	if len(done.Made) != 0 || !done.Stored {
		t.Errorf("%+v", done)
	}
}

func testImportFaults(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	in := store.Import{
		Users: []store.NewUser{
			newUser(store.User{Login: "alice"}, "staff"),
			newUser(store.User{Login: "b\x00b"}, "never"),
			newUser(store.User{Login: "carol"}, "\xff"),
		},
		Groups: []string{"", "good"},
		Nested: []store.Nesting{{Group: "good", Member: "good"}, {Group: "good", Member: "staff"}, {Group: "staff", Member: "good"}, {Group: " x", Member: "y"}},
	}
	const want = "added fault fault fault added fault updated(group staff) fault fault"
	got, done := importing(t, s, in)
	diff(t, "all or nothing", got, want)
	if empty, err := s.Empty(ctx); err != nil || !empty || done.Stored {
		t.Errorf("stored %v, empty %v, %v", done.Stored, empty, err)
	}
	wantIs(t, "cycle", done.Nested[0].Err, store.ErrCycle)

	in.Partial = true
	got, done = importing(t, s, in)
	diff(t, "partial", got, want)
	diff(t, "groups made", done.Made, []string{"staff", "good"})
	alice, err := s.UserByLogin(ctx, "alice")
	if err != nil || !done.Stored {
		t.Fatalf("stored %v, %v", done.Stored, err)
	}
	wantGroups(t, s, alice.ID, "good", "staff")
	_, err = s.UserByLogin(ctx, "carol")
	wantIs(t, "carol", err, identity.ErrNotFound)

	end, cancel := cancelled(t)
	defer cancel()
	if _, err := s.Import(end, store.Import{Users: []store.NewUser{newUser(store.User{Login: "dave"})}}, noon()); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("after the end: %v", err)
	}
}
