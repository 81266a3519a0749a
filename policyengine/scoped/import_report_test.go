package scoped

import (
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	condition := func(section, comparator, value, missing string) func(p *Policy) {
		return func(p *Policy) {
			p.Conditions = []Condition{{Section: section, Key: "k", Comparator: comparator, Value: value, Active: true, Missing: missing}}
		}
	}
	for _, tt := range []struct {
		name            string
		change          func(p *Policy)
		attribute, want string // "" for no difference
	}{
		{"none", func(p *Policy) {
			p.User, p.Realm = []string{"(ann|bob)", "*"}, []string{"corp"}
		}, "", ""},
		{"no alternation", func(p *Policy) { p.User = []string{"[|]x", `a\|b`, "[]|]", "[^]|]", "((a|b)|c)"} }, "", ""},
		{"half anchored", func(p *Policy) { p.User = []string{"svc|x|root"} }, "user", `"svc|x|root" is only half anchored in compat (it begins with "svc", or ends with "root")`},
		{"half anchored condition", condition(SectionUserInfo, "matches", "a|b", ""), "conditions", "half anchored"},
		{"flags", func(p *Policy) { p.User = []string{"(?i)ann"} }, "user", `"(?i)ann" is no pattern in compat`},
		{"exclusion that is no pattern", func(p *Policy) { p.User = []string{"*", "-("} }, "user", `"-(" is no pattern in compat`},
		{"pattern in small letters", func(p *Policy) { p.User, p.UserCaseInsensitive = []string{`\W+`}, true }, "user", "put into small letters in compat"},
		{"bad pattern", func(p *Policy) { p.User = []string{"("} }, "user", "hardened does not load it"},
		{"bad time", func(p *Policy) { p.Time = "nonsense" }, "time", "hardened does not load it"},
		{"bad client", func(p *Policy) { p.Client = []string{"10.0.0.999"} }, "client", "hardened does not load it"},
		{"excluded resolver", func(p *Policy) { p.Resolver = []string{"*", "-south"} }, "resolver", "compat ignores the exclusion -south"},
		{"no resolver to check", func(p *Policy) { p.CheckAllResolvers = true }, "check_all_resolvers", "compat never matches"},
		{"capital realm", func(p *Policy) { p.Realm = []string{"Corp"} }, "realm", `"Corp" has capital letters`},
		{"capital admin realm", func(p *Policy) { p.AdminRealm = []string{"Corp"} }, "adminrealm", `"Corp" has capital letters`},
		{"client", func(p *Policy) { p.Client = []string{"2001:db8::/32", "-10.0.0.0/8"} }, "client", "never compared with 10.0.0.0/8 in compat"},
		{"IPv6 client", func(p *Policy) { p.Client = []string{"2001:db8::/32"} }, "", ""},
		{"night", func(p *Policy) { p.Time = "Mon:22-6" }, "time", "on Mon 22:00, hardened says true"},
		{"weekend", func(p *Policy) { p.Time = "Sat-Mon:8-9" }, "time", "on Mon 08:00, hardened says true"},
		{"day", func(p *Policy) { p.Time = "Mon-Fri:8-17:30" }, "", ""},
		{"flag without value", func(p *Policy) { p.Action = Action{{Name: ActionOTPPIN, Flag: true}} }, "action", "otppin has no value"},
		{"passthru", func(p *Policy) { p.Action = Action{{Name: ActionPassthru, Flag: true}} }, "", ""},
		{"cache", func(p *Policy) { p.Action = Action{{Name: ActionAuthCache, Value: "4h"}} }, "action", "auth_cache: hardened binds"},
		{"menu", func(p *Policy) { p.Scope, p.Action = ScopeAdmin, Action{{Name: "resolverread", Flag: true}} }, "action", "opens config"},
		{"typed", condition(SectionUserInfo, "equals", "5", ""), "conditions", "compat never finds them equal"},
		{"empty", condition(SectionUserInfo, "<", "5", ""), "conditions", "it is 0 in compat"},
		{"missing", condition(SectionUserInfo, "contains", "x", MissingTrue), "conditions", "compat does not look at"},
		{"section", condition("radius:NAS-Identifier", "contains", "x", ""), "conditions", "compat does not know the section"},
		{"comparator", condition(SectionUserInfo, "string_contains", "x", ""), "conditions", "compat does not know the comparator"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Policy{Name: "p", Scope: ScopeAuthentication, Active: true, Priority: 1, Action: Action{{Name: ActionPassNoUser, Flag: true}}}
			tt.change(&p)
			found := Differences([]Policy{p}, NewDefinitions())
			if tt.want == "" && len(found) > 0 || tt.want != "" && len(found) != 1 {
				t.Fatalf("%d differences: %v", len(found), found)
			}
			if tt.want != "" && (found[0].Attribute != tt.attribute || !strings.Contains(found[0].String(), `policy "p": `+tt.attribute+": ") || !strings.Contains(found[0].Text, tt.want)) {
				t.Errorf("got %v, want %s", found[0], tt.want)
			}
		})
	}
}

func FuzzDifferences(f *testing.F) {
	f.Add("a|b", "Mon:22-6", "10.0.0.0/8", "auth_cache=4h", "matches")
	f.Add("[]|]", "Fri-Mon:1-2,x", "::ffff:1.2.3.4", "otppin", "<")
	f.Fuzz(func(t *testing.T, pattern, when, client, action, comparator string) {
		p := Policy{
			Name: "p", Scope: ScopeAuthentication, Active: true, Priority: 1, Action: ParseActionCompat(action), User: []string{pattern},
			Resolver: []string{pattern}, Time: when, Client: []string{client},
			Conditions: []Condition{{Section: SectionUserInfo, Key: pattern, Comparator: comparator, Value: pattern, Active: true}},
		}
		for _, d := range Differences([]Policy{p}, NewDefinitions()) {
			if d.Attribute == "" || d.Text == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
