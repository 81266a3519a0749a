package scoped

import (
	"errors"
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

// when gives a policy a condition.
func when(section, key, comparator, value string) func(p *Policy) {
	return func(p *Policy) {
		p.Conditions = append(p.Conditions, Condition{Section: section, Key: key, Comparator: comparator, Value: value, Active: true})
	}
}

func mustCompile(t *testing.T, policies ...Policy) *Set {
	t.Helper()
	s, err := Compile(policies, Options{})
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
		l, err := compilePatterns(tt.members, exactly, false)
		if err != nil {
			t.Errorf("%q: %v", tt.members, err)
			continue
		}
		if got, err := l.match(tt.value, tt.value); err != nil || got != tt.want {
			t.Errorf("%q matches %q: %v, error %v", tt.members, tt.value, got, err)
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
		l, err := compilePatterns(tt.members, caseless, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.match(tt.value, caseless.fold(tt.value)); err != nil || got != tt.want {
			t.Errorf("%q matches %q: %v, error %v", tt.members, tt.value, got, err)
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
		{[]string{""}, "10.1.2.3", false}, // neither is it empty nor does it name anybody
		{[]string{"10/8"}, "10.9.9.9", true},
		{[]string{"10.1"}, "10.1.0.0", true}, // without a slash, a single host
		{[]string{"10.1"}, "10.1.2.3", false},
		{[]string{"10.0.0.0/0.255.255.255"}, "10.9.9.9", true},
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
		l, err := compileClients(tt.members, false)
		if err != nil {
			t.Errorf("%q: %v", tt.members, err)
			continue
		}
		client, err := parseClient(tt.client)
		if err != nil {
			t.Fatal(err)
		}
		found, excluded := l.search(client)
		if got := l.empty || found && !excluded; got != tt.want {
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
		{"nothing to repeat", "user", func(p *Policy) { p.User = []string{"*a"} }, `at offset 0: "*" has nothing to repeat`},
		{"a pattern that closes its group", "user", func(p *Policy) { p.User = []string{"a)|(b"} }, "invalid pattern at offset"},
		{"look-ahead", "user", func(p *Policy) { p.User = []string{"(?=a)b"} }, `at offset 0: "(?=a)" is not supported`},
		{"pattern of a realm", "realm", func(p *Policy) { p.Realm = []string{"["} }, "member 1"},
		{"pattern of an action", "action", func(p *Policy) { p.Action = acts(map[string]any{"a(": "x"}) }, "invalid pattern"},
		{"long member", "user", func(p *Policy) { p.User = []string{strings.Repeat("a", 257)} }, "257 octets, at most 256"},
		{"repetitions", "user", func(p *Policy) {
			for i := range 60 {
				p.User = append(p.User, strings.Repeat("a", i)+"(x.){1000}")
			}
		}, "the repetitions of the patterns of this list are too many"},
		{"many members", "user", func(p *Policy) { p.User = make([]string, 10_001) }, "at most 10000"},
		{"many clients", "client", func(p *Policy) { p.Client = make([]string, 10_001) }, "at most 10000"},
		{"no address", "client", func(p *Policy) { p.Client = []string{"10.0.0.1", "office"} }, `member 2 ("office"): "office" is no address`},
		{"leading zero", "client", func(p *Policy) { p.Client = []string{"010.0.0.1"} }, "without leading zeros"},
		{"long prefix", "client", func(p *Policy) { p.Client = []string{"10.0.0.0/33"} }, `"33" is no prefix length`},
		{"netmask with a hole", "client", func(p *Policy) { p.Client = []string{"10.0.0.0/255.0.255.0"} }, "is no netmask"},
		{"IPv6 netmask", "client", func(p *Policy) { p.Client = []string{"::/255.0.0.0"} }, "is no netmask"},
		{"action that is too long", "action", func(p *Policy) { p.Action = make(Action, maxActions+1) }, "at most 1000"},
		{"day", "time", func(p *Policy) { p.Time = "Mon:9-17, Xyz:9-17" }, `range "Xyz:9-17" at offset 9 (blanks left out): "Xyz" is no day`},
		{"hour", "time", func(p *Policy) { p.Time = "Mon:9-24:00" }, `"24:00" is no time of day`},
		{"no hours", "time", func(p *Policy) { p.Time = "Mon" }, "write it as Mon-Fri:8-17:30"},
		{"long time", "time", func(p *Policy) { p.Time = strings.Repeat("Mon:1-2,", 200) }, "at most 1024"},
		{"resolver", "resolver", func(p *Policy) { p.Resolver = []string{"["} }, "missing closing ]"},
		{"adminuser", "adminuser", func(p *Policy) { p.AdminUser = []string{"a", "("} }, "member 2"},
		{"adminrealm", "adminrealm", func(p *Policy) { p.AdminRealm = []string{"a**"} }, "nothing to repeat"},
		{"many nodes", "pinode", func(p *Policy) { p.PINode = make([]string, 10_001) }, "at most 10000"},
		{"many agents", "user_agents", func(p *Policy) { p.UserAgents = make([]string, 10_001) }, "at most 10000"},
		{"many conditions", "conditions", func(p *Policy) { p.Conditions = make([]Condition, 101) }, "at most 100"},
		{"section", "conditions", when("moonphase", "full", "equals", "x"), `there is no section "moonphase"`},
		{"comparator", "conditions", when("userinfo", "a", "like", "x"), `there is no comparator "like"`},
		{"negated less", "conditions", when("userinfo", "a", "!<", "1"), "exchange < and >"},
		{"condition pattern", "conditions", when("userinfo", "a", "matches", "a("), "invalid pattern at offset 0"},
		{"condition list", "conditions", when("userinfo", "a", "in", `"x`), "a quote has no end"},
		{"condition number", "conditions", when("userinfo", "a", "<", "x"), `"x" is no number`},
		{"condition date", "conditions", when("userinfo", "a", "date_before", "x"), `"x" is no date`},
		{"condition span", "conditions", when("userinfo", "a", "date_within_last", "x"), "span of time"},
		{"missing", "conditions", func(p *Policy) {
			when("userinfo", "a", "equals", "x")(p)
			p.Conditions[0].Missing = "maybe"
		}, `missing is "maybe"`},
		{"helper without a name", "conditions", when("helper", "", "equals", "x"), "the key of a helper condition is its name"},
		{"helper call", "conditions", when("helper", "f(a", "equals", "x"), "the parenthesis has no end"},
		{"wide mapped network", "client", func(p *Policy) { p.Client = []string{"::ffff:0:0/80"} }, "holds more than IPv4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Compile([]Policy{policy("fine", nil), policy("bad", tt.change)}, Options{})
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
		}, Options{})
		for _, want := range []string{`policy "a": user: member 1`, `policy "a": user: member 2`, `policy "a": name: there is another policy of this name`, `policy "b": client: member 1`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in:\n%v", want, err)
			}
		}
	})
	t.Run("too many", func(t *testing.T) {
		if _, err := Compile(make([]Policy, maxPolicies+1), Options{}); err == nil {
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
	q := Query{
		Scope: Is("authorization"), Action: Is("authorized"), User: Is("ann"), Realm: Is("corp"), Client: Is("10.1.2.3"), Active: OnlyActive,
	}
	got, err := s.Match(&q, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"first", "second", "named", "pattern", "realm", "user", "client", "later"}
	if !slices.Equal(namesOf(got), want) {
		t.Errorf("matched %q, want %q", namesOf(got), want)
	}
	q.Client = Is("unknown")
	if _, err := s.Match(&q, nil); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), `scoped policy "client": client: "unknown" is no address`) {
		t.Errorf("an unknown client: %v", err)
	}
	q.Client = Is("")
	if _, err := s.Match(&q, nil); !errors.Is(err, ErrParameter) {
		t.Errorf("an empty client: %v", err)
	}
	if got, err := (*Set)(nil).Match(&q, nil); got != nil || err != nil {
		t.Errorf("an empty set: %v, %v", got, err)
	}
}

func TestValues(t *testing.T) {
	set := func(name, value string, priority int) Policy {
		return policy(name, func(p *Policy) {
			p.Action, p.Priority = Action{{Name: "authorized", Value: value}}, priority
		})
	}
	bare := func(name string, priority int) Policy {
		return policy(name, func(p *Policy) { p.Action, p.Priority = Action{{Name: "*", Flag: true}}, priority })
	}
	whole, words := ValueOptions{Unique: true, AllowWhiteSpace: true}, ValueOptions{Unique: true}
	for _, tt := range []struct {
		name     string
		policies []Policy
		options  ValueOptions
		want     Values
		conflict bool
	}{
		{"none", nil, whole, nil, false},
		{"one", []Policy{set("x", "deny_access", 1)}, whole, Values{{Value: "deny_access", Policies: []string{"x"}}}, false},
		{"two agree", []Policy{set("x", "a", 1), set("y", "a", 1)}, whole, Values{{Value: "a", Policies: []string{"x", "y"}}}, false},
		{"two disagree", []Policy{set("x", "a", 1), set("y", "b", 1)}, whole, nil, true},
		{"one disagrees with itself", []Policy{set("x", "a b", 1)}, words, nil, true},
		{"all of them", []Policy{set("x", "a b", 1), set("y", "b c", 2)}, ValueOptions{}, Values{
			{Value: "a", Policies: []string{"x"}}, {Value: "b", Policies: []string{"x", "y"}}, {Value: "c", Policies: []string{"y"}},
		}, false},
		{"the better priority wins", []Policy{set("x", "a", 2), set("y", "b", 1)}, whole, Values{{Value: "b", Policies: []string{"y"}}}, false},
		{"quotes", []Policy{set("x", "'deny access'", 1)}, words, Values{{Value: "deny access", Policies: []string{"x"}}}, false},
		{"empty quotes", []Policy{set("x", "''", 1)}, words, Values{{Value: "", Policies: []string{"x"}}}, false},
		{"one quote", []Policy{set("x", "'", 1)}, words, Values{{Value: "", Policies: []string{"x"}}}, false},
		{"no words", []Policy{set("x", " ", 1)}, words, nil, false},
		{"a pattern sets nothing", []Policy{bare("x", 1)}, whole, Values{{Absent: true, Policies: []string{"x"}}}, false},
		{"nor words", []Policy{bare("x", 1)}, words, nil, false},
		{"but its priority counts", []Policy{bare("x", 1), set("y", "a", 2)}, words, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := &Query{Scope: Is("authorization"), Action: Is("authorized")}
			got, err := mustCompile(t, tt.policies...).GetActionValues(q, tt.options)
			var conflict *ConflictError
			if errors.As(err, &conflict) != tt.conflict || tt.conflict && !errors.Is(err, ErrPolicy) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("error %v, values (-want +got):\n%s", err, diff)
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
		got, err := s.Applies(tt.name, &Query{User: Is(tt.user)})
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
