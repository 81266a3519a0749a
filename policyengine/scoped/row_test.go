package scoped

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// both compiles policies in both semantics.
func both(t *testing.T, policies ...Policy) (hardened, compat *Set) {
	t.Helper()
	hardened = mustCompile(t, policies...)
	compat, err := Compile(policies, Options{Semantics: Compat})
	if err != nil {
		t.Fatal(err)
	}
	return hardened, compat
}

// matches reports whether anything matches; an error is one of the test's.
func matches(t *testing.T, s *Set, q *Query) bool {
	t.Helper()
	found, err := s.Match(q, nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// TestSemantics has what the two semantics do with the same policy and query,
// where they differ. (Rows 6, 7 and 13 are about changes, imports and the cache of
// logins, and tested with them.)
func TestSemantics(t *testing.T) {
	user := func(members ...string) func(p *Policy) { return func(p *Policy) { p.User = members } }
	client := func(members ...string) func(p *Policy) { return func(p *Policy) { p.Client = members } }
	hours := func(text string) func(p *Policy) { return func(p *Policy) { p.Time = text } }
	at := func(text string) *Query {
		now, err := time.Parse(time.DateTime, text) // 2024-03-18 is a Monday
		if err != nil {
			t.Fatal(err)
		}
		return &Query{Now: now}
	}
	resolvers := &World{Resolvers: func(string) []string { return []string{"north", "south"} }}
	known := func(info map[string]any) *Query {
		return &Query{UserObject: &User{Login: "ann", Realm: "corp", Info: func() (map[string]any, error) { return info, nil }}}
	}
	for _, tt := range []struct {
		name             string
		change           func(p *Policy)
		query            *Query
		hardened, compat bool
	}{
		{"1: anchored as a whole, begins", user("svc|root"), &Query{User: Is("svc1")}, false, true},
		{"1: anchored as a whole, ends", user("svc|root"), &Query{User: Is("chroot")}, false, true},
		{"1: anchored as a whole, equal", user("svc|root"), &Query{User: Is("root")}, true, true},
		{"1: in conditions", when("userinfo", "email", "matches", "a|b"), known(map[string]any{"email": "axx"}), false, true},
		{"3: trailing newline", user("ann"), &Query{User: Is("ann\n")}, false, true},
		{"3: trailing newline of a pattern", user("an."), &Query{User: Is("ann\n")}, false, true},
		{"3: in conditions", when("userinfo", "email", "matches", "a"), known(map[string]any{"email": "a\n"}), false, true},
		{"4: excluded resolver", func(p *Policy) { p.Resolver = []string{"*", "-south"} }, &Query{Resolver: Is("south")}, false, true},
		{"4: other resolver", func(p *Policy) { p.Resolver = []string{"*", "-south"} }, &Query{Resolver: Is("north")}, true, true},
		{"4: all resolvers, empty list", func(p *Policy) { p.CheckAllResolvers = true }, &Query{User: Is("ann"), Realm: Is("corp"), Resolver: Is("north"), World: resolvers}, true, false},
		{
			"4: all resolvers, one suffices", func(p *Policy) { p.CheckAllResolvers, p.Resolver = true, []string{"*", "-south"} },
			&Query{User: Is("ann"), Realm: Is("corp"), Resolver: Is("south"), World: resolvers}, true, true,
		},
		{
			"4: all resolvers, all excluded", func(p *Policy) { p.CheckAllResolvers, p.Resolver = true, []string{"*", "-south", "-north"} },
			&Query{User: Is("ann"), Realm: Is("corp"), Resolver: Is("south"), World: resolvers}, false, true,
		},
		{"5: realm in other case", func(p *Policy) { p.Realm = []string{"Corp"} }, &Query{Realm: Is("corp")}, true, false},
		{"5: excluded realm in other case", func(p *Policy) { p.Realm = []string{"*", "-Corp"} }, &Query{Realm: Is("corp")}, false, true},
		{
			"5: realm of administrators", func(p *Policy) { p.Scope, p.AdminRealm = "admin", []string{"Ops"} },
			&Query{Scope: Is("admin"), AdminRealm: Is("ops")}, true, false,
		},
		{"11: hours wrap", hours("Mon:22:00-06:00"), at("2024-03-18 23:00:00"), true, false},
		{"11: to the day after", hours("Mon:22:00-06:00"), at("2024-03-19 05:59:00"), true, false},
		{"11: and only that", hours("Mon:22:00-06:00"), at("2024-03-18 05:59:00"), false, false},
		{"11: days wrap", hours("Fri-Mon:8-17"), at("2024-03-24 09:00:00"), true, false},
		{"11: the end is included to the minute", hours("Mon:8-17:00"), at("2024-03-18 17:00:59"), true, true},
		{"12: IPv4-mapped client", client("10.0.0.0/8"), &Query{Client: Is("::ffff:10.1.2.3")}, true, false},
		{"12: IPv4-mapped client, excluded", client("0.0.0.0/0", "::/0", "-10.0.0.0/8"), &Query{Client: Is("::ffff:10.1.2.3")}, false, true},
		{"14: number equals its text", when("userinfo", "badge", "equals", "12"), known(map[string]any{"badge": 12}), true, false},
		{"14: boolean", when("userinfo", "flag", "equals", "True"), known(map[string]any{"flag": true}), true, false},
		{"14: number in a list", when("userinfo", "badge", "in", "11, 12"), known(map[string]any{"badge": 12}), true, false},
		{"14: 0 is there", when("userinfo", "badge", "<", "1"), known(map[string]any{"badge": 0}), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hardened, compat := both(t, policy("p", tt.change))
			if got := matches(t, hardened, tt.query); got != tt.hardened {
				t.Errorf("hardened: %v", got)
			}
			if got := matches(t, compat, tt.query); got != tt.compat {
				t.Errorf("compat: %v", got)
			}
		})
	}
}

// TestRow2 demands faults where compat fails at the query, and only there.
func TestRow2(t *testing.T) {
	for name, change := range map[string]func(p *Policy){
		"user":   func(p *Policy) { p.User = []string{"ann", "a("} },
		"time":   func(p *Policy) { p.Time = "Xyz:8-17" },
		"client": func(p *Policy) { p.Client = []string{"10.0.0.0/99"} },
	} {
		bad := policy("bad", change)
		_, err := Compile([]Policy{bad}, Options{})
		var f *Fault
		if !errors.As(err, &f) || f.Attribute != name || f.Policy != "bad" {
			t.Errorf("%s: hardened says %v", name, err)
		}
		s, err := Compile([]Policy{bad, policy("good", nil)}, Options{Semantics: Compat})
		if err != nil {
			t.Fatal(err)
		}
		q := &Query{User: Is("bob"), Client: Is("10.1.2.3"), Now: time.Date(2024, 3, 18, 9, 0, 0, 0, time.UTC)}
		if _, err := s.Match(q, nil); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: compat says %v", name, err)
		}
		q.Scope = Is("elsewhere") // an earlier attribute removes it
		if found, err := s.Match(q, nil); err != nil || len(found) > 0 {
			t.Errorf("%s: compat in another scope: %v, %v", name, found, err)
		}
	}
	if _, err := Compile([]Policy{policy("p", func(p *Policy) { p.Client = []string{"010.1.2.3"} })}, Options{}); err == nil {
		t.Error("12: hardened takes leading zeros")
	}
}

