// Package storetest is the conformance suite of the store: what every backend
// has to do, whatever it keeps its rows in.
package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Opener opens the same store again at each call, empty at the first; t closes
// what it opened.
type Opener func(t *testing.T) *store.Store

// noon is a time that survives being stored in milliseconds.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Run runs the suite. fresh returns the opener of a new, empty store.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	for name, test := range map[string]func(t *testing.T, open Opener){
		"users":         testUsers,
		"user names":    testUserNames,
		"user changes":  testUserChanges,
		"missing user":  testMissingUser,
		"groups":        testGroups,
		"nested groups": testNestedGroups,
		"cycles":        testCycles,
		"members":       testMembers,
		"memberships":   testMemberships,
		"user revision": testUserRevision,
		"each user":     testEachUser,
		"fill":          testFill,
		"import":        testImport,
		"import faults": testImportFaults,
		"policies":      testPolicies,
		"policy names":  testPolicyNames,
		"policy faults": testPolicyFaults,
		"policy panic":  testPolicyPanic,
		"policy race":   testPolicyRace,
		"two openings":  testTwoOpenings,
		"cancelled":     testCancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// add stores a user of whom only the login matters.
func add(t *testing.T, s *store.Store, login string, groups ...string) store.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.User{Login: login}, groups, noon())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// group makes a group with members.
func group(t *testing.T, s *store.Store, name string, m store.Members) {
	t.Helper()
	if err := s.AddGroup(t.Context(), name, noon()); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeMembers(t.Context(), name, m, store.Members{}); err != nil {
		t.Fatal(err)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b config.Secret) bool { return a.Reveal() == b.Reveal() })); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func testTwoOpenings(t *testing.T, open Opener) {
	ctx := t.Context()
	server, cli := open(t), open(t)
	alice := add(t, cli, "alice")
	if _, err := server.UserByLogin(ctx, "alice"); err != nil {
		t.Fatalf("added elsewhere: %v", err)
	}
	group(t, cli, "staff", store.Members{Users: []string{"alice"}})
	groups, err := server.GroupsOf(ctx, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "groups changed elsewhere", groups, []string{"staff"})
	if err := cli.SetPassword(ctx, alice.ID, config.NewSecret("new"), noon()); err != nil {
		t.Fatal(err)
	}
	if u, err := server.UserByID(ctx, alice.ID); err != nil || u.PasswordHash.Reveal() != "new" {
		t.Errorf("password changed elsewhere: %v, %v", u.PasswordHash.Reveal(), err)
	}
	if err := cli.DeleteUser(ctx, alice.ID); err != nil {
		t.Fatal(err)
	}
	_, err = server.UserByID(ctx, alice.ID)
	wantIs(t, "deleted elsewhere", err, identity.ErrNotFound)
}

func testCancelled(t *testing.T, open Opener) {
	s := open(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	ctx, cancel := cancelled(t)
	defer cancel()
	if _, err := s.UserByLogin(ctx, "alice"); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a question that was not asked got the answer %v", err)
	}
	if _, err := s.AddUser(ctx, store.User{Login: "alice"}, nil, noon()); err == nil {
		t.Error("added a user after the context's end")
	}
	if _, _, err := s.Policies(ctx); err == nil {
		t.Error("listed policies after the context's end")
	}
	if _, err := s.PoliciesRevision(ctx); err == nil {
		t.Error("read the revision after the context's end")
	}
	if _, err := s.UsersRevision(ctx); err == nil {
		t.Error("read the revision of users after the context's end")
	}
	if err := s.EachUser(ctx, store.UserQuery{}, func(store.User) (bool, error) { return true, nil }); err == nil {
		t.Error("went through users after the context's end")
	}
	if s.Ping(ctx) == nil {
		t.Error("ping succeeds after the context's end")
	}
}

// long is a text of n octets.
func long(n int) string { return strings.Repeat("x", n) }
