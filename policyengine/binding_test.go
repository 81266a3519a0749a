package policyengine

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// TestUserBinding asks for names with @, which logins may have too.
func TestUserBinding(t *testing.T) {
	for _, tt := range []struct {
		user, login, realm string
		want               bool
	}{
		{"alice@corp", "alice", "Corp", true},
		{"Alice@CORP", "aLICE", "Corp", true},
		{"alice@corp", "alice", "lab", false},
		{"alice@corp", "alice@corp", "lab", false}, // somebody else, who logs in as alice@corp@lab
		{"alice@corp", "alice@corp", "Corp", false},
		{"alice@corp@lab", "alice@corp", "lab", true},
		{"alice@corp@lab", "alice@corp", "Corp", false},
		{"alice@example.org", "Alice@example.org", "lab", true}, // example.org is no realm
		{"alice@example.org@corp", "alice@example.org", "Corp", true},
		{"alice@example.org", "alice", "lab", false},
		{"alice", "alice@corp", "Corp", false},
	} {
		in := alice()
		in.Realm, in.User = tt.realm, &identity.User{Login: tt.login}
		d, err := engineFor(t, "all", bind(config.Binding{User: tt.user})).Decide(t.Context(), StageAccess, in)
		if err != nil || d.Allowed != tt.want {
			t.Errorf("user %s for %s of %s: allowed %v, error %v", tt.user, tt.login, tt.realm, d.Allowed, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	cfg := &config.Config{Applications: map[string]*config.Application{
		"vpn": {Policies: config.ApplicationPolicies{Mode: "most", Timeout: time.Second, Bindings: []config.Binding{
			bind(config.Binding{Policy: "yes"}),
			bind(config.Binding{Policy: "helo"}),
			bind(config.Binding{Scoped: "offise"}),
			bind(config.Binding{}),
			bind(config.Binding{Group: "a", Policy: "yes"}),
			bind(config.Binding{Policy: "yes", Stage: "later"}),
			bind(config.Binding{Policy: "yes", FailureResult: "maybe"}),
			{Policy: "nobody-has-it", Enabled: false, Stage: "access", FailureResult: "refuse", Timeout: time.Second},
			{Policy: "yes", Stage: "access", FailureResult: "refuse"},
		}}},
		"wiki": {},
	}}
	set, err := scoped.Compile([]scoped.Policy{{Name: "office", Scope: "authorization", Priority: 1}}, scoped.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(cfg, Options{Scoped: set, Expressions: policies})
	if err == nil || e != nil {
		t.Fatal("took a broken configuration")
	}
	for _, want := range []string{
		`applications.vpn.policies.mode: "most" is no mode`,
		`applications.vpn.policies.bindings[1].policy: there is no expression policy "helo", did you mean "hello"?`,
		`applications.vpn.policies.bindings[2].scoped: there is no scoped policy "offise", did you mean "office"?`,
		`applications.vpn.policies.bindings[3]: nothing to ask: a binding has exactly one of`,
		`applications.vpn.policies.bindings[4]: group a and policy yes at once`,
		`applications.vpn.policies.bindings[5].stage: "later" is no stage`,
		`applications.vpn.policies.bindings[6].failure_result: "maybe" is no result`,
		`applications.vpn.policies.bindings[7].policy: there is no expression policy "nobody-has-it"`,
		`applications.vpn.policies.bindings[8].timeout: must be longer`,
		`applications.wiki.policies.timeout: must be longer`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in:\n%v", want, err)
		}
	}
}
