package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

func testMemberships(t *testing.T, open Opener) {
	s := open(t)
	alice := add(t, s, "alice")
	group(t, s, "staff", store.Members{Users: []string{"alice"}})
	group(t, s, "All", store.Members{Groups: []string{"staff"}})
	group(t, s, "empty", store.Members{})
	got, err := s.MembershipsOf(t.Context(), alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	var want []identity.Membership
	for _, name := range []string{"All", "staff"} {
		g, err := s.Group(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, identity.Membership{ID: g.ID, Name: name})
	}
	diff(t, "memberships", got, want)
	all, err := s.GroupNames(t.Context())
	if err != nil || len(all) != 3 || all[0].ID != want[0].ID || all[1].Name != "empty" {
		t.Errorf("all groups: %+v, %v", all, err)
	}
}

// testUserRevision: every change that others could see is counted, seen by whoever
// has the store open; nothing else is.
func testUserRevision(t *testing.T, open Opener) {
	ctx, server, cli := t.Context(), open(t), open(t)
	alice := add(t, cli, "alice")
	before, err := server.UsersRevision(ctx)
	if err != nil {
		t.Fatal(err)
	}
	members := func(m store.Members, remove store.Members) func() error {
		return func() error { return cli.ChangeMembers(ctx, "staff", m, remove) }
	}
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"nothing", func() error { return nil }, false},
		{"group", func() error { return cli.AddGroup(ctx, "staff", noon()) }, true},
		{"outer group", func() error { return cli.AddGroup(ctx, "all", noon()) }, true},
		{"member", members(store.Members{Users: []string{"alice"}}, store.Members{}), true},
		{"group in group", func() error {
			return cli.ChangeMembers(ctx, "all", store.Members{Groups: []string{"staff"}}, store.Members{})
		}, true},
		{"hash", func() error {
			_, err := cli.RenewHash(ctx, alice.ID, config.Secret{}, config.NewSecret("renewed"))
			return err
		}, false},
		{"password", func() error { return cli.SetPassword(ctx, alice.ID, config.NewSecret("new"), noon()) }, true},
		{"disabled", func() error { return cli.SetDisabled(ctx, alice.ID, true, noon()) }, true},
		{"member gone", members(store.Members{}, store.Members{Users: []string{"alice"}}), true},
		{"policies", func() error {
			_, err := cli.ChangePolicies(ctx, noon(), func([]store.Policy) (store.PolicyChange, error) {
				return store.PolicyChange{Put: []store.Policy{{Name: "p", Text: "{}"}}}, nil
			})
			return err
		}, false},
		{"another user", func() error {
			_, err := cli.AddUser(ctx, store.User{Login: "bob"}, []string{"staff"}, noon())
			return err
		}, true},
		{"group deleted", func() error { _, err := cli.DeleteGroup(ctx, "staff"); return err }, true},
		{"refused", func() error {
			_, err := cli.AddUser(ctx, store.User{Login: "carol"}, []string{"missing"}, noon())
			if !errors.Is(err, store.ErrNoGroup) {
				t.Errorf("a group that is missing: %v", err)
			}
			return nil
		}, false},
		{"user deleted", func() error { return cli.DeleteUser(ctx, alice.ID) }, true},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		after, err := server.UsersRevision(ctx)
		if err != nil || (after != before) != step.changes {
			t.Errorf("%s: revision %d after %d, %v", step.name, after, before, err)
		}
		before = after
	}
}

func testEachUser(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	for _, u := range []store.User{
		{Login: "Bob", Name: "Bob", Email: "b@example.org", Disabled: true},
		{Login: "alice", Name: "Alice", Email: "a@example.org", Superuser: true, PasswordHash: config.NewSecret("$h")},
		{Login: "carol", Name: "Alice", Email: "' OR 1=1 --"},
	} {
		if _, err := s.AddUser(ctx, u, nil, noon()); err != nil {
			t.Fatal(err)
		}
	}
	group(t, s, "inner", store.Members{Users: []string{"bob"}})
	group(t, s, "outer", store.Members{Groups: []string{"inner"}, Users: []string{"carol"}})
	ids := map[string]string{}
	groups, err := s.GroupNames(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		ids[g.Name] = g.ID
	}
	bob, err := s.UserByLogin(ctx, "bob")
	if err != nil {
		t.Fatal(err)
	}
	for want, q := range map[string]store.UserQuery{
		"alice Bob carol": {},
		"alice Bob":       {Logins: []string{"BOB", "Alice", "x"}},
		"alice carol":     {Names: []string{"Alice"}},
		"carol":           {Names: []string{"Alice"}, Emails: []string{"' OR 1=1 --"}},
		"Bob":             {IDs: []string{bob.ID}},
		"Bob carol":       {Groups: []string{ids["outer"]}},
		"alice":           {NoGroup: true},
		"":                {Groups: []string{ids["inner"]}, NoGroup: true},
	} {
		var got []string
		if err := s.EachUser(ctx, q, func(u store.User) (bool, error) {
			got = append(got, u.Login)
			return true, nil
		}); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%+v: %q, %v; want %s", q, got, err, want)
		}
	}
	for name, q := range map[string]store.UserQuery{"IDs": {IDs: []string{}}, "groups": {Groups: []string{}}} {
		if err := s.EachUser(ctx, q, func(u store.User) (bool, error) { t.Errorf("no %s: %s", name, u.Login); return true, nil }); err != nil {
			t.Error(err)
		}
	}
	var first []store.User
	failed := errors.New("enough")
	err = s.EachUser(ctx, store.UserQuery{}, func(u store.User) (bool, error) {
		first = append(first, u)
		return false, failed
	})
	if len(first) != 1 || !first[0].Superuser || first[0].PasswordChanged != noon() || first[0].PasswordHash.Reveal() != "" || !errors.Is(err, failed) {
		t.Errorf("stopped: %+v, %v", first, err)
	}
}
