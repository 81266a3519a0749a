package scoped

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policy makes an active policy of scope authorization.
func policy(name string, change func(p *Policy)) Policy {
	p := Policy{Name: name, Scope: "authorization", Active: true, Priority: 1}
	if change != nil {
		change(&p)
	}
	return p
}

// acts makes actions of a mapping, sorted by name.
func acts(m map[string]any) Action {
	a, err := actionOf(m)
	if err != nil {
		panic(err)
	}
	return a
}

func mustCompile(t *testing.T, policies ...Policy) *Set {
	t.Helper()
	s, err := Compile(policies)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPatternLists(t *testing.T) {
	for _, tt := range []struct {
		members []string
		value   string
		want    bool
	}{
		{nil, "", true},
		{nil, "anybody", true},
		{[]string{"ann"}, "ann", true},
		{[]string{"ann"}, "anna", false},
		{[]string{"ann"}, "Ann", false},
		{[]string{"ann", "bob"}, "bob", true},
		{[]string{"*"}, "anybody", true},
		{[]string{"*"}, "", true},
		{[]string{"*", "-ann"}, "ann", false},
		{[]string{"-ann", "*"}, "ann", false},
		{[]string{"!ann", "*"}, "ann", false},
		{[]string{"-ann", "*"}, "bob", true},
		{[]string{"-ann"}, "bob", false},
		{[]string{"-ann"}, "ann", false},
		{[]string{"ann", "-ann"}, "ann", false},
		{[]string{"*", "-adm.*"}, "admin", true}, // exclusions are literal
		{[]string{"*", "-adm.*"}, "adm.*", false},
		{[]string{"svc|root"}, "svc", true},
		{[]string{"svc|root"}, "root", true},
		{[]string{"svc|root"}, "svc1", false},
		{[]string{"svc|root"}, "chroot", false},
		{[]string{"adm.*"}, "admin", true},
		{[]string{"adm.*"}, "badmin", false},
		{[]string{"o.lund"}, "oxlund", true},
		{[]string{"o.lund"}, "o.lund", true},
		{[]string{"ann$"}, "ann", true},
		{[]string{"ann$"}, "ann\n", false},
		{[]string{"ann"}, "ann\n", false},
		{[]string{"(?i)ann"}, "ANN", true},
		{[]string{""}, "", true},
		{[]string{""}, "ann", false},
		{[]string{"-"}, "", false},
		{[]string{"*", "-"}, "", false},
		{[]string{`a\+b`}, "a+b", true},
	} {
		l, err := compilePatterns(tt.members, false)
		if err != nil {
			t.Errorf("%q: %v", tt.members, err)
			continue
		}
		if got := l.match(tt.value); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.members, tt.value, got)
		}
	}
}

func TestRealmsCompareWithoutCase(t *testing.T) {
	for _, tt := range []struct {
		members []string
		value   string
		want    bool
	}{
		{[]string{"Corp"}, "corp", true},
		{[]string{"corp"}, "CORP", true},
		{[]string{"*", "-LAB"}, "lab", false},
		{[]string{"C.*P"}, "corp", true},
		{[]string{`\Worp`}, "-orp", true}, // folding does not touch the pattern itself
		{[]string{`\Worp`}, "corp", false},
	} {
		l, err := compilePatterns(tt.members, true)
		if err != nil || l.match(tt.value) != tt.want {
			t.Errorf("%q matches %q: %v, error %v", tt.members, tt.value, !tt.want, err)
		}
	}
}

