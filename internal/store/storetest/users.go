package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

func testUsers(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	full := store.User{
		Login: "Alice", Name: "Alice Ångström", Email: "alice@example.org",
		Service: true, Superuser: true, Disabled: true, PasswordHash: config.NewSecret("$argon2id$…"),
	}
	added, err := s.AddUser(ctx, full, nil, noon())
	if err != nil {
		t.Fatal(err)
	}
	if added.ID == "" {
		t.Error("no ID")
	}
	full.ID, full.PasswordChanged, full.Created, full.Updated = added.ID, noon(), noon(), noon()
	diff(t, "what AddUser returns", added, full)

	bob := add(t, s, "bob")
	if !bob.PasswordChanged.IsZero() {
		t.Errorf("without a password, but changed %v", bob.PasswordChanged)
	}
	byLogin, err := s.UserByLogin(ctx, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "by login", byLogin, full)
	byID, err := s.UserByID(ctx, full.ID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "by ID", byID, full)
	all, err := s.Users(ctx)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "all", all, []store.User{full, bob})
	if got := fmt.Sprintf("%v %+v %#v", byID, byID, byID.PasswordHash); strings.Contains(got, "argon") {
		t.Errorf("the hash is printed: %s", got)
	}
}

func testUserNames(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	for _, c := range []struct{ stored, asked, clash string }{
		{"Bob", "bOB", "BOB"},
		{"straße", "STRASSE", "Strasse"},
		{"\u00c4rger", "a\u0308rger", "\u00e4RGER"}, // composed, decomposed
		{"ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφοσ"},
		{"bob@corp.example", "Bob@Corp.Example", "BOB@corp.example"},
	} {
		u := add(t, s, c.stored)
		found, err := s.UserByLogin(ctx, c.asked)
		if err != nil {
			t.Errorf("%q does not find %q: %v", c.asked, c.stored, err)
		} else if found.ID != u.ID || found.Login != c.stored {
			t.Errorf("%q finds %q with ID %s, want %q with ID %s", c.asked, found.Login, found.ID, c.stored, u.ID)
		}
		_, err = s.AddUser(ctx, store.User{Login: c.clash}, nil, noon())
		wantIs(t, "add "+c.clash, err, store.ErrExists)
	}
	for _, login := range []string{
		"", " alice", "alice ", "a\nb", "a\x00b", "a\u200bb", "a\u00a0b", "\xff", long(254),
	} {
		if _, err := s.AddUser(ctx, store.User{Login: login}, nil, noon()); err == nil {
			t.Errorf("stored a user with login %q", login)
		}
	}
	for _, u := range []store.User{
		{Login: "x", Name: "a\x1b[2Jb"},
		{Login: "x", Name: long(1025)},
		{Login: "x", Email: "\xff"},
	} {
		if _, err := s.AddUser(ctx, u, nil, noon()); err == nil {
			t.Errorf("stored %+v", u)
		}
	}
	if all, err := s.Users(ctx); err != nil || len(all) != 5 {
		t.Errorf("%d users, %v; want the 5 good ones", len(all), err)
	}
}

func testUserChanges(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	alice, bob := add(t, s, "alice"), add(t, s, "bob")
	later := noon().Add(time.Hour)

	if err := s.SetPassword(ctx, alice.ID, config.NewSecret("hash"), later); err != nil {
		t.Fatal(err)
	}
	alice.PasswordHash, alice.PasswordChanged, alice.Updated = config.NewSecret("hash"), later, later
	wantUser(t, s, "password set", alice)

	for _, c := range []struct {
		id, old, renewed string
		want             bool
	}{{alice.ID, "other", "x", false}, {alice.ID, "hash", "renewed", true}, {alice.ID, "hash", "again", false}, {bob.ID, "hash", "x", false}, {"nobody", "hash", "x", false}} {
		if got, err := s.RenewHash(ctx, c.id, config.NewSecret(c.old), config.NewSecret(c.renewed)); err != nil || got != c.want {
			t.Errorf("renew %s of %s: %v, %v", c.old, c.id, got, err)
		}
	}
	alice.PasswordHash = config.NewSecret("renewed")
	wantUser(t, s, "hash renewed, nothing else", alice)
	wantUser(t, s, "nobody else's", bob)

	later = later.Add(time.Hour)
	if err := s.SetDisabled(ctx, alice.ID, true, later); err != nil {
		t.Fatal(err)
	}
	alice.Disabled, alice.Updated = true, later
	wantUser(t, s, "disabled", alice)

	if err := s.SetDisabled(ctx, alice.ID, false, later); err != nil {
		t.Fatal(err)
	}
	alice.Disabled = false
	wantUser(t, s, "enabled", alice)

	if err := s.SetPassword(ctx, alice.ID, config.Secret{}, later); err != nil {
		t.Fatal(err)
	}
	alice.PasswordHash, alice.PasswordChanged = config.Secret{}, time.Time{}
	wantUser(t, s, "password taken away", alice)

	group(t, s, "staff", store.Members{Users: []string{"alice", "bob"}})
	if err := s.DeleteUser(ctx, alice.ID); err != nil {
		t.Fatal(err)
	}
	_, err := s.UserByLogin(ctx, "alice")
	wantIs(t, "find after deletion", err, identity.ErrNotFound)
	wantUser(t, s, "the other one", bob)
	g, err := s.Group(ctx, "staff")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "members after deletion", g.Users, []string{"bob"})
	if again := add(t, s, "alice"); again.ID == alice.ID {
		t.Error("a new user has the ID of a deleted one")
	}
}

func wantUser(t *testing.T, s *store.Store, what string, want store.User) {
	t.Helper()
	got, err := s.UserByID(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, what, got, want)
}

func testMissingUser(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	add(t, s, "alice")
	for _, login := range []string{"alic", "alice ", "", "%", "\xff", long(300)} {
		_, err := s.UserByLogin(ctx, login)
		wantIs(t, fmt.Sprintf("find %q", login), err, identity.ErrNotFound)
	}
	_, err := s.UserByID(ctx, "nobody")
	wantIs(t, "find by ID", err, identity.ErrNotFound)
	wantIs(t, "set password", s.SetPassword(ctx, "nobody", config.NewSecret("x"), noon()), identity.ErrNotFound)
	wantIs(t, "disable", s.SetDisabled(ctx, "nobody", true, noon()), identity.ErrNotFound)
	wantIs(t, "delete", s.DeleteUser(ctx, "nobody"), identity.ErrNotFound)
	groups, err := s.GroupsOf(ctx, "nobody")
	if err != nil || len(groups) != 0 {
		t.Errorf("groups of nobody: %v, %v", groups, err)
	}
}
