package rego

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// TestReadsOfHelpers: a function that looks only at who a user is needs no more of
// the user in the document, nor in the key of an answer that is kept.
func TestReadsOfHelpers(t *testing.T) {
	names := []policyengine.Path{"request.user.groups", "request.user.pk", "request.user.source", "request.user.username"}
	memberships := []policyengine.Path{policyengine.PathMemberships, "request.user.pk", "request.user.source", "request.user.username"}
	authenticators := []policyengine.Path{"request.user.authenticators", "request.user.pk", "request.user.source", "request.user.username"}
	user := []policyengine.Path{"request.user"}
	for _, tt := range []struct {
		lines       string
		want        []policyengine.Path
		uncacheable bool
	}{
		{`allow if ak_is_group_member(input.request.user, {"name": "x"})`, names, false},
		{`allow if not ak_is_group_member(input.request.user, {"name__in": ["x"]})`, names, false},
		{`allow if ak_is_group_member(input.context.pending_user, {})`, names, false},
		{`allow if { u := input.request.user; ak_is_group_member(u, {"name": "x"}) }`, names, false},
		{`allow if ak_is_group_member(input.request.user, {"dn": "x"})`, memberships, false},
		{`allow if ak_is_group_member(input.request.user, {"name": input.request.user.username})`, memberships, false},
		{`f := {"name": "x"}` + "\nallow if ak_is_group_member(input.request.user, f)", memberships, false},
		{`allow if ak_user_has_authenticator(input.request.user, "")`, authenticators, false},
		{`allow if [u | u := input.request.user; ak_user_has_authenticator(u, "")] == []`, user, false},
		{`u := input.request.user` + "\n" + `allow if ak_is_group_member(u, {"name": "x"})`, user, false},
		{`allow if { u := input.request.user; ak_is_group_member(u, {"name": "x"}); print(u) }`, user, false},
		{`allow if ak_is_group_member(object.union(input.request.user, {"pk": 1}), {"name": "x"})`, user, false},
		{`allow if lib.f(input.request.user)`, user, false},
		{`allow if { u := input.request.user; u.email == "x"; u.name == "y" }`, []policyengine.Path{"request.user.email", "request.user.name"}, false},
		{`allow if { u := input.request.user; u[input.client_ip] }`, []policyengine.Path{"client_ip", "request.user"}, false},
		{`allow if { some u in [input.request.user]; u.email }`, user, false},
		{`allow if { r := input.request; r.user.email; r.obj.name }`, []policyengine.Path{"request.obj.name", "request.user.email"}, false},
		{`allow if ak_is_group_member("bob", {"name": "x"})`, names, false},
		{`allow if ak_user_by({"username": "bob"}) != null`, nil, false},
		{`allow if ak_is_group_member(ak_user_by({"username": "bob"}), {"name": "x"})`, names, false},
		{`allow if input.context.pending_user.email`, []policyengine.Path{"request.user.email"}, false},
		{`allow if input.context.pending_user`, user, false},
		{`allow if input.context`, []policyengine.Path{"context"}, false},
		{`allow if { n := input.now; n.hour > 8 }`, []policyengine.Path{"now.hour"}, false},
		{`allow if ak_message("x")`, nil, false},
		{`allow if print("x")`, nil, false},
		{`allow if resolve_dns("x", 4) == []`, nil, false},
		{`allow if data.networks.office`, nil, false},

		{`allow if input.now.unix > 5`, []policyengine.Path{"now.unix"}, true},
		{`allow if input.now.rfc3339`, []policyengine.Path{"now.rfc3339"}, true},
		{`allow if input.now`, []policyengine.Path{"now"}, true},
		{`allow if input.request.id`, []policyengine.Path{"request.id"}, true},
		{`allow if input.request`, []policyengine.Path{"request"}, true},
		{`allow if count(input) > 1`, []policyengine.Path{wholeInput}, true},
		{`allow if input[input.client_ip]`, []policyengine.Path{wholeInput}, true},
		{`allow if time.now_ns() > 5`, nil, true},
		{`allow if not ak_logger.info("x", {})`, nil, true},
		{`allow if ak_create_event("x", {})`, nil, true},
		{`allow if requests.get("https://hr.example.org", {}).status == 200`, nil, true},
		{`allow if plugin.watchlist.listed("x")`, []policyengine.Path{"request.user.username"}, true},
		{`allow if 5 > time.now_ns() with time.now_ns as 3`, nil, true},
		{`allow if lib.g("x", {}) with lib.g as ak_create_event`, nil, true},
		{`allow if lib.g("x", {}) with lib.g as ak_is_group_member`, memberships, false},
		{`allow if lib.g("x", {}) with lib.g as ak_call_policy`, []policyengine.Path{wholeInput}, true},
	} {
		set := loadWith(t, Options{Helpers: []policyengine.Helper{listed}}, map[string]string{
			"p.rego":    "package sallyport.policies.p\nimport data.sallyport.lib.l as lib\ndefault allow := false\nsomeone := lib.someone\n" + tt.lines + "\n",
			"l.rego":    "package sallyport.lib.l\nf(u) if ak_is_group_member(u, {\"name\": \"x\"})\nsomeone := 1\ng(_, _) := true",
			"data.yaml": "networks: {office: true}\n",
		})
		got := set.Expressions()["p"].Reads()
		if diff := cmp.Diff(tt.want, got.Paths); diff != "" || (got.Uncacheable != "") != tt.uncacheable {
			t.Errorf("%s (-want +got):\n%s%q", tt.lines, diff, got.Uncacheable)
		}
	}
	set := loadWith(t, Options{}, map[string]string{"p.rego": policyText(`allow if ak_is_group_member(input.request.user, {"name": "x"})`)})
	document := set.policies["p"].document.of(known())
	if diff := cmp.Diff(`{"request": {"user": {"pk": "7", "source": "ad", "username": "alice"}}}`, document.String()); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
}

// TestReadsOfPlugins: what can be kept of functions of plugins is what their host
// keeps, and what is always the same.
func TestReadsOfPlugins(t *testing.T) {
	for _, tt := range []struct {
		class       policyengine.Class
		ttl         bool
		uncacheable bool
	}{
		{policyengine.Deterministic, false, false},
		{policyengine.ReadsState, false, true},
		{policyengine.ReadsState, true, false},
		{policyengine.ReadsNetwork, false, true},
		{policyengine.ReadsNetwork, true, false},
		{policyengine.SideEffect, true, true},
	} {
		h := listed
		h.Class = tt.class
		if h.TTL = 0; tt.ttl {
			h.TTL = 5
		}
		set := loadWith(t, Options{Helpers: []policyengine.Helper{h}}, map[string]string{"p.rego": policyText(`allow if plugin.watchlist.listed("x")`)})
		if got := set.Expressions()["p"].Reads(); (got.Uncacheable != "") != tt.uncacheable {
			t.Errorf("class %s, TTL %v: %q", tt.class, h.TTL, got.Uncacheable)
		}
	}
}
