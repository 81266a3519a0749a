package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// members draws a list attribute of few names, so that lists and queries meet.
func members(t *rapid.T, label string, names []string) []string {
	if rapid.IntRange(0, 2).Draw(t, label+" kind") == 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		name := rapid.SampledFrom(names).Draw(t, "name")
		switch rapid.IntRange(0, 11).Draw(t, "form") {
		case 0, 1:
			return "*"
		case 2:
			return "-" + name
		case 3:
			return "!" + name
		case 4:
			return name[:min(1, len(name))] + ".*"
		case 5:
			return "(" + name + "|x)"
		case 6:
			return name + "|" + rapid.SampledFrom(names).Draw(t, "other")
		case 7:
			return strings.ToUpper(name)
		case 8:
			return rapid.SampledFrom([]string{`\w+`, `\W.*`, "", "(", "+a", "[^b]*", "(?i)A", "a{,2}n*", `.*\n`, "-a.*"}).Draw(t, "special")
		}
		return name
	}), 1, 4).Draw(t, label)
}

var (
	someUsers   = []string{"ann", "bob", "Ann", "anna", "ü", "-a", ""}
	someRealms  = []string{"corp", "lab", "Corp", ""}
	someClients = []string{"10.1.2.3", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "::ffff:10.1.2.3", "10/8", "", "-10.1.2.3", "!10.1.0.0/16", "nonsense", "10.0.0.0/99"}
	someTimes   = []string{"", "Mon-Fri:8-17", "Fri-Mon:22-6", "Tue:0-23:59", "Mon:9-17,garbage", "Xyz:1-2", "Mon-Xyz:0-23", "Sat:10:00-9:00"}
	someActions = []string{"enable", "disable", "otppin", "enroll"}
)

func drawPolicy(t *rapid.T, i int) Policy {
	p := Policy{
		Name: "p" + string(rune('a'+i/26)) + string(rune('a'+i%26)), Scope: rapid.SampledFrom([]string{"admin", "user", "authorization"}).Draw(t, "scope"),
		Active: rapid.IntRange(0, 5).Draw(t, "active") > 0, Priority: rapid.IntRange(1, 3).Draw(t, "priority"),
		Realm: members(t, "realm", someRealms), User: members(t, "user", someUsers), Resolver: members(t, "resolver", []string{"ldap", "local", "vault"}),
		AdminRealm: members(t, "adminrealm", someRealms), AdminUser: members(t, "adminuser", someUsers),
		CheckAllResolvers: rapid.IntRange(0, 4).Draw(t, "all resolvers") == 0, UserCaseInsensitive: rapid.Bool().Draw(t, "fold"),
		Time: rapid.SampledFrom(someTimes).Draw(t, "time"),
	}
	for _, name := range members(t, "action", someActions) {
		p.Action.Set(ActionItem{Name: name, Value: "v"})
	}
	if rapid.IntRange(0, 2).Draw(t, "has client") == 0 {
		p.Client = rapid.SliceOfN(rapid.SampledFrom(someClients), 1, 4).Draw(t, "client")
	}
	if rapid.IntRange(0, 3).Draw(t, "has node") == 0 {
		p.PINode = []string{"node1"}
	}
	if rapid.IntRange(0, 3).Draw(t, "has condition") == 0 {
		p.Conditions = []Condition{{
			Section:    rapid.SampledFrom([]string{"userinfo", "userinfo", "token", "HTTP Request header", "moonphase"}).Draw(t, "section"),
			Key:        rapid.SampledFrom([]string{"level", "empty", "absent", "count"}).Draw(t, "key"),
			Comparator: rapid.SampledFrom([]string{"equals", "!equals", "<", ">", "matches", "in", "contains", "like"}).Draw(t, "comparator"),
			Value:      rapid.SampledFrom([]string{"7", "07", "a", "", "(", `"x`}).Draw(t, "value"),
			Active:     rapid.IntRange(0, 4).Draw(t, "condition active") > 0,
			Missing:    rapid.SampledFrom([]string{"", "error", "true", "false"}).Draw(t, "missing"),
		}}
	}
	return p
}

func drawArg(t *rapid.T, label string, values []string) Arg {
	if rapid.IntRange(0, 2).Draw(t, label+" given") == 0 {
		return Arg{}
	}
	return Is(rapid.SampledFrom(values).Draw(t, label))
}

