package ldap

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, name, login string }{
		{"uid=(?P<login>[^,]+),ou=[^,]+,ou=People,o=x", "UID=Alice , OU=Vienna,ou=people,O=X", "Alice"},
		{"uid=(?<login>[^,]+),o=x", "uid=alice,o=x", "alice"},
		{"uid=(?P<login>[^,]+),o=x", "userid=alice,organizationName=x", "alice"},
		{"uid=(?P<login>.+),o=x", `uid=Doe\2c Jane,o=x`, "Doe, Jane"},
		{`uid=(?P<login>(?:[^,\\]|\\.)+),o=x`, `uid=Doe\, Jane,o=x`, "Doe, Jane"},
		{"uid=(?P<login>.+),o=x", `uid=CORP\\jane,o=x`, `CORP\jane`},
		{"uid=(?P<login>.+),o=x", `uid=\ a\ ,o=x`, " a "},
		{"uid=(?P<login>.+),o=x", "uid=#0405616c696365,o=x", "alice"},
		{`uid=(?P<login>.+)\+l=.*,o=x`, "uid=alice+l=here,o=x", "alice"},
		{"(?-i)uid=(?P<login>.+),o=x", "uid=alice,O=x", "alice"},
		{"uid=(?P<login>a.*)|uid=b,ou=x,o=x", "uid=b,ou=x,o=x", ""},
		{"uid=(?P<login>[^,]+),ou=(?P<realm>[^,]+),o=x", "uid=alice,ou=Corp,o=x", `Corp\alice`},
		{"uid=(?P<login>[^,]+),ou=(?P<realm>[^,]+),o=x", "uid=alice@mail,ou=corp,o=x", `corp\alice@mail`},
		{"uid=(?P<login>[^,]+)(,ou=(?P<realm>[^,]+))?,o=x", "uid=alice,o=x", "alice"},
		{"uid=(?P<login>.+),ou=(?P<realm>.+),o=x", `uid=OTHER\\alice,ou=corp,o=x`, `corp\OTHER\alice`}, // OTHER is no realm here
		{"uid=(?P<login>.+),ou=(?P<realm>.+),o=x", "uid=alice,ou=b@c,o=x", `b@c\alice`},
		// package proxy refuses an empty realm.
		{"uid=(?P<login>[^,]+),ou=(?P<realm>[^,]*),o=x", "uid=alice,ou=,o=x", `\alice`},

		{"uid=(?P<login>[^,]+),o=x", "uid=alice,ou=y,o=x", ""},
		{"uid=(?P<login>[^,]+)", "uid=alice,o=x", ""},
		{"(?P<login>[^,]+),o=x", "uid=alice,o=x", ""},
		{"a|uid=(?P<login>[^,]+),o=x", "uid=alice,o=xy,o=x", ""},
		{"uid=(?P<login>[^,]*),o=x", "uid=,o=x", ""},
		{"uid=(?P<login>[^,]+),o=x", "uid=#3000,o=x", ""},
		{"uid=(?P<login>.+),o=x", "uid=" + strings.Repeat("a", maxMatched) + ",o=x", ""},
		// A part of a value, more than a value, an end in the middle of an escape.
		{"uid=(?P<login>[a-z]+).*,o=x", "uid=alice2,o=x", ""},
		{"uid=a(?P<login>.+),o=x", "uid=alice,o=x", ""},
		{"uid=(?P<login>.+),o=x", "uid=alice,ou=y,o=x", ""},
		{"uid=(?P<login>.+),o=x", "uid=alice+l=here,o=x", ""},
		{"uid=(?P<login>.+?),.*", `uid=Doe\, Jane,o=x`, ""},
		{"uid=(?P<login>[^,]+),o=x", `uid=Doe\, Jane,o=x`, ""},
		{"uid=(?P<login>[^@]+)@.*,o=x", "uid=alice@mail,o=x", ""},
		{`(?P<login>.*)`, "uid=alice,o=x", ""},
		// What would have the name cut elsewhere.
		{"uid=(?P<login>.+),ou=(?P<realm>.+),o=x", `uid=alice,ou=b\\c,o=x`, ""},
		{"uid=(?P<login>.+),ou=(?P<realm>.+),o=x", "uid=alice,ou=a,ou=b,o=x", ""},
		{"uid=(?P<login>.+),ou=(?P<realm>[a-z]+)2,o=x", "uid=alice,ou=corp2,o=x", ""},
	} {
		p, err := parsePattern(c.pattern)
		if err != nil {
			t.Fatalf("%s: %v", c.pattern, err)
		}
		name, err := dn.Parse(c.name)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		login, ok := p.match(spell(name))
		if login != c.login || ok != (login != "") {
			t.Errorf("%s with %s: login %q, %v; want %q", c.pattern, c.name, login, ok, c.login)
		}
	}
}

