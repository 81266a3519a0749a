package scoped

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// explained answers matches by explaining them.
type explained struct{ *Set }

func (e explained) Match(q *Query, buf []*Policy) ([]*Policy, error) {
	x := e.Explain(q)
	if x.Err != nil {
		return nil, x.Err
	}
	return append(buf, x.Matched()...), nil
}

// TestExplainAgrees demands that Explain comes to what the cases expect.
func TestExplainAgrees(t *testing.T) {
	ops := []string{"match_policies", "check_for_conflicts"}
	for _, file := range caseFiles(t) {
		f := readCases(t, file)
		for i, fault := range runCases(t, f, func(p []Policy) (matcher, error) {
			s, err := Compile(p, Options{Semantics: Compat})
			return explained{s}, err
		}, ops) {
			if fault != nil {
				t.Errorf("%s: %v", f.Queries[i].ID, fault)
			}
		}
	}
}

// TestExplainAgreesWithMatch does so for sets and queries of all kinds.
func TestExplainAgreesWithMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Semantics: Semantics(rapid.IntRange(0, 1).Draw(t, "semantics"))}
		var policies []Policy
		for i := range rapid.IntRange(1, 20).Draw(t, "number") {
			if p := drawPolicy(t, i); o.Semantics == Compat || compiles(p) {
				policies = append(policies, p)
			}
		}
		s, err := Compile(policies, o)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			agree(t, "explain", drawQuery(t), explained{s}.Match, s.Match)
		}
	})
}

func compiles(p Policy) bool {
	_, err := Compile([]Policy{p}, Options{})
	return err == nil
}

func TestExplainSaysWhy(t *testing.T) {
	at := time.Date(2024, 3, 19, 12, 30, 0, 0, time.UTC) // a Tuesday
	resolvers := func(string) []string { return []string{"ldap", "local"} }
	for _, tt := range []struct {
		name      string
		change    func(p *Policy)
		query     func(q *Query)
		attribute string
		reason    string
	}{
		{"client excluded", func(p *Policy) { p.Client = []string{"10.0.0.0/8", "-10.2.0.0/24"} }, func(q *Query) { q.Client = Is("10.2.0.9") }, "client", "client 10.2.0.9 is excluded by -10.2.0.0/24"},
		{"client elsewhere", func(p *Policy) { p.Client = []string{"10.0.0.0/8"} }, func(q *Query) { q.Client = Is("192.0.2.1") }, "client", "client 192.0.2.1 is not in [10.0.0.0/8]"},
		{"clients only excluded", func(p *Policy) { p.Client = []string{"-10.0.0.0/8"} }, func(q *Query) { q.Client = Is("192.0.2.1") }, "client", "which only excludes"},
		{"inactive", func(p *Policy) { p.Active = false }, nil, "active", "the policy is not active"},
		{"action", func(p *Policy) { p.Action = acts(map[string]any{"tokentype": "hotp"}) }, nil, "action", `action "authorized" is not in [tokentype]`},
		{"action excluded", func(p *Policy) { p.Action = acts(map[string]any{"*": true, "-authorized": true}) }, nil, "action", `action "authorized" is excluded by -authorized`},
		{"realm", func(p *Policy) { p.Realm = []string{"lab"} }, nil, "realm", `realm "corp" is not in [lab]`},
		{"realm excluded in other case", func(p *Policy) { p.Realm = []string{"*", "-CORP"} }, nil, "realm", `realm "corp" is excluded by -CORP`},
		{"user", func(p *Policy) { p.User = []string{"bob", "carol"} }, nil, "user", `user "ann" is not in [bob, carol]`},
		{"resolver", func(p *Policy) { p.Resolver = []string{"vault"} }, nil, "resolver", `resolver "ldap" is not in [vault]`},
		{"all resolvers", func(p *Policy) { p.Resolver, p.CheckAllResolvers = []string{"vault"}, true }, nil, "resolver", `none of the resolvers [ldap, local] of realm "corp" is in [vault]`},
		{"node", func(p *Policy) { p.PINode = []string{"a", "b"} }, func(q *Query) { q.PINode = Is("c") }, "pinode", `node "c" is not in [a, b]`},
		{"user agent", func(p *Policy) { p.UserAgents = []string{"cli"} }, func(q *Query) { q.UserAgent = Is("web") }, "user_agents", `user agent "web" is not in [cli]`},
		{"time", func(p *Policy) { p.Time = "Mon:9-17" }, nil, "time", `Tue 12:30 UTC is not in "Mon:9-17"`},
		{
			"condition", func(p *Policy) {
				p.Conditions = []Condition{{Section: "userinfo", Key: "level", Comparator: ">", Value: "9", Active: true}}
			},
			nil, "conditions", `condition 1 does not hold: userinfo level > "9"`,
		},
		{
			"condition that fails", func(p *Policy) {
				p.Conditions = []Condition{{Section: "userinfo", Key: "absent", Comparator: ">", Value: "9", Active: true}}
			},
			nil, "conditions", `condition userinfo absent: user "ann" has no such attribute`,
		},
		{
			"attribute of RADIUS", func(p *Policy) {
				p.Conditions = []Condition{{Section: "radius:NAS-Identifier", Comparator: "equals", Value: "gw", Active: true}}
			},
			nil, "conditions", `condition 1 does not hold: radius:NAS-Identifier equals "gw"`,
		},
		{
			"attribute of RADIUS as a header", func(p *Policy) {
				p.Conditions = []Condition{{Section: SectionHTTPHeader, Key: "radius:NAS-Identifier", Comparator: "equals", Value: "gw", Active: true}}
			},
			nil, "conditions", `condition 1 does not hold: HTTP Request header NAS-Identifier equals "gw"`,
		},
		{
			"fact that is not there", func(p *Policy) {
				p.Conditions = []Condition{{Section: "ldap:tls", Comparator: "equals", Value: "1.3", Active: true}}
			},
			nil, "conditions", "condition ldap:tls: the request has no such thing",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustCompile(t, policy("p", tt.change))
			facts := func(section, _ string) (any, bool, error) { return "other", section == "radius", nil }
			q := &Query{
				Scope: Is("authorization"), Action: Is("authorized"), Active: OnlyActive, Now: at, World: &World{Resolvers: resolvers, Fact: facts},
				UserObject: &User{Login: "ann", Realm: "corp", Resolver: "ldap", Info: func() (map[string]any, error) { return map[string]any{"level": "7"}, nil }},
			}
			if tt.query != nil {
				tt.query(q)
			}
			v := s.Explain(q).Policies[0]
			if v.Matched || v.Attribute != tt.attribute || !strings.Contains(v.Reason, tt.reason) {
				t.Errorf("matched %v, %s: %s", v.Matched, v.Attribute, v.Reason)
			}
		})
	}
}

