package scoped

import (
	"slices"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	defs := NewDefinitions()
	value := func(v string, priority int) func(p *Policy) {
		return func(p *Policy) { p.Action, p.Priority = Action{{Name: "authorized", Value: v}}, priority }
	}
	change := func(f ...func(p *Policy)) func(p *Policy) {
		return func(p *Policy) {
			for _, f := range f {
				f(p)
			}
		}
	}
	acting := func(m map[string]any) func(p *Policy) { return func(p *Policy) { p.Action = acts(m) } }
	missing := func(answer string) func(p *Policy) {
		return func(p *Policy) { p.Conditions[0].Missing = answer }
	}
	for _, tt := range []struct {
		name      string
		semantics Semantics
		policies  []Policy
		want      string // empty: no warning
	}{
		{"nothing wrong", Hardened, []Policy{policy("p", value("deny_access", 1))}, ""},
		{"exclusions only", Hardened, []Policy{policy("p", func(p *Policy) { p.User = []string{"-ann", "!bob"} })}, `policy "p": user: the list only excludes`},
		{"exclusions only, compat", Compat, []Policy{policy("p", func(p *Policy) { p.Realm = []string{"-lab"} })}, `realm: the list only excludes`},
		{"everybody excluded", Hardened, []Policy{policy("p", func(p *Policy) { p.Realm = []string{"Lab", "-LAB"} })}, "realm: the list only excludes"},
		{"exclusions and more", Hardened, []Policy{policy("p", func(p *Policy) { p.User = []string{"-ann", "*"} })}, ""},
		{"clients excluded only", Hardened, []Policy{policy("p", func(p *Policy) { p.Client = []string{"-10.0.0.0/8"} })}, "client: the list names no network"},
		{"empty clients", Hardened, []Policy{policy("p", func(p *Policy) { p.Client = []string{"", " "} })}, "client: the list names no network"},
		{"all clients excluded", Hardened, []Policy{policy("p", func(p *Policy) { p.Client = []string{"10.1.0.0/16", "-10.0.0.0/8"} })}, "every network of the list is excluded"},
		{"short address", Hardened, []Policy{policy("p", func(p *Policy) { p.Client = []string{"10.1"} })}, "10.1 is the single address 10.1.0.0"},
		{"admin elsewhere", Hardened, []Policy{policy("p", func(p *Policy) { p.AdminUser = []string{"root"} })}, "looked at in scope admin only"},
		{"time never comes", Compat, []Policy{policy("p", func(p *Policy) { p.Time = "Mon:22-6" })}, "never comes"},
		{"time wraps", Hardened, []Policy{policy("p", func(p *Policy) { p.Time = "Mon:22-6" })}, ""},
		{"broken pattern", Compat, []Policy{policy("p", func(p *Policy) { p.User = []string{"a("} })}, "every query that comes to member 1"},
		{"broken client", Compat, []Policy{policy("p", func(p *Policy) { p.Client = []string{"office"} })}, "client: every query that comes to it fails"},
		{"broken day", Compat, []Policy{policy("p", func(p *Policy) { p.Time = "Xyz:1-2" })}, "names a day that there is not"},
		{"broken condition", Compat, []Policy{policy("p", when("moonphase", "full", "equals", "x"))}, "condition 1 fails"},
		{"no resolvers", Compat, []Policy{policy("p", func(p *Policy) { p.CheckAllResolvers = true })}, "without resolvers it matches nobody"},
		{"unknown scope", Hardened, []Policy{policy("p", func(p *Policy) { p.Scope = "authorisation" })}, `there is no scope "authorisation"`},
		{"unknown action", Hardened, []Policy{policy("p", func(p *Policy) { p.Action = acts(map[string]any{"Authorized": "x"}) })}, `has no action "Authorized", did you mean authorized?`},
		{"pattern of actions", Hardened, []Policy{policy("p", func(p *Policy) { p.Action = acts(map[string]any{"auth.*": true}) })}, ""},
		{"pattern of nothing", Hardened, []Policy{policy("p", func(p *Policy) { p.Action = acts(map[string]any{"xyz.*": true}) })}, `has no action "xyz.*"`},
		{"shadowed", Hardened, []Policy{policy("a", value("x", 1)), policy("b", change(value("y", 2), func(p *Policy) { p.Realm = []string{"corp"} }))}, `policy "b": action: authorized=y never counts: policy "a"`},
		{"not shadowed by a narrower one", Hardened, []Policy{policy("a", change(value("x", 1), func(p *Policy) { p.Realm = []string{"lab"} })), policy("b", value("y", 2))}, ""},
		{"not shadowed by one with a time", Hardened, []Policy{policy("a", change(value("x", 1), func(p *Policy) { p.Time = "Mon:1-2" })), policy("b", value("y", 2))}, ""},
		{"not shadowed by an equal one", Hardened, []Policy{policy("a", value("x", 1)), policy("b", value("y", 1))}, ""},
		{"beaten by one without actions", Hardened, []Policy{policy("a", nil), policy("b", value("deny_access", 2))}, `policy "b": action: authorized=deny_access is beaten by policy "a", which speaks to every action and sets no value`},
		{"beaten by a star", Hardened, []Policy{policy("a", acting(map[string]any{"*": true})), policy("b", value("deny_access", 2))}, `is beaten by policy "a", which speaks to every action and sets no value`},
		{"beaten by a pattern", Hardened, []Policy{policy("a", acting(map[string]any{"auth.*": true})), policy("b", value("deny_access", 2))}, `is beaten by policy "a", which speaks to this action by a pattern and sets no value`},
		{"beaten in compat", Compat, []Policy{policy("a", nil), policy("b", value("deny_access", 2))}, `is beaten by policy "a"`},
		{"not beaten by another pattern", Hardened, []Policy{policy("a", acting(map[string]any{"set.*": true})), policy("b", value("x", 2))}, ""},
		{"not beaten by a broken pattern", Compat, []Policy{policy("a", acting(map[string]any{"(": true})), policy("b", value("x", 2))}, "every query that comes to member 1"},
		{"not beaten by an exclusion", Hardened, []Policy{policy("a", acting(map[string]any{"*": true, "-authorized": true})), policy("b", value("x", 2))}, ""},
		{"not beaten by another action", Hardened, []Policy{policy("a", acting(map[string]any{"setrealm": "x"})), policy("b", value("x", 2))}, ""},
		{"not beaten by an equal one", Hardened, []Policy{policy("a", nil), policy("b", value("x", 1))}, ""},
		{"not beaten by a worse one", Hardened, []Policy{policy("a", func(p *Policy) { p.Priority = 3 }), policy("b", value("x", 2))}, ""},
		{"not beaten by an inactive one", Hardened, []Policy{policy("a", func(p *Policy) { p.Active = false }), policy("b", value("x", 2))}, ""},
		{"not beaten by a narrower one", Hardened, []Policy{policy("a", func(p *Policy) { p.User = []string{"ann"} }), policy("b", value("x", 2))}, ""},
		{"not beaten in another scope", Hardened, []Policy{policy("a", func(p *Policy) { p.Scope = "user" }), policy("b", value("x", 2))}, ""},
		{"not beaten where all values count", Hardened, []Policy{policy("a", nil), policy("b", change(acting(map[string]any{"tokentype": "hotp"}), func(p *Policy) { p.Priority = 2 }))}, ""},
		{"token", Hardened, []Policy{policy("p", when("token", "count", "equals", "1"))}, `policy "p": conditions: condition 1: no RADIUS or LDAP login has a token that it names: the login that comes to it fails`},
		{"token, second of two", Hardened, []Policy{policy("p", change(when("userinfo", "a", "equals", "1"), when("tokeninfo", "kind", "equals", "x")))}, `condition 2: no RADIUS or LDAP login has a token`},
		{"header", Hardened, []Policy{policy("p", when("HTTP Request header", "X-Site", "equals", "x"))}, "has HTTP headers"},
		{"environment", Hardened, []Policy{policy("p", when("HTTP Environment", "SITE", "equals", "x"))}, "has an HTTP environment"},
		{"request data", Hardened, []Policy{policy("p", when("Request Data", "a", "equals", "x"))}, "has request data"},
		{"container", Hardened, []Policy{policy("p", when("container", "type", "equals", "x"))}, "has a container"},
		{"container info", Hardened, []Policy{policy("p", when("container_info", "type", "equals", "x"))}, "has a container"},
		{"token, missing is false", Hardened, []Policy{policy("p", change(when("token", "count", "equals", "1"), missing("false")))}, "the policy never matches (missing: false)"},
		{"token, missing is true", Hardened, []Policy{policy("p", change(when("token", "count", "equals", "1"), missing("true")))}, ""},
		{"token, missing in compat", Compat, []Policy{policy("p", change(when("token", "count", "equals", "1"), missing("false")))}, "the login that comes to it fails"},
		{"token, inactive condition", Hardened, []Policy{policy("p", change(when("token", "count", "equals", "1"), func(p *Policy) { p.Conditions[0].Active = false }))}, ""},
		{"token, not at a login", Hardened, []Policy{policy("p", change(when("token", "count", "equals", "1"), func(p *Policy) { p.Scope = "admin" }))}, ""},
		{"what a login has", Hardened, []Policy{policy("p", change(when("HTTP Request header", "radius:NAS-Identifier", "equals", "x"), when("ldap:tls", "", "equals", "x"), when("userinfo", "a", "equals", "x")))}, ""},
		{"user agents", Hardened, []Policy{policy("p", func(p *Policy) { p.UserAgents = []string{"cli"} })}, `policy "p": user_agents: the policy never matches at a login`},
		{"user agents, not at a login", Hardened, []Policy{policy("p", func(p *Policy) { p.Scope, p.UserAgents = "user", []string{"cli"} })}, ""},
		{"nobody awake", Hardened, []Policy{policy("p", func(p *Policy) { p.Active = false })}, "scope authorization: no policy is active"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Compile(tt.policies, Options{Semantics: tt.semantics})
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, w := range s.Warnings(defs) {
				lines = append(lines, w.String())
			}
			all := strings.Join(lines, "\n")
			if (tt.want == "") != (all == "") || !strings.Contains(all, tt.want) {
				t.Errorf("warnings %q, want %q", all, tt.want)
			}
		})
	}
	s := mustCompile(t, policy("p", nil))
	if got := s.EmptyScopes(defs); slices.Contains(got, "authorization") || !slices.Contains(got, "user") {
		t.Errorf("empty scopes %q", got)
	}
}
