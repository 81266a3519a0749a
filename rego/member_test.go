package rego

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// member is a login of somebody of whom groups and authenticators are known.
func member() *policyengine.Input {
	in := user("alice", "staff", "vpn-users")
	in.User.Memberships = []identity.Membership{
		{ID: "g1", Name: "staff", DN: "cn=staff,dc=example", Attributes: map[string][]string{"site": {"Oslo"}}},
		{ID: "g2", Name: "vpn-users", Superuser: true},
	}
	in.User.Authenticators = []string{"totp"}
	return in
}

func TestUsers(t *testing.T) {
	for call, want := range map[string]any{
		`ak_is_group_member(input.request.user, {"dn": "cn=staff,dc=example"})`:                               true,
		`ak_is_group_member(input.request.user, {"attributes__site": "Oslo"})`:                                true,
		`ak_is_group_member(input.request.user, {"attributes__site": "Oslo", "is_superuser": true})`:          false,
		`ak_is_group_member(input.request.user, {"is_superuser": true})`:                                      true,
		`ak_is_group_member(input.request.user, {"pk__in": ["g2"]})`:                                          true,
		`ak_is_group_member("bob", {"name": "staff"})`:                                                        true,
		`ak_is_group_member("bob", {"dn": "cn=staff"})`:                                                       true,
		`ak_is_group_member("bob", {"name": "vpn-users"})`:                                                    false,
		`ak_is_group_member("nobody", {})`:                                                                    false,
		`ak_is_group_member({"username": "bob", "source": "partner"}, {})`:                                    false,
		`ak_is_group_member({"username": "bob", "pk": "somebody else's"}, {})`:                                false,
		`ak_is_group_member({"username": "alice", "source": "partner"}, {"name": "guests"})`:                  true,
		`ak_is_group_member({"username": "alice", "source": "local"}, {"name": "guests"})`:                    false,
		`ak_is_group_member(ak_user_by({"username": "bob"}), {"name": "staff"})`:                              true,
		`ak_is_group_member(ak_user_by({"username": "nobody"}), {})`:                                          false,
		`ak_user_by({"email__iexact": "BOB@example.org"}).username`:                                           "bob",
		`ak_user_by({"username": "alice", "source": "partner"}).groups`:                                       []any{"guests"},
		`ak_user_by({"username": "bob"}).last_login`:                                                          nil,
		`ak_user_by({"username": "nobody"})`:                                                                  nil,
		`ak_user_has_authenticator(input.request.user, "")`:                                                   true,
		`ak_user_has_authenticator(input.request.user, "totp")`:                                               true,
		`ak_user_has_authenticator(input.request.user, "static")`:                                             false,
		`ak_user_has_authenticator("bob", "")`:                                                                true,
		`ak_user_has_authenticator("bob", "static")`:                                                          true,
		`ak_user_has_authenticator("bob", "totp")`:                                                            false,
		`ak_user_has_authenticator("nobody", "")`:                                                             false,
		`ak_user_has_authenticator(null, "totp")`:                                                             false,
		`object.keys(ak_user_by({"username": "bob"})) == object.keys(input.request.user)`:                     true,
		`[u | u := input.request.user; ak_is_group_member(u, {"name": "staff"})] == [input.request.user]`:     true,
		`[u.username | u := input.context.pending_user; ak_is_group_member(u, {"attributes__site": "Oslo"})]`: []any{"alice"},
	} {
		set := loadWith(t, Options{Users: colleagues()}, map[string]string{"p.rego": policyText("raw_result := " + call)})
		r, err := set.Expressions()["p"].Eval(t.Context(), member())
		if err != nil || !same(r.Raw, want) {
			t.Errorf("%s: %v, want %v, error %v", call, r.Raw, want, err)
		}
	}
}

func TestUsersFail(t *testing.T) {
	for call, want := range map[string]string{
		`ak_user_by({})`:                   "the filter is empty",
		`ak_user_by({input.client_ip: 1})`: `no field "198.51.100.7"`,
		`ak_user_has_authenticator(input.request.user, input.client_ip)`:                                             `no authenticators of type "198.51.100.7"`,
		`ak_user_has_authenticator(input.request.user, input.request.user.email)`:                                    "the type is null",
		`ak_is_group_member({"username": 5}, {})`:                                                                    "the user's username is a number",
		`ak_is_group_member({"pk": "7"}, {})`:                                                                        "no username",
		`ak_is_group_member(input.request.user, {"name__regex": input.request.user.username, "pk": input.now.hour})`: "needs text",
	} {
		// Some are found when they are loaded.
		set, err := load(t, map[string]string{"p.rego": policyText("raw_result := " + call)})
		if err == nil {
			set.world.users = colleagues()
			_, err = set.Expressions()["p"].Eval(t.Context(), member())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", call, err, want)
		}
	}
	in := member()
	in.User.Memberships = nil
	for _, tt := range []struct {
		call, want string
		users      Users
	}{
		{`ak_is_group_member(input.request.user, {"dn": "x"})`, "only the names are known", colleagues()},
		{`ak_user_by({"username": "bob"})`, "not known here", nil},
		{`ak_is_group_member("bob", {})`, "not known here", nil},
	} {
		set := loadWith(t, Options{Users: tt.users}, map[string]string{"p.rego": policyText("allow if not " + tt.call)})
		if r, err := set.Expressions()["p"].Eval(t.Context(), in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, error %v", tt.call, r, err)
		}
	}
}

// TestDirectoryDown: an outage is an exception and never "nobody".
func TestDirectoryDown(t *testing.T) {
	for _, call := range []string{
		`ak_user_by({"username": "bob"}) == null`, `not ak_is_group_member("bob", {})`, `not ak_user_has_authenticator("bob", "")`,
	} {
		set := loadWith(t, Options{Users: &people{down: true}}, map[string]string{"p.rego": policyText("allow if " + call)})
		r, err := set.Expressions()["p"].Eval(t.Context(), member())
		var x *policyengine.Exception
		if !errors.As(err, &x) || x.Code != policyengine.ExceptionHelper || x.Policy != "p" || !errors.Is(err, errDown) || !strings.Contains(x.Location, "p.rego:5:") || r.Passing {
			t.Errorf("%s: %+v, error %#v", call, r, err)
		}
	}
}

// TestUsersOnce: in one decision somebody is looked up once, whoever asks.
func TestUsersOnce(t *testing.T) {
	users := colleagues()
	set := loadWith(t, Options{Users: users}, map[string]string{"p.rego": policyText(`
allow if {
	ak_user_by({"username": "bob"}).username == ak_user_by({"username": "bob"}).username
	ak_is_group_member("bob", {"name": "staff"})
	not ak_is_group_member("bob", {"name": "other"})
	ak_user_has_authenticator("bob", "")
	ak_is_group_member(input.request.user, {"name": "staff"})
}`)})
	r, err := set.Expressions()["p"].Eval(t.Context(), member())
	if err != nil || !r.Passing || users.asked != 2 {
		t.Errorf("%+v, error %v, %d look-ups", r, err, users.asked)
	}
}
