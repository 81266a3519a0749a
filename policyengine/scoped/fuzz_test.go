package scoped

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// FuzzCompile compiles a policy in both semantics and asks it; nothing panics, and
// the index says what the loop says.
func FuzzCompile(f *testing.F) {
	for _, seed := range [][4]string{
		{"ann", "10.0.0.0/8", "a=b, c", "Mon-Fri:8-17"},
		{"*", "-::1", "x", "Fri-Mon:22-6"},
		{"-a.*", "1.2.3.4/255.0.0.0", "=", "Xyz:1-2"},
		{"(a|b)+", "::ffff:1.2.3.4/99", ",", "Mon:0-23,garbage"},
		{"a)|(b", "fe80::1%x", "a=b=c", ""},
		{`\W[\w-]`, "10/8", "'", ","},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], "ann", "10.1.2.3")
	}
	f.Fuzz(func(t *testing.T, pattern, client, action, hours, user, addr string) {
		p := Policy{
			Name: "p", Scope: "s", Active: true, Priority: 1, User: SplitList(pattern), Client: SplitList(client), Time: hours,
			Action: ParseActionCompat(action), UserCaseInsensitive: len(user)%2 == 0, Realm: SplitList(pattern), Resolver: SplitList(pattern),
		}
		now := time.Date(2024, 3, 18+len(user)%7, 9, 30, 0, 0, time.UTC)
		q := &Query{User: Is(user), Client: Is(addr), Realm: Is(user), Resolver: Is(user), Now: now}
		for _, semantics := range []Semantics{Hardened, Compat} {
			s, err := Compile([]Policy{p}, Options{Semantics: semantics})
			if err != nil {
				continue
			}
			found, err := s.Match(q, nil)
			x := s.Explain(q)
			if (err == nil) != (x.Err == nil) || err == nil && len(found) != len(x.Matched()) {
				t.Fatalf("%s: match says %d, %v; explain %d, %v", semantics, len(found), err, len(x.Matched()), x.Err)
			}
			s.Warnings(nil)
			if _, parses := netip.ParseAddr(addr); err != nil && semantics == Hardened && parses == nil && isASCII(user) {
				t.Fatalf("hardened: a query about a known client fails: %v", err)
			}
		}
	})
}

func FuzzAction(f *testing.F) {
	for _, seed := range []string{"a=b, c", "", "=", "a=b=c,,", "a = b", "'x, y'", "a=1,a=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAction(text)
		if err != nil {
			return
		}
		again, err := ParseAction(a.String())
		if err != nil || again.String() != a.String() {
			t.Fatalf("%q is %q, and that is %q, %v", text, a, again, err)
		}
		compat := ParseActionCompat(text)
		if compat.String() != a.String() {
			t.Fatalf("%q is %q, in compat %q", text, a, compat)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, seed := range []string{"Mon-Fri:8-17:30, Sat:9-12", "Fri-Mon:22:00-06:00", "Mon:9-24:00", "Xyz:1-2", "Mon:9:00:00-10", "Mon:-", ",", "mon:٩-10"} {
		f.Add(seed, int64(1710755999))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		now := time.Unix(at%(1<<33), 0).UTC()
		l, err := compileTime(text, false)
		if err == nil {
			if _, err := l.match(now); err != nil {
				t.Fatalf("hardened: %q fails: %v", text, err)
			}
		}
		compat, compatErr := compileTime(text, true)
		if compatErr != nil {
			t.Fatalf("compat refuses %q: %v", text, compatErr)
		}
		in, matchErr := compat.match(now)
		if want, wantErr := (naive{compat: true}).time(&Query{Now: now}, &Policy{Time: text}); isASCII(text) && !strings.ContainsAny(text, "+_-") && (in != want || (matchErr == nil) != (wantErr == nil)) {
			t.Fatalf("%q at %s: %v, %v; the loop says %v, %v", text, now, in, matchErr, want, wantErr)
		}
	})
}

func FuzzClients(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8, -10.2.0.0/24", "10/8", "10.1", "::/0", "!fe80::1%eth0", "10.0.0.0/0.255.255.255", "010.1.2.3/+8", "-", "1.2.3.4/ 8"} {
		f.Add(seed, "10.1.2.3")
	}
	f.Fuzz(func(t *testing.T, text, client string) {
		hardened, err := compileClients(SplitList(text), false)
		if addr, parseErr := parseClient(client); err == nil && parseErr == nil {
			hardened.search(addr)
			if addr.Is4In6() || addr.Zone() != "" {
				t.Fatalf("%q is read as %s", client, addr)
			}
		}
		compat, err := compileClients(SplitList(text), true)
		if err != nil {
			t.Fatalf("compat refuses %q: %v", text, err)
		}
		if addr, parseErr := parseClientCompat(client); parseErr == nil {
			compat.search(addr)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"a|b", `\w+\d\S`, `[\W\]-]`, "(?i)x", "a{,3}", "{", "a{2}{3}", "^*", "(?P<n>a)", `\b`, "$$", "[[:alpha:]]", `\p{L}`, `\u00e4`, "((a*)*)*", "a)|(b"} {
		f.Add(seed, "ann\n")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		for _, compat := range []bool{false, true} {
			for _, fold := range []folding{exactly, lowering, caseless} {
				l, err := compilePatterns([]string{pattern}, fold, compat)
				if err != nil {
					continue
				}
				ok, _, err := l.search(text, fold.fold(text))
				if !compat && err != nil && isASCII(text) {
					t.Fatalf("%q fails on %q: %v", pattern, text, err)
				}
				if !compat && ok && fold == exactly && pattern == "a|b" && text != "a" && text != "b" {
					t.Fatalf("%q matches %q", pattern, text)
				}
			}
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, seed := range [][3]string{
		{"equals", "7", "7"},
		{"in", `a, "b, c", \"d`, "a"},
		{"!matches", "(?i)a|b", "A"},
		{"<", " -٣_0 ", "4"},
		{"contains", "x", "x"},
		{"date_within_last", "10d", "2024-01-05"},
		{"string_contains", "X", "axb"},
		{"in", `"open`, ""},
		{">", "1.5", "1e400"},
		{"like", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	now := time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, comparator, right, left string) {
		for _, semantics := range []Semantics{Hardened, Compat} {
			for _, value := range []any{left, []any{left, 1, nil}, 3, 2.5, true, nil, map[string]any{left: left}} {
				ok, err := CompareValues(value, comparator, right, semantics, now)
				if err != nil && ok {
					t.Fatalf("%v %s %q: true and %v", value, comparator, right, err)
				}
				opposite, oppositeErr := CompareValues(value, "!"+comparator, right, semantics, now)
				if err == nil && oppositeErr == nil && ok == opposite {
					t.Fatalf("%v %s %q and its negation are both %v", value, comparator, right, ok)
				}
			}
		}
	})
}