func TestRow8(t *testing.T) {
	hardened, compat := both(t, policy("p", func(p *Policy) { p.Action = Action{{Name: "flag", Flag: true}} }))
	q := &Query{Action: Is("flag")}
	if v, err := hardened.GetActionValues(q, ValueOptions{}); err != nil || len(v) != 1 || v[0].Value != "true" {
		t.Errorf("hardened: %+v, %v", v, err)
	}
	if v, err := compat.GetActionValues(q, ValueOptions{}); !errors.Is(err, ErrBroken) {
		t.Errorf("compat: %+v, %v", v, err)
	}
}

func TestRow9(t *testing.T) {
	for _, semantics := range []Semantics{Hardened, Compat} {
		for _, tt := range []struct {
			empty EmptyScope
			scope string
			want  bool
		}{
			{EmptyAllows, "user", true},
			{EmptyDenies, "user", false},
			{EmptyAllows, "authorization", false},
			{EmptyDenies, "authorization", false},
		} {
			s, err := Compile([]Policy{policy("p", func(p *Policy) { p.User = []string{"bob"} })},
				Options{Semantics: semantics, EmptyScope: map[string]EmptyScope{"user": tt.empty, "authorization": tt.empty}})
			if err != nil {
				t.Fatal(err)
			}
			m, err := s.ForUser(&Request{}, tt.scope, Is("x"), &User{Login: "ann", Realm: "corp"})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Allowed(); err != nil || got != tt.want {
				t.Errorf("%s: scope %s with %d: allowed %v, %v", semantics, tt.scope, tt.empty, got, err)
			}
		}
	}
}