func TestExplainValues(t *testing.T) {
	set := func(name, value string, priority int) Policy {
		return policy(name, func(p *Policy) {
			p.Action, p.Priority = Action{{Name: "authorized", Value: value}}, priority
		})
	}
	s := mustCompile(t, set("worse", "grant_access", 2), set("best", "deny_access", 1), set("also", "deny_access", 1))
	q := &Query{Scope: Is("authorization"), Action: Is("authorized"), ClientAddr: netip.MustParseAddr("10.0.0.1")}
	x := s.Explain(q)
	if names, ok := x.Values.Get("deny_access"); !ok || !slices.Equal(names, []string{"best", "also"}) || x.Conflict != nil {
		t.Errorf("values %+v, conflict %v", x.Values, x.Conflict)
	}
	if names, ok := x.Beaten.Get("grant_access"); !ok || !slices.Equal(names, []string{"worse"}) {
		t.Errorf("beaten %+v", x.Beaten)
	}
	for _, v := range x.Policies {
		if v.Policy.Name == "worse" && v.Beaten != "best" {
			t.Errorf("worse is beaten by %q", v.Beaten)
		}
	}
	x = mustCompile(t, set("a", "grant_access", 1), set("b", "deny_access", 1)).Explain(q)
	if x.Conflict == nil || !strings.Contains(x.Conflict.Error(), `"grant_access" by a; "deny_access" by b: change a priority`) {
		t.Errorf("conflict %v", x.Conflict)
	}
	of := func(name, action, value string, priority int) Policy {
		return policy(name, func(p *Policy) { p.Action, p.Priority = Action{{Name: action, Value: value}}, priority })
	}
	collected := mustCompile(t, of("a", "tokentype", "hotp totp", 1), of("b", "tokentype", "sms", 2),
		of("c", "setrealm", "lab", 1), of("d", "setrealm", "corp", 2))
	q.Action = Is("tokentype") // which takes what all policies say
	x = collected.Explain(q)
	if len(x.Values) != 2 || len(x.Beaten) != 0 || x.Conflict != nil {
		t.Errorf("tokentype: %+v, beaten %+v, conflict %v", x.Values, x.Beaten, x.Conflict)
	}
	q.Action = Is("setrealm") // and here they have to agree
	if x = collected.Explain(q); len(x.Values) != 2 || x.Conflict == nil {
		t.Errorf("setrealm: %+v, conflict %v", x.Values, x.Conflict)
	}
	if x := (*Set)(nil).Explain(q); len(x.Policies) != 0 || x.Err != nil {
		t.Errorf("an empty set: %+v", x)
	}
}