func drawQuery(t *rapid.T) *Query {
	q := &Query{
		Scope: drawArg(t, "scope", []string{"admin", "user", "authorization", "gone"}), Action: drawArg(t, "action", append(someActions, "")),
		Realm: drawArg(t, "realm", someRealms), User: drawArg(t, "user", append(someUsers, "ann\n", "ANN", "a\n")),
		Resolver: drawArg(t, "resolver", []string{"ldap", "local", ""}), AdminRealm: drawArg(t, "adminrealm", someRealms),
		AdminUser: drawArg(t, "adminuser", someUsers), PINode: drawArg(t, "node", []string{"node1", "node2"}),
		Client: drawArg(t, "client", []string{"10.1.2.3", "10.9.9.9", "2001:db8::1", "::ffff:10.1.2.3", "nonsense", "", "010.1.2.3"}),
		Active: Activity(rapid.IntRange(0, 2).Draw(t, "active")), Unsorted: rapid.IntRange(0, 4).Draw(t, "unsorted") == 0,
		Mode: ConditionMode(rapid.IntRange(0, 2).Draw(t, "mode")),
		Now:  time.Date(2024, 3, 18+rapid.IntRange(0, 6).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 30, 0, time.UTC),
		World: &World{
			Resolvers: func(realm string) []string {
				return map[string][]string{"corp": {"ldap", "local"}, "lab": {"vault"}}[realm]
			},
			Token: func(serial string) (Token, bool, error) {
				return Token{Columns: map[string]any{"count": 7, "empty": ""}}, serial == "T1", nil
			},
		},
	}
	if rapid.IntRange(0, 3).Draw(t, "named") == 0 {
		q.Name = Is("pa" + string(rune('a'+rapid.IntRange(0, 9).Draw(t, "name"))))
	}
	if rapid.Bool().Draw(t, "object") {
		q.User, q.Realm, q.Resolver = Arg{}, Arg{}, Arg{}
		q.UserObject = &User{Login: rapid.SampledFrom(someUsers).Draw(t, "login"), Realm: rapid.SampledFrom([]string{"corp", "lab"}).Draw(t, "of realm"), Resolver: "ldap"}
		if rapid.Bool().Draw(t, "known") {
			q.UserObject.Info = func() (map[string]any, error) { return map[string]any{"level": "7", "empty": "", "count": 12}, nil }
		}
	}
	if rapid.Bool().Draw(t, "http") {
		q.HTTP = &HTTPRequest{Headers: map[string]string{"Level": "7"}}
	}
	if rapid.Bool().Draw(t, "token") {
		q.Serial = rapid.SampledFrom([]string{"T1", "T2"}).Draw(t, "serial")
	}
	return q
}

// TestIndexAgreesWithLoop demands that the index and the loop give the same
// answers, errors included, in both semantics; and that Explain agrees with both.
func TestIndexAgreesWithLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compat := rapid.Bool().Draw(t, "compat")
		var policies []Policy
		o := Options{}
		if compat {
			o.Semantics = Compat
		}
		for i := range rapid.IntRange(1, 30).Draw(t, "number") {
			p := drawPolicy(t, i)
			if _, err := Compile([]Policy{p}, o); err != nil && compat {
				t.Fatalf("compat refuses %+v: %v", p, err)
			} else if err == nil {
				policies = append(policies, p)
			}
		}
		s, err := Compile(policies, o)
		if err != nil {
			t.Fatal(err)
		}
		loop := naive{policies, compat}
		for range 5 {
			q := drawQuery(t)
			agree(t, "list", q, s.List, loop.List)
			agree(t, "match", q, s.Match, loop.Match)
		}
	})
}

type question func(q *Query, buf []*Policy) ([]*Policy, error)

func agree(t *rapid.T, what string, q *Query, a, b question) {
	got, gotErr := a(q, nil)
	want, wantErr := b(q, nil)
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && kindName(gotErr) != kindName(wantErr) {
		t.Fatalf("%s %+v: error %v, the loop says %v", what, q, gotErr, wantErr)
	}
	if gotErr == nil && !slices.Equal(namesOf(got), namesOf(want)) {
		t.Fatalf("%s %+v: %q, the loop says %q", what, q, namesOf(got), namesOf(want))
	}
	for _, kind := range []error{ErrCompare, ErrMatching, ErrNotFound, ErrDenied} {
		if gotErr != nil && kindName(gotErr) != "policy" && errors.Is(gotErr, kind) {
			t.Fatalf("%s: an error of kind %v: %v", what, kind, gotErr)
		}
	}
}

// TestIndexAgreesAtSize has enough policies for all ways of going through the
// index: few candidates one by one, many of them as bits.
func TestIndexAgreesAtSize(t *testing.T) {
	var policies []Policy
	for i := range 1_000 {
		policies = append(policies, policy(fmt.Sprint("p", i), func(p *Policy) {
			p.Priority = 1 + i%3
			p.Scope = []string{"user", "authorization"}[i%2]
			p.Action = Action{{Name: fmt.Sprint("a", i%300), Value: "v"}, {Name: fmt.Sprint("b", i%4), Value: "v"}}
			if i%5 > 0 {
				p.Realm = []string{fmt.Sprint("R", i%250)}
			}
			if i%3 > 0 {
				p.User = []string{fmt.Sprint("u", i%200), "u1", "-u2"}
			}
			p.UserCaseInsensitive = i%7 == 0
		}))
	}
	for _, compat := range []bool{false, true} {
		o := Options{}
		if compat {
			o.Semantics = Compat
		}
		s, err := Compile(policies, o)
		if err != nil {
			t.Fatal(err)
		}
		loop := naive{policies, compat}
		matched := 0
		for i := range 12 {
			for _, q := range []*Query{
				{Scope: Is("user"), Action: Is(fmt.Sprint("a", i*20)), User: Is("u1"), Realm: Is("r16")},
				{Scope: Is("authorization"), Action: Is(fmt.Sprint("b", i%4))},
				{Action: Is(fmt.Sprint("b", i%4)), Realm: Is(fmt.Sprint("R", i*7))},
				{User: Is(fmt.Sprint("U", i))},
				{Name: Is(fmt.Sprint("p", i*80)), User: Is("u1")},
			} {
				got, gotErr := s.Match(q, nil)
				want, wantErr := loop.Match(q, nil)
				if gotErr != nil || wantErr != nil || !slices.Equal(namesOf(got), namesOf(want)) {
					t.Fatalf("compat %v, %+v: %q, %v; the loop says %q, %v", compat, q, namesOf(got), gotErr, namesOf(want), wantErr)
				}
				matched += len(got)
			}
		}
		if matched == 0 {
			t.Error("nothing matched")
		}
	}
}
