package policyengine

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// TestScopedQuery asks policies about everything of a login that they may know.
func TestScopedQuery(t *testing.T) {
	when := func(section, key, comparator, value string) string {
		return "    conditions: [{section: \"" + section + "\", key: \"" + key + "\", comparator: " + comparator + ", value: \"" + value + "\"}]\n"
	}
	for _, tt := range []struct {
		name, policy string
		want         string // true, false, or a part of the error
	}{
		{"resolver", "    resolver: [staff]\n", "true"},
		{"other resolver", "    resolver: [guests]\n", "false"},
		{"all resolvers of the realm", "    resolver: [guests]\n    check_all_resolvers: true\n", "true"},
		{"attribute", when("userinfo", "department", "equals", "lab"), "true"},
		{"several values", when("userinfo", "mail", "contains", "b@example.org"), "true"},
		{"group", when("userinfo", "groups", "contains", "vpn-users"), "true"},
		{"other group", when("userinfo", "groups", "contains", "admins"), "false"},
		{"login", when("userinfo", "username", "equals", "Alice"), "true"},
		{"no such attribute", when("userinfo", "shoe", "equals", "42"), "has no such attribute"},
		{"RADIUS attribute", when("radius:NAS-Identifier", "", "equals", "gate"), "true"},
		{"any RADIUS attribute", when("radius:Class", "", "equals", "x"), "true"},
		{"no such RADIUS attribute", when("radius:Gone", "", "equals", "x"), "the request has no such thing"},
		{"LDAP fact", when("ldap:tls", "", "in", "1.2, 1.3"), "true"},
		{"no helpers", when("helper", "geo.country", "equals", "SE"), "there is no condition helper \"geo.country\""},
		{"time", "    time: \"Tue:9-17\"\n", "true"},
		{"node", "    pinode: [edge-b, edge-a]\n", "true"},
		{"other node", "    pinode: [edge-b]\n", "false"},
		{"user agent, which no login has", "    user_agents: [simplesamlphp]\n", "false"},
		{"other time", "    time: \"Wed:9-17\"\n", "false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := loadScoped(t, map[string]string{"a.yaml": "policies:\n  - name: p\n    scope: s\n" + tt.policy})
			if err != nil {
				t.Fatal(err)
			}
			n := &Native{set: set, node: "edge-a", resolvers: map[string][]string{"corp": {"staff", "guests"}}}
			in := alice()
			in.Now = time.Date(2024, 3, 19, 12, 30, 0, 0, time.UTC)
			in.User = &identity.User{
				Login: "Alice", Directory: "staff", Groups: []string{"vpn-users"},
				Attributes: map[string][]string{"department": {"lab"}, "mail": {"a@example.org", "b@example.org"}},
			}
			in.RADIUS = RADIUSFacts{NASIdentifier: "gate", Attributes: map[string][]string{"Class": {"x"}}}
			in.LDAP.TLS = "1.3"
			r, err := n.check("p")(t.Context(), in)
			got := map[bool]string{true: "true", false: "false"}[r.Passing]
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestNewKnowsResolvers demands that check_all_resolvers sees the directories of
// the realm.
func TestNewKnowsResolvers(t *testing.T) {
	e, err := New(&config.Config{Realms: map[string]*config.Realm{"Corp": {Directories: []string{"a", "b"}}}}, Options{Scoped: &scoped.Set{}})
	if err != nil || len(e.native.resolvers["corp"]) != 2 {
		t.Errorf("resolvers %v, %v", e.native.resolvers, err)
	}
}