func TestClients(t *testing.T) {
	for _, tt := range []struct {
		members []string
		client  string
		want    bool
	}{
		{nil, "10.1.2.3", true},
		{[]string{""}, "10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "11.1.2.3", false},
		{[]string{"10.1.2.3/8"}, "10.9.9.9", true}, // host bits are allowed
		{[]string{"10.0.0.0/255.0.0.0"}, "10.9.9.9", true},
		{[]string{"10.1.2.3"}, "10.1.2.3", true},
		{[]string{"10.1.2.3"}, "10.1.2.4", false},
		{[]string{"10.0.0.0/8", "-10.2.0.0/16"}, "10.2.0.9", false},
		{[]string{"!10.2.0.0/16", "10.0.0.0/8"}, "10.2.0.9", false},
		{[]string{"-10.2.0.0/16"}, "10.1.0.9", false}, // exclusions alone match nothing
		{[]string{" 10.0.0.0/8 ", ""}, "10.1.2.3", true},
		{[]string{"0.0.0.0/0"}, "2001:db8::1", false},
		{[]string{"2001:db8::/32"}, "2001:db8::1", true},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.2.3", true},
		{[]string{"10.0.0.0/8", "-10.1.0.0/16"}, "::ffff:10.1.2.3", false},
		{[]string{"::ffff:10.0.0.0/104"}, "10.1.2.3", true},
		{[]string{"::ffff:10.1.2.3"}, "10.1.2.3", true},
		{[]string{"fe80::/10"}, "fe80::1%eth0", true},
		{[]string{"fe80::1%eth0"}, "fe80::1", true},
	} {
		l, err := compileClients(tt.members)
		if err != nil {
			t.Errorf("%q: %v", tt.members, err)
			continue
		}
		if got := l.match(netip.MustParseAddr(tt.client)); got != tt.want {
			t.Errorf("%q matches %s: %v", tt.members, tt.client, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct {
		name      string
		attribute string
		change    func(p *Policy)
		want      string
	}{
		{"no name", "name", func(p *Policy) { p.Name = "" }, "must not be empty"},
		{"long name", "name", func(p *Policy) { p.Name = strings.Repeat("n", 65) }, "65 octets, at most 64"},
		{"blank in front", "name", func(p *Policy) { p.Name = " x" }, "begins or ends with a blank"},
		{"no scope", "scope", func(p *Policy) { p.Scope = "" }, "must not be empty"},
		{"long scope", "scope", func(p *Policy) { p.Scope = strings.Repeat("n", 33) }, "at most 32"},
		{"priority 0", "priority", func(p *Policy) { p.Priority = 0 }, "0 is not between 1 and"},
		{"pattern", "user", func(p *Policy) { p.User = []string{"ann", "b(c"} }, `member 2 ("b(c"): invalid pattern at offset 0: missing closing )`},
		{"pattern with an offset", "user", func(p *Policy) { p.User = []string{"abc[z-a]"} }, `invalid pattern at offset 4: invalid character class range: "z-a"`},
		{"nothing to repeat", "user", func(p *Policy) { p.User = []string{"*a"} }, "at offset 0: missing argument to repetition operator"},
		{"a pattern that closes its group", "user", func(p *Policy) { p.User = []string{"a)|(b"} }, "invalid pattern at offset"},
		{"look-ahead", "user", func(p *Policy) { p.User = []string{"(?=a)b"} }, `at offset 0: invalid or unsupported Perl syntax: "(?="`},
		{"pattern of a realm", "realm", func(p *Policy) { p.Realm = []string{"["} }, "member 1"},
		{"pattern of an action", "action", func(p *Policy) { p.Action = acts(map[string]any{"a(": "x"}) }, "invalid pattern"},
		{"long member", "user", func(p *Policy) { p.User = []string{strings.Repeat("a", 257)} }, "257 octets, at most 256"},
		{"many members", "user", func(p *Policy) { p.User = make([]string, 10_001) }, "at most 10000"},
		{"many clients", "client", func(p *Policy) { p.Client = make([]string, 10_001) }, "at most 10000"},
		{"no address", "client", func(p *Policy) { p.Client = []string{"10.0.0.1", "office"} }, `member 2 ("office"): "office" is no address`},
		{"leading zero", "client", func(p *Policy) { p.Client = []string{"010.0.0.1"} }, "without leading zeros"},
		{"short form", "client", func(p *Policy) { p.Client = []string{"10/8"} }, `"10" is no address: write it in full`},
		{"long prefix", "client", func(p *Policy) { p.Client = []string{"10.0.0.0/33"} }, `"33" is no prefix length`},
		{"netmask with a hole", "client", func(p *Policy) { p.Client = []string{"10.0.0.0/255.0.255.0"} }, "is no netmask"},
		{"IPv6 netmask", "client", func(p *Policy) { p.Client = []string{"::/255.0.0.0"} }, "is no prefix length"},
		{"wide mapped network", "client", func(p *Policy) { p.Client = []string{"::ffff:0:0/80"} }, "holds more than IPv4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Compile([]Policy{policy("fine", nil), policy("bad", tt.change)})
			var fault *Fault
			if s != nil || !errors.As(err, &fault) {
				t.Fatalf("compiled, error %v", err)
			}
			if fault.Index != 1 || fault.Attribute != tt.attribute || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("fault %d %s: %v", fault.Index, fault.Attribute, err)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		_, err := Compile([]Policy{
			policy("a", func(p *Policy) { p.User = []string{"(", "["} }),
			policy("a", nil),
			policy("b", func(p *Policy) { p.Client = []string{"x", "y"} }),
		})
		for _, want := range []string{`policy "a": user: member 1`, `policy "a": user: member 2`, `policy "a": name: there is another policy of this name`, `policy "b": client: member 1`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in:\n%v", want, err)
			}
		}
	})
	t.Run("too many", func(t *testing.T) {
		if _, err := Compile(make([]Policy, maxPolicies+1)); err == nil {
			t.Error("compiled")
		}
	})
}

func TestMatch(t *testing.T) {
	action := func(a Action) func(p *Policy) { return func(p *Policy) { p.Action = a } }
	s := mustCompile(
		t,
		policy("later", func(p *Policy) { p.Priority = 5 }),
		policy("first", nil),
		policy("second", nil),
		policy("inactive", func(p *Policy) { p.Active = false }),
		policy("other scope", func(p *Policy) { p.Scope = "Authorization" }),
		policy("named", action(acts(map[string]any{"authorized": "deny_access"}))),
		policy("pattern", action(acts(map[string]any{"auth.*": true}))),
		policy("not this one", action(acts(map[string]any{"*": true, "-authorized": true}))),
		policy("other action", action(acts(map[string]any{"tokentype": "hotp"}))),
		policy("realm", func(p *Policy) { p.Realm = []string{"CORP"} }),
		policy("other realm", func(p *Policy) { p.Realm = []string{"lab"} }),
		policy("user", func(p *Policy) { p.User = []string{"ann"} }),
		policy("other user", func(p *Policy) { p.User = []string{"Ann"} }),
		policy("client", func(p *Policy) { p.Client = []string{"10.0.0.0/8"} }),
		policy("other client", func(p *Policy) { p.Client = []string{"10.0.0.0/8", "-10.1.0.0/16"} }),
	)
	q := Query{Scope: "authorization", Action: "authorized", User: "ann", Realm: "corp", Client: netip.MustParseAddr("10.1.2.3")}
	got, err := s.Match(q)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"first", "second", "named", "pattern", "realm", "user", "client", "later"}
	if !slices.Equal(got, want) {
		t.Errorf("matched %q, want %q", got, want)
	}
	q.Client = netip.Addr{}
	if _, err := s.Match(q); err == nil || !strings.Contains(err.Error(), `"client" asks for the client`) {
		t.Errorf("an unknown client: %v", err)
	}
	if got, err := (*Set)(nil).Match(q); got == nil && err != nil {
		t.Errorf("an empty set: %v, %v", got, err)
	}
}

func TestValues(t *testing.T) {
	deny := func(value string, priority int, change func(p *Policy)) Policy {
		p := policy(value+string(rune('a'+priority)), change)
		p.Action, p.Priority = acts(map[string]any{"authorized": value}), priority
		return p
	}
	named := func(p Policy, name string) Policy { p.Name = name; return p }
	for _, tt := range []struct {
		name     string
		policies []Policy
		want     Setting
		ok       bool
		conflict bool
	}{
		{"none", nil, Setting{}, false, false},
		{"one", []Policy{named(deny("deny_access", 1, nil), "x")}, Setting{"deny_access", []string{"x"}}, true, false},
		{"two agree", []Policy{named(deny("deny_access", 1, nil), "x"), named(deny("deny_access", 1, nil), "y")}, Setting{"deny_access", []string{"x", "y"}}, true, false},
		{"two disagree", []Policy{named(deny("deny_access", 1, nil), "x"), named(deny("grant_access", 1, nil), "y")}, Setting{}, false, true},
		{"the better priority wins", []Policy{named(deny("grant_access", 2, nil), "x"), named(deny("deny_access", 1, nil), "y")}, Setting{"deny_access", []string{"y"}}, true, false},
		{"quotes", []Policy{named(deny("'deny access'", 1, nil), "x")}, Setting{"deny access", []string{"x"}}, true, false},
		{"empty quotes", []Policy{named(deny("''", 1, nil), "x")}, Setting{"", []string{"x"}}, true, false},
		{"one quote", []Policy{named(deny("'", 1, nil), "x")}, Setting{"", []string{"x"}}, true, false},
		{"a pattern sets nothing", []Policy{policy("x", func(p *Policy) { p.Action = acts(map[string]any{"*": true}) })}, Setting{}, false, false},
		{"but its priority counts", []Policy{policy("x", nil), named(deny("deny_access", 2, nil), "y")}, Setting{}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := mustCompile(t, tt.policies...).Values(Query{Scope: "authorization", Action: "authorized"})
			var conflict *ConflictError
			if errors.As(err, &conflict) != tt.conflict {
				t.Fatalf("error %v", err)
			}
			if tt.conflict {
				if want := `"deny_access" by x; "grant_access" by y: change a priority`; !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok || err != nil {
				t.Errorf("value %+v, %v, error %v", got, ok, err)
			}
		})
	}
}

func TestApplies(t *testing.T) {
	s := mustCompile(t,
		policy("ann", func(p *Policy) { p.User = []string{"ann"}; p.Scope = "x"; p.Action = acts(map[string]any{"y": "z"}) }),
		policy("asleep", func(p *Policy) { p.Active = false }))
	for _, tt := range []struct {
		name, user string
		want, err  bool
	}{
		{"ann", "ann", true, false},
		{"ann", "bob", false, false},
		{"asleep", "ann", false, false},
		{"gone", "ann", false, true},
	} {
		got, err := s.Applies(tt.name, Query{User: tt.user})
		if got != tt.want || (err != nil) != tt.err {
			t.Errorf("%s applies to %s: %v, error %v", tt.name, tt.user, got, err)
		}
	}
	if !s.Has("asleep") || s.Has("gone") || !slices.Equal(s.Names(), []string{"ann", "asleep"}) {
		t.Errorf("names %q", s.Names())
	}
}

func TestActions(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   any
		want Action
		err  string
	}{
		{"text", "a=b, c", acts(map[string]any{"a": "b", "c": true}), ""},
		{"a later one wins", "a=b,a=c", acts(map[string]any{"a": "c"}), ""},
		{"more equals signs", "a=b=c", acts(map[string]any{"a": "b=c"}), ""},
		{"empty value", "a=", acts(map[string]any{"a": ""}), ""},
		{"list", []any{"a=b", "c"}, acts(map[string]any{"a": "b", "c": true}), ""},
		{"mapping", map[string]any{"a": "b", "c": true, "d": int64(5), "e": 1.5}, acts(map[string]any{"a": "b", "c": true, "d": "5", "e": "1.5"}), ""},
		{"nothing", nil, nil, ""},
		{"empty text", "", nil, "has no action name"},
		{"no name", "=b", nil, "has no action name"},
		{"comma at the end", "a=b,", nil, "has no action name"},
		{"blank before the equals sign", "a =b", nil, "blanks around the equals sign"},
		{"blank behind the equals sign", "a= b", nil, "blanks around the equals sign"},
		{"false", map[string]any{"a": false}, nil, "false is no value"},
		{"null", map[string]any{"a": nil}, nil, "no value: write true"},
		{"deep", map[string]any{"a": []any{"b"}}, nil, "is no value"},
		{"number in a list", []any{5}, nil, "item 1 is"},
		{"number", 5, nil, "is no action"},
	} {
		var a Action
		err := a.DecodeYAML(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, a); diff != "" || err != nil {
			t.Errorf("%s: error %v, actions (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range [][3]string{{"ann", "10.0.0.0/8", "a=b, c"}, {"*", "-::1", "x"}, {"-a.*", "1.2.3.4/255.0.0.0", "="}, {"(a|b)+", "::ffff:1.2.3.4/99", ","}, {"a)|(b", "fe80::1%x", "a=b=c"}} {
		f.Add(seed[0], seed[1], seed[2], "ann", "10.1.2.3")
	}
	f.Fuzz(func(t *testing.T, pattern, client, action, user, addr string) {
		a, err := ParseAction(action)
		if err != nil {
			return
		}
		s, err := Compile([]Policy{{Name: "p", Scope: "s", Active: true, Priority: 1, User: []string{pattern}, Client: []string{client}, Action: a}})
		if err != nil {
			return
		}
		ip, _ := netip.ParseAddr(addr)
		applies, err := s.Applies("p", Query{User: user, Client: ip})
		if err != nil && ip.IsValid() {
			t.Fatalf("a query about a known client fails: %v", err)
		}
		if applies && (strings.HasPrefix(pattern, "-") || strings.HasPrefix(pattern, "!")) {
			t.Fatalf("exclusion %q alone matches %q", pattern, user)
		}
	})
}
