package scoped

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What Differences does not report, Hardened and Compat answer alike.
func TestNoDifferenceMeansTheSameAnswer(t *testing.T) {
	defs := NewDefinitions()
	member := rapid.SampledFrom([]string{
		"*", "ann", "Ann", "-ann", "!bob", "a.*", "svc|root", "(svc|root)", "svc-[a-z]+", "svc\\d", "[", "", "o.lund", "^ann$", "a+", "\\W.*", "(?i)ANN", "a|", "-a.*", "é.*", "(",
	})
	list := rapid.SliceOfN(member, 0, 3)
	name := rapid.SampledFrom([]string{"", "ann", "Ann", "bob", "svc", "svc-x", "svc1", "root", "o.lund", "oxlund", "élan", "+x", "rootx", "xroot"})
	realm := rapid.SampledFrom([]string{"", "corp", "lab", "corp-x"})
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			Name: "p", Scope: ScopeAuthentication, Active: rapid.Bool().Draw(t, "active"), Priority: 1, Action: Action{{Name: ActionPassNoUser, Flag: true}},
			User: list.Draw(t, "user"), Resolver: list.Draw(t, "resolver"),
			Realm:               rapid.SliceOfN(rapid.SampledFrom([]string{"*", "corp", "Corp", "corp.*", "-lab", "lab|corp"}), 0, 2).Draw(t, "realm"),
			Client:              rapid.SliceOfN(rapid.SampledFrom([]string{"10.0.0.0/8", "-10.1.0.0/16", "2001:db8::/32", "!2001:db8:1::/48", "", "10.1", "010.0.0.0/8", "x"}), 0, 2).Draw(t, "client"),
			Time:                rapid.SampledFrom([]string{"", "Mon-Fri:8-17:30", "Fri-Mon:1-2", "Mon:22-6", "x", "Mon:8-9,x", "mon : 8 - 9", "Sun:0-23"}).Draw(t, "time"),
			CheckAllResolvers:   rapid.Bool().Draw(t, "all"),
			UserCaseInsensitive: rapid.Bool().Draw(t, "fold"),
		}
		if rapid.Bool().Draw(t, "condition") {
			p.Conditions = []Condition{{
				Section: rapid.SampledFrom([]string{SectionUserInfo, SectionTokenInfo, SectionHTTPHeader}).Draw(t, "section"), Key: rapid.SampledFrom([]string{"text", "list", "number", "none", "empty"}).Draw(t, "key"),
				Comparator: rapid.SampledFrom([]string{"equals", "contains", "!contains", "matches", "!matches", "in", "<"}).Draw(t, "comparator"),
				Value:      rapid.SampledFrom([]string{"x", "x|y", "5", "x, y"}).Draw(t, "value"), Active: rapid.Bool().Draw(t, "on"),
			}}
		}
		if len(Differences([]Policy{p}, defs)) > 0 {
			return
		}
		info := map[string]any{"text": "x", "list": []any{"x", "y"}}
		q := &Query{
			Scope: Is(ScopeAuthentication), Now: time.Date(2024, 1, rapid.IntRange(1, 7).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC),
			UserObject: &User{
				Login: name.Draw(t, "login"), Realm: realm.Draw(t, "in realm"), Resolver: name.Draw(t, "in resolver"),
				Info: func() (map[string]any, error) { return info, nil },
			},
			World: &World{Resolvers: func(string) []string { return []string{"ann", "svc"} }},
			HTTP:  &HTTPRequest{Headers: map[string]string{"text": "x"}},
		}
		if client := rapid.SampledFrom([]string{"", "10.0.0.1", "10.1.0.1", "2001:db8::1", "2001:db8:1::1", "192.0.2.1"}).Draw(t, "address"); client != "" {
			q.Client = Is(client)
		}
		answer := func(s Semantics) (bool, error) {
			set, err := Compile([]Policy{p}, Options{Semantics: s})
			if err != nil {
				t.Fatal(err)
			}
			found, err := set.Match(q, nil)
			return len(found) > 0, err
		}
		hardened, err1 := answer(Hardened)
		compat, err2 := answer(Compat)
		if hardened != compat || (err1 == nil) != (err2 == nil) {
			t.Fatalf("hardened says %t (%v), compat %t (%v) of %+v", hardened, err1, compat, err2, p)
		}
	})
}
