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
