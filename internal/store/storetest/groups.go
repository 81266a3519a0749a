package storetest

import (
	"fmt"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

func testGroups(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	group(t, s, "Staff", store.Members{})
	wantIs(t, "the same in another case", s.AddGroup(ctx, "sTAFF", noon()), store.ErrExists)
	for _, name := range []string{"", " staff", "a\tb", "\xff", long(254)} {
		if err := s.AddGroup(ctx, name, noon()); err == nil {
			t.Errorf("stored a group with name %q", name)
		}
	}
	alice := add(t, s, "alice", "STAFF")
	_, err := s.AddUser(ctx, store.User{Login: "bob"}, []string{"staff", "guests"}, noon())
	wantIs(t, "add user to a missing group", err, store.ErrNoGroup)
	_, err = s.UserByLogin(ctx, "bob")
	wantIs(t, "user who could not be added", err, identity.ErrNotFound)

	g, err := s.Group(ctx, "staff")
	if err != nil {
		t.Fatal(err)
	}
	if g.ID == "" {
		t.Error("no ID")
	}
	diff(t, "group", g, identity.Group{ID: g.ID, Name: "Staff", Users: []string{"alice"}})
	group(t, s, "admins", store.Members{Groups: []string{"staff"}})
	all, err := s.Groups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Fatalf("%d groups, want 2", len(all))
	}
	diff(t, "groups", all, []identity.Group{{ID: all[0].ID, Name: "admins", Groups: []string{"Staff"}}, g})

	deleted, err := s.DeleteGroup(ctx, "STAFF")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "deleted group", deleted, g)
	_, err = s.Group(ctx, "staff")
	wantIs(t, "find after deletion", err, store.ErrNoGroup)
	_, err = s.DeleteGroup(ctx, "staff")
	wantIs(t, "delete twice", err, store.ErrNoGroup)
	wantGroups(t, s, alice.ID)
	wantUser(t, s, "member of a deleted group", alice)
}

// wantGroups checks the groups that a user is in, nested ones resolved.
func wantGroups(t *testing.T, s *store.Store, userID string, want ...string) {
	t.Helper()
	got, err := s.GroupsOf(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "groups", got, want)
}

func testNestedGroups(t *testing.T, open Opener) {
	s := open(t)
	alice, bob := add(t, s, "alice"), add(t, s, "bob")
	// Two ways lead from alice to "all".
	group(t, s, "dev", store.Members{Users: []string{"alice"}})
	group(t, s, "ops", store.Members{Users: []string{"alice"}})
	group(t, s, "it", store.Members{Groups: []string{"dev", "ops"}})
	group(t, s, "all", store.Members{Groups: []string{"it", "dev"}, Users: []string{"bob"}})
	group(t, s, "Zoo", store.Members{Groups: []string{"all"}})
	group(t, s, "others", store.Members{})
	wantGroups(t, s, alice.ID, "Zoo", "all", "dev", "it", "ops")
	wantGroups(t, s, bob.ID, "Zoo", "all")
	direct, err := s.DirectGroupsOf(t.Context(), alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "direct groups", direct, []string{"dev", "ops"})

	const depth = 60
	group(t, s, "level0", store.Members{Users: []string{"bob"}})
	for i := 1; i < depth; i++ {
		group(t, s, fmt.Sprintf("level%d", i), store.Members{Groups: []string{fmt.Sprintf("level%d", i-1)}})
	}
	got, err := s.GroupsOf(t.Context(), bob.ID)
	if err != nil || len(got) != depth+2 {
		t.Errorf("%d groups, %v; want %d", len(got), err, depth+2)
	}
}