func TestRow10(t *testing.T) {
	info := func() (map[string]any, error) { return map[string]any{"empty": "", "none": nil, "list": []any{}}, nil }
	users := map[string]*User{
		"nobody": nil, "unknown": {Login: "x", Realm: "corp"}, "known": {Login: "ann", Realm: "corp", Info: info},
	}
	for _, section := range []string{"userinfo absent", "userinfo empty", "userinfo list", "token count", "tokeninfo count", "HTTP Request header/X", "radius:Class x"} {
		sec, key, _ := strings.Cut(section, " ")
		if strings.HasPrefix(section, "HTTP") {
			sec, key = SectionHTTPHeader, "X"
		}
		for who, u := range users {
			for missing, want := range map[string]string{"": "error", "error": "error", "true": "true", "false": "false"} {
				s := mustCompile(t, policy("p", func(p *Policy) {
					when(sec, key, "contains", "7")(p)
					p.Conditions[0].Missing = missing
				}))
				found, err := s.Match(&Query{UserObject: u}, nil)
				got := map[bool]string{true: "true", false: "false"}[len(found) > 0]
				if err != nil {
					got = "error"
				}
				if got != want {
					t.Errorf("%s of %s with missing %q: %s, %v", section, who, missing, got, err)
				}
			}
		}
	}
	// What is broken is not missing.
	s := mustCompile(t, policy("p", func(p *Policy) {
		when("userinfo", "a", "equals", "7")(p)
		p.Conditions[0].Missing = MissingTrue
	}))
	u := &User{Login: "ann", Realm: "corp", Info: func() (map[string]any, error) { return nil, errors.New("directory is down") }}
	if _, err := s.Match(&Query{UserObject: u}, nil); !errors.Is(err, ErrPolicy) {
		t.Errorf("a directory that is down: %v", err)
	}
}

func TestRow11Zone(t *testing.T) {
	zone := time.FixedZone("far", 10*60*60)
	s, err := Compile([]Policy{policy("p", func(p *Policy) { p.Time = "Tue:8-9" })}, Options{Location: zone})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 3, 18, 22, 30, 0, 0, time.UTC) // Tuesday 8:30 there
	if !matches(t, s, &Query{Now: now}) || matches(t, s, &Query{Now: now.Add(time.Hour)}) {
		t.Error("the zone of the set does not count")
	}
	if _, err := s.Match(&Query{}, nil); !errors.Is(err, ErrParameter) {
		t.Errorf("without a clock: %v", err)
	}
}

func TestRow14Missing(t *testing.T) {
	hardened, compat := both(t, policy("p", when("userinfo", "level", "<", "5")))
	q := &Query{UserObject: &User{Login: "ann", Realm: "corp", Info: func() (map[string]any, error) { return map[string]any{"level": ""}, nil }}}
	if _, err := hardened.Match(q, nil); !errors.Is(err, ErrPolicy) {
		t.Errorf("hardened: %v", err)
	}
	if !matches(t, compat, q) {
		t.Error("compat: the empty text is 0")
	}
}

func TestRow15(t *testing.T) {
	d, ok := NewDefinitions().Lookup("admin", "resolverread")
	if !ok || len(d.OpensMenus(false)) == 0 || len(d.OpensMenus(true)) != 0 {
		t.Errorf("resolverread opens %q, in compat %q", d.OpensMenus(false), d.OpensMenus(true))
	}
}

// TestRow16 demands the order of creation among equals, also with clients.
func TestRow16(t *testing.T) {
	conditional := when("userinfo", "level", "equals", "7")
	s := mustCompile(t,
		policy("last", func(p *Policy) { p.Priority = 2 }),
		policy("a", conditional), policy("b", nil), policy("c", func(p *Policy) { p.Client = []string{"10.0.0.0/8"} }), policy("d", nil))
	q := &Query{
		Client:     Is("10.1.2.3"),
		UserObject: &User{Login: "ann", Realm: "corp", Info: func() (map[string]any, error) { return map[string]any{"level": "7"}, nil }},
	}
	found, err := s.Match(q, nil)
	if want := []string{"a", "b", "c", "d", "last"}; err != nil || !slices.Equal(namesOf(found), want) {
		t.Errorf("order %q, %v", namesOf(found), err)
	}
	q.Unsorted = true
	found, err = s.Match(q, nil)
	if want := []string{"last", "a", "b", "c", "d"}; err != nil || !slices.Equal(namesOf(found), want) {
		t.Errorf("unsorted %q, %v", namesOf(found), err)
	}
}
