package rego

import (
	"strings"
	"testing"
)

func TestOtherInput(t *testing.T) {
	const mistake = " looks at the login itself, and with input does not change that for it"
	for _, tt := range []struct{ name, lines, want string }{
		{"a call", `allow if ak_call_policy("q", {}).passing with input.client_ip as "192.0.2.1"`, "p.rego:5:10: ak_call_policy" + mistake},
		{"the whole input", "allow if {\n\tr := ak_call_policy(\"q\", {}) with input as {}\n\tr.passing\n}", "p.rego:6:7: ak_call_policy" + mistake},
		{"within a term", `raw_result := [r | r := ak_call_policy("q", {}) with input.now.hour as 3]`, "p.rego:5:25: ak_call_policy" + mistake},
		{"a rule that calls", "ok if ak_call_policy(\"q\", {}).passing\nallow if ok with input.client_ip as \"192.0.2.1\"", "p.rego:6:10: ak_call_policy" + mistake},
		{"a function of a library", `allow if data.sallyport.lib.l.calls("q") with input.ldap.tls as "1.3"`, "p.rego:5:10: ak_call_policy" + mistake},
		{"a helper that reads the login", `allow if plugin.watchlist.listed("x") with input.client_ip as "192.0.2.1"`, "p.rego:5:10: plugin.watchlist.listed" + mistake},
		{"something else is replaced", `allow if data.sallyport.lib.l.calls("q") with data.sallyport.lib.l.name as "x"`, ""},
		{"nothing looks at the login", `allow if data.sallyport.lib.l.local with input.client_ip as "192.0.2.1"`, ""},
		{"a user is an argument", `allow if ak_is_group_member(input.request.user, {"name": "x"}) with input.request.user as null`, ""},
		{"kwargs", `allow if ak_call_policy("q", {"auth_method": "push"}).passing`, ""},
	} {
		_, err := load(t, map[string]string{
			"p.rego": policyText(tt.lines), "q.rego": named("q", "allow if input.client_ip_known"),
			"l.rego": "package sallyport.lib.l\nname := \"q\"\nlocal if input.client_ip == name\ncalls(n) if ak_call_policy(n, {}).passing",
		}, listed)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