func testCycles(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	alice := add(t, s, "alice")
	group(t, s, "a", store.Members{Users: []string{"alice"}})
	group(t, s, "b", store.Members{Groups: []string{"a"}})
	group(t, s, "c", store.Members{Groups: []string{"b"}})
	for _, c := range []struct{ group, member string }{{"a", "a"}, {"a", "b"}, {"a", "C"}, {"b", "c"}} {
		err := s.ChangeMembers(ctx, c.group, store.Members{Groups: []string{c.member}}, store.Members{})
		wantIs(t, c.member+" into "+c.group, err, store.ErrCycle)
	}
	wantGroups(t, s, alice.ID, "a", "b", "c")
	// What removes the old way may add the other one.
	if err := s.ChangeMembers(ctx, "c", store.Members{}, store.Members{Groups: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeMembers(ctx, "b", store.Members{Groups: []string{"c"}}, store.Members{}); err != nil {
		t.Errorf("no cycle: %v", err)
	}
	wantGroups(t, s, alice.ID, "a", "b")
}

func testMembers(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	add(t, s, "alice")
	add(t, s, "bob")
	group(t, s, "guests", store.Members{})
	group(t, s, "staff", store.Members{Users: []string{"alice"}})
	users := func(logins ...string) store.Members { return store.Members{Users: logins} }
	groups := func(names ...string) store.Members { return store.Members{Groups: names} }
	for _, c := range []struct {
		name        string
		add, remove store.Members
		want        store.Members
	}{
		{"add", users("BOB"), store.Members{}, users("alice", "bob")},
		{"add again", users("bob", "bob"), store.Members{}, users("alice", "bob")},
		{"exchange", groups("Guests"), users("alice"), store.Members{Users: []string{"bob"}, Groups: []string{"guests"}}},
		{"remove who is not in", store.Members{}, users("alice"), store.Members{Users: []string{"bob"}, Groups: []string{"guests"}}},
		{"remove", store.Members{}, store.Members{Users: []string{"bob"}, Groups: []string{"guests"}}, store.Members{}},
		{"remove and add the same", users("bob"), users("bob"), users("bob")},
	} {
		if err := s.ChangeMembers(ctx, "Staff", c.add, c.remove); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		wantMembers(t, s, c.name, c.want)
	}
	for _, c := range []struct {
		name, group string
		add, remove store.Members
		want        error
	}{
		{"unknown group", "stuff", users("alice"), store.Members{}, store.ErrNoGroup},
		{"add unknown user", "staff", users("alice", "carol"), store.Members{}, identity.ErrNotFound},
		{"remove unknown user", "staff", users("alice"), users("carol"), identity.ErrNotFound},
		{"add unknown group", "staff", store.Members{Users: []string{"alice"}, Groups: []string{"x"}}, store.Members{}, store.ErrNoGroup},
		{"remove unknown group", "staff", users("alice"), groups("x"), store.ErrNoGroup},
		{"add impossible user", "staff", users("alice", "\xff"), store.Members{}, identity.ErrNotFound},
	} {
		wantIs(t, c.name, s.ChangeMembers(ctx, c.group, c.add, c.remove), c.want)
		wantMembers(t, s, c.name, users("bob"))
	}
}

func wantMembers(t *testing.T, s *store.Store, what string, want store.Members) {
	t.Helper()
	g, err := s.Group(t.Context(), "staff")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, what, store.Members{Users: g.Users, Groups: g.Groups}, want)
}

func testFill(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	wantEmpty := func(what string, want bool) {
		t.Helper()
		if got, err := s.Empty(ctx); err != nil || got != want {
			t.Errorf("%s: empty %v, %v", what, got, err)
		}
	}
	wantEmpty("new store", true)
	user := func(login string, groups ...string) store.NewUser {
		return store.NewUser{User: store.User{Login: login}, Groups: groups}
	}
	for name, users := range map[string][]store.NewUser{
		"twice the same": {user("alice", "staff"), user("ALICE")},
		"bad login":      {user("alice", "staff"), user("")},
		"bad group":      {user("alice", "staff"), user("bob", " ")},
	} {
		if n, err := s.Fill(ctx, users, noon()); err == nil || n != 0 {
			t.Errorf("%s: stored %d users, %v", name, n, err)
		}
		wantEmpty(name, true)
	}
	good := []store.NewUser{user("alice", "staff", "vpn"), user("bob", "Staff")}
	if n, err := s.Fill(ctx, good, noon()); err != nil || n != 2 {
		t.Fatalf("stored %d users, %v", n, err)
	}
	wantEmpty("filled", false)
	wantMembers(t, s, "filled", store.Members{Users: []string{"alice", "bob"}})
	if n, err := s.Fill(ctx, []store.NewUser{user("carol")}, noon()); err != nil || n != 0 {
		t.Errorf("second time: stored %d users, %v", n, err)
	}
	_, err := s.UserByLogin(ctx, "carol")
	wantIs(t, "carol", err, identity.ErrNotFound)

	// A group alone means that somebody has been here.
	other := open(t)
	for _, u := range good {
		found, err := other.UserByLogin(ctx, u.Login)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.DeleteUser(ctx, found.ID); err != nil {
			t.Fatal(err)
		}
	}
	wantEmpty("only groups", false)
}
