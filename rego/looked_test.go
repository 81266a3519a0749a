package rego

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestLooked(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        []policyengine.Path
	}{
		{"nothing", "", nil},
		{"up to what does not hold", "allow if {\n\tinput.client_ip_known == false\n\tinput.peer_ip == \"x\"\n}", []policyengine.Path{"client_ip_known"}},
		{"all of it", "allow if {\n\tinput.client_ip_known\n\tinput.peer_ip != \"x\"\n}", []policyengine.Path{"client_ip_known", "peer_ip"}},
		{"a computed key", "allow if {\n\tk := \"tls\"\n\tinput.ldap[k]\n}", []policyengine.Path{"ldap.tls"}},
		{"all keys", "raw_result := [k | input.ldap[k]]", []policyengine.Path{"ldap"}},
		{"keys by another name", "raw_result := [u.name, u.email] if u := input.request.user", []policyengine.Path{"request.user.email", "request.user.name"}},
		{"a comprehension that is not reached", "raw_result := [1 | input.client_ip == 1; [x | x := input.ldap.tls]]", []policyengine.Path{"client_ip"}},
		{"a helper", `allow if ak_is_group_member(input.request.user, {"name": "x"})`, []policyengine.Path{"request.user.groups", "request.user.pk", "request.user.source", "request.user.username"}},
		{"another policy", `allow if ak_call_policy("q", {"auth_method": "x"}).passing`, []policyengine.Path{"now.hour"}},
		{"what with replaces", `allow if data.sallyport.lib.l.local with input.ldap.tls as input.now.minute`, []policyengine.Path{"ldap.tls", "now.minute"}},
		{"a function", `allow if data.sallyport.lib.l.of(input.geoip)`, []policyengine.Path{"geoip"}},
	} {
		set, err := load(t, map[string]string{
			"p.rego": policyText(tt.lines),
			"q.rego": named("q", "allow if { input.context.auth_method == \"x\"; input.now.hour > 30; input.now.minute }"),
			"l.rego": "package sallyport.lib.l\nlocal if input.ldap.tls\nof(x) if x.country",
		})
		if err != nil {
			t.Fatal(err)
		}
		x, err := set.policies["p"].Explain(t.Context(), known())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, x.Looked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