// TestPatternsComeLast: templates go first, then patterns in their order, and
// all that only below the base DN.
func TestPatternsComeLast(t *testing.T) {
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{
		"a": {LDAP: &config.ApplicationLDAP{BaseDN: "o=a", UserDN: "cn=x,uid={login},o=a", UserDNPatterns: []string{
			"cn=(?P<login>[^,]+),uid=.*", "cn=.*,ou=(?P<login>[^,]+),o=.", "uid=(?P<login>[^,]+),o=b", "mail=(?P<login>[^,]+),.*",
		}}},
		"b": application("o=b", ""),
	}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, login string }{
		{"cn=x,uid=alice,o=a", "alice"},
		{"cn=y,uid=alice,o=a", "y"},
		{"cn=y,ou=alice,o=a", "alice"},
		{"mail=alice,ou=x,o=a", "alice"},
		{"cn=y,uid=z,ou=alice,o=a", "y"},
		{"mail=alice,o=b", ""},
		{"uid=alice,o=b", ""},
		{"mail=alice,o=c", ""},
	} {
		if whom, err := table.target(c.name); err != nil || whom.login != c.login {
			t.Errorf("%s: login %q, %v; want %q", c.name, whom.login, err, c.login)
		}
	}
}

func TestPatternFaults(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"", "(?P<login>…) is missing"},
		{"uid=(.*),o=x", "(?P<login>…) is missing"},
		{"uid=(?P<user>.*),o=x", `the group "user" has no meaning`},
		{"(?P<login>a)(?P<user>b)(?P<realm>c)", `the group "user" has no meaning, or is there twice: name one login and perhaps one realm`},
		{"(?P<login>a)(?P<login>b)", `the group "login" has no meaning, or is there twice`},
		{"uid=(?P<login>[^,]+", "at offset 19, its end: missing closing )"},
		{"uid=(?P<login>.*)),o=x", `at offset 17: unexpected ): ")": take it out, or write \) for the character`},
		{"a)|(?P<login>b", `at offset 1: unexpected ): ")"`},
		{`a\\y\y(?P<login>b)`, `at offset 4: invalid escape sequence: "\\y": RE2 has no such escape`},
		{`(?P<login>b)\1`, `at offset 12: invalid escape sequence: "\\1"`},
		{`(?P<login>b)(?!a)`, "at offset 12: invalid or unsupported Perl syntax"},
		{`(?P<login>b)[a][b`, `at offset 15: missing closing ]: "[b"`},
		{`(?P<lo gin>b)`, `at offset 0: invalid named capture: "(?P<lo gin>": a named group is written (?P<login>…)`},
		{`(?P<login>b)a**`, `at offset 13: invalid nested repetition operator: "**"`},
		{`(?P<login>b)a{1001}`, `at offset 13: invalid repeat count: "{1001}"`},
		{`(?P<login>b)((a{0,100}){0,100}){0,100}`, "at offset"},
		{`(?P<login>b)\Qa`, `\Q has no \E`},
		{`(?P<login>b)\`, "at offset 12: trailing backslash"},
		{"(?P<login>" + strings.Repeat("a", maxPatternLength) + ")", "it has 1035 bytes, and 1024 are the most"},
		{"(?P<login>" + strings.Repeat("(", 1010), "at offset"},
	} {
		_, err := parsePattern(c.pattern)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %q in it", c.pattern, err, c.want)
		}
	}
	for _, patterns := range [][]string{{"(?P<login>a)", "("}, make([]string, maxPatterns+1)} {
		_, err := NewTable(&config.Config{Applications: map[string]*config.Application{
			"a": {LDAP: &config.ApplicationLDAP{BaseDN: "o=a", UserDNPatterns: patterns}},
		}}, nil, nil)
		want := "applications.a.ldap.user_dn_patterns[1]: at offset 1, its end: missing closing )"
		if len(patterns) > 2 {
			want = "applications.a.ldap.user_dn_patterns: there are 33 patterns, and 32 are the most"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d patterns: %v", len(patterns), err)
		}
	}
}

// FuzzPattern: a pattern is refused with a reason or compiles, and what it maps
// is the value of an attribute of the name.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{
		"uid=(?P<login>[^,]+),o=x", "(?P<login>.*),ou=(?P<realm>.*),o=x", "(", "(?P<login>", `\Q`, "(?i-s:(?P<login>.))", "a**", `(?P<login>\x{41})`, "(?P<login>)|.*",
	} {
		f.Add(p, `uid=Doe\, Jane+cn=#3000,ou=b,o=x`)
		f.Add(p, "uid=alice,o=x")
	}
	f.Fuzz(func(t *testing.T, text, from string) {
		p, err := parsePattern(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("a fault without words")
			}
			return
		}
		name, err := dn.Parse(from)
		if err != nil {
			return
		}
		login, ok := p.match(spell(name))
		if ok == (login == "") {
			t.Fatalf("%q with %q: login %q, %v", text, from, login, ok)
		}
		values := []string{""}
		for _, rdn := range name {
			for _, a := range rdn {
				values = append(values, a.Value)
			}
		}
		if ok && !composed(login, values) {
			t.Errorf("%q with %q: login %q is none of %q", text, from, login, values)
		}
	})
}

// composed reports whether a login is one of the values, or two with an @.
func composed(login string, values []string) bool {
	for _, a := range values {
		if a == login {
			return true
		}
		for _, b := range values {
			if a+"@"+b == login {
				return true
			}
		}
	}
	return false
}
