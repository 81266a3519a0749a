package policyengine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

func stored(name string, change func(*scoped.Policy)) scoped.Policy {
	p := scoped.Policy{Name: name, Scope: "authorization", Active: true, Priority: 1, Origin: "store"}
	if change != nil {
		change(&p)
	}
	return p
}

// configured is a configuration with one file of policies, by its name and text.
func configured(t testing.TB, file, text string, policies config.Policies) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	policies.Scoped = []string{path}
	return &config.Config{Policies: policies, Login: config.Login{TimeZone: "Europe/Vienna"}}
}

func TestLoadScopedWithStore(t *testing.T) {
	text := "policies:\n  - {name: b, scope: authorization}\n\n  - name: a\n    scope: authorization\n"
	s, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{}), []scoped.Policy{stored("c", nil)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Policies {
		got = append(got, p.Name+" "+filepath.Base(p.Origin))
	}
	if want := []string{"b f.yaml:2", "a f.yaml:4", "c store"}; !slices.Equal(got, want) {
		t.Errorf("policies %q, want %q", got, want)
	}
	if p, ok := s.Set.Get("c"); !ok || p.Origin != "store" || s.Set.All()[2].Name != "c" {
		t.Errorf("the set has %v", s.Set.Names())
	}
	if s.Options.Location.String() != "Europe/Vienna" || s.Options.Semantics != scoped.Hardened {
		t.Errorf("options %+v", s.Options)
	}
	for _, tt := range []struct {
		name   string
		stored scoped.Policy
		want   string
	}{
		{"a name of a file", stored("a", nil), `store: policy "a": name: there is another policy of this name`},
		{"a pattern", stored("c", func(p *scoped.Policy) { p.User = []string{"x", "("} }), `store: policy "c": user: member 2 ("("): invalid pattern`},
		{"a value", stored("c", func(p *scoped.Policy) { p.Action = scoped.Action{{Name: "authorized", Value: "no"}} }), `store: policy "c": action: authorized: "no" is none of`},
	} {
		if _, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{}), []scoped.Policy{tt.stored}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestLoadScopedSemantics: what compat reads, hardened refuses at its place; and
// compat warns of what it does with it.
func TestLoadScopedSemantics(t *testing.T) {
	text := "policies:\n  - name: a\n    scope: authentication\n    action: {otppin: perhaps}\n    user: [svc|root]\n"
	_, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{Semantics: "hardened"}), nil)
	if err == nil || !strings.Contains(err.Error(), `f.yaml:4:5: policies[0].action: policy "a": action: otppin: "perhaps" is none of tokenpin, userstore, none`) {
		t.Errorf("hardened: %v", err)
	}
	s, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{Semantics: "compat"}), []scoped.Policy{stored("b", func(p *scoped.Policy) { p.User = []string{"x|y"} })})
	if err != nil || s.Set.Semantics() != scoped.Compat {
		t.Fatalf("compat: %v", err)
	}
	q := scoped.Query{User: scoped.Is("svc-1"), Now: time.Now()}
	if ok, err := s.Set.Applies("a", &q); !ok || err != nil {
		t.Errorf("compat matches the beginning: %v, %v", ok, err)
	}
	found := warnings(s.Warnings())
	for _, want := range []string{`f.yaml:5:5: policies[0].user: policy "a": user: "svc|root" is only half anchored`, `store: policy "b": user: "x|y" is only half anchored`} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in:\n%s", want, found)
		}
	}
}

func warnings(list []config.Warning) string {
	var b strings.Builder
	for _, w := range list {
		b.WriteString(w.String() + "\n")
	}
	return b.String()
}

func TestLoadScopedWarnings(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"only exclusions", "{name: a, scope: authorization, user: [-b]}", `f.yaml:2:37: policies[0].user: policy "a": user: the list only excludes`},
		{"scope", "{name: a, scope: autorisation}", `f.yaml:2:22: policies[0].scope: policy "a": scope: there is no scope`},
		{"action", "{name: a, scope: authorization, action: {authorised: deny_access}}", `policies[0].action: policy "a": action: scope authorization has no action "authorised"`},
		{"inactive", "{name: a, scope: authorization, active: false}", "policies.scoped: scope authorization: no policy is active"},
		{"nothing", "{name: a, scope: authorization, action: {authorized: deny_access}}", ""},
	} {
		s, err := LoadScoped(configured(t, "f.yaml", "policies:\n  - "+tt.text+"\n", config.Policies{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := warnings(s.Warnings()); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: want %q, got:\n%s", tt.name, tt.want, got)
		}
	}
}

func TestEmptyScopes(t *testing.T) {
	const text = "policies:\n  - {name: a, scope: authorization}\n"
	for _, tt := range []struct {
		name         string
		empty        config.EmptyScope
		authn, admin scoped.EmptyScope
		advice       string
	}{
		{"not decided", nil, scoped.EmptyAllows, scoped.EmptyAllows, "no scoped policy speaks to authentication and enrollment"},
		{"all", config.EmptyScope{config.AllScopes: "deny"}, scoped.EmptyDenies, scoped.EmptyDenies, ""},
		{"allowed on purpose", config.EmptyScope{config.AllScopes: "allow"}, scoped.EmptyAllows, scoped.EmptyAllows, ""},
		{"one", config.EmptyScope{"authentication": "deny"}, scoped.EmptyDenies, scoped.EmptyAllows, "speaks to enrollment,"},
		{"all but one", config.EmptyScope{config.AllScopes: "deny", "admin": "allow"}, scoped.EmptyDenies, scoped.EmptyAllows, ""},
	} {
		s, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{EmptyScope: tt.empty}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.Options.EmptyScope["authentication"] != tt.authn || s.Options.EmptyScope["admin"] != tt.admin {
			t.Errorf("%s: %v", tt.name, s.Options.EmptyScope)
		}
		if got := warnings(s.Advice()); !strings.Contains(got, tt.advice) || tt.advice == "" && got != "" {
			t.Errorf("%s: advice %q, want %q", tt.name, got, tt.advice)
		}
	}
	_, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{EmptyScope: config.EmptyScope{"authorisation": "deny"}}), nil)
	if err == nil || !strings.Contains(err.Error(), `policies.empty_scope.authorisation: there is no scope "authorisation", did you mean "authorization"?`) {
		t.Errorf("unknown scope: %v", err)
	}
	if s, err := LoadScoped(&config.Config{}, nil); err != nil || s.Advice() != nil {
		t.Errorf("without policies: %v", err)
	}
}
