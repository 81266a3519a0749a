package ldap

import (
	"context"
	"errors"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// TestFilterSent: what a login may hold stands for itself, and what no login
// can be is never sent.
func TestFilterSent(t *testing.T) {
	for _, c := range []struct {
		name, login string
		want        string // the value in the filter; empty: nothing is sent
	}{
		{"plain", "alice", "alice"},
		{"any", "*", `\2a`},
		{"any alice", "al*", `al\2a`},
		{"always true", "*)(uid=*))(|(uid=*", `\2a\29\28uid=\2a\29\29\28|\28uid=\2a`},
		{"parentheses", "a(b)c", `a\28b\29c`},
		{"backslash", `a\b`, `a\5cb`},
		{"escape of the typist", `a\2ab`, `a\5c2ab`},
		{"ends in backslash", `alice\`, `alice\5c`},
		{"operators", "&|!=~<>:dn:=", "&|!=~<>:dn:="},
		{"name", `uid=alice,ou="x"+y;z#`, `uid=alice,ou="x"+y;z#`},
		{"umlaut", "müller", `m\c3\bcller`},
		{"decomposed", "mu\u0308ller", `mu\cc\88ller`},
		{"other script", "алиса", `\d0\b0\d0\bb\d0\b8\d1\81\d0\b0`},
		{"wide", "ａｌｉｃｅ", `\ef\bd\81\ef\bd\8c\ef\bd\89\ef\bd\83\ef\bd\85`},
		{"wide asterisk", "＊", `\ef\bc\8a`},
		{"right to left", "\u202ealice", `\e2\80\aealice`},
		{"blank inside", "alice smith", "alice smith"},
		{"longest", strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{"too long", strings.Repeat("x", 256), ""},
		{"10 KB", strings.Repeat("x)(", 10<<10/3), ""},
		{"empty", "", ""},
		{"blank", "  \u00a0", ""},
		{"NUL", "alice\x00", ""},
		{"NUL first", "\x00", ""},
		{"newline", "alice\nbob", ""},
		{"escape sequence", "\x1b[31m", ""},
		{"C1", "alice\u0085", ""},
		{"Latin-1", "m\xfcller", ""},
		{"cut UTF-8", "alice\xc3", ""},
		{"overlong", "\xc0\xaa", ""},
		{"surrogate", "\xed\xa0\x80", ""},
		{"UTF-16", "a\x00l\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{}
			d := open(t, s, nil)
			if _, err := d.Lookup(t.Context(), c.login); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			want := "(&(objectClass=person)(|(uid=" + c.want + ")))"
			switch got := s.filters(); {
			case c.want == "" && len(got) > 0:
				t.Errorf("%q was sent", got)
			case c.want != "" && (len(got) != 1 || got[0] != want):
				t.Errorf("%q was sent, not %q", got, want)
			}
		})
	}
}

func TestSpellings(t *testing.T) {
	s := &server{}
	d := open(t, s, func(c *config.LDAPDirectory) {
		c.LoginAttribute = config.Names{"uid", "mail"}
		c.Domains = []string{"Corp.Example"}
	})
	for login, want := range map[string]string{
		"alice":                "(uid=alice)(mail=alice)",
		"alice@CORP.example":   "(uid=alice@CORP.example)(uid=alice)(mail=alice@CORP.example)(mail=alice)",
		"alice@other":          "(uid=alice@other)(mail=alice@other)",
		"alice@x.corp.example": "(uid=alice@x.corp.example)(mail=alice@x.corp.example)",
		"@corp.example":        "(uid=@corp.example)(mail=@corp.example)",
		"\u00a0@corp.example":  `(uid=\c2\a0@corp.example)(mail=\c2\a0@corp.example)`,
		"a@b@corp.example":     "(uid=a@b@corp.example)(uid=a@b)(mail=a@b@corp.example)(mail=a@b)",
		"*@corp.example":       `(uid=\2a@corp.example)(uid=\2a)(mail=\2a@corp.example)(mail=\2a)`,
	} {
		s.searched = nil
		_, _ = d.Lookup(t.Context(), login)
		if got := s.filters(); len(got) != 1 || got[0] != "(&(objectClass=person)(|"+want+"))" {
			t.Errorf("%q: %q", login, got)
		}
	}
	if req := s.searched[0]; req.DerefAliases != goldap.NeverDerefAliases || req.SizeLimit != maxCandidates || req.TypesOnly || req.BaseDN != testBase {
		t.Errorf("request %+v", req)
	}
}

// shape writes a filter with every value that is compared with replaced.
func shape(p *ber.Packet) string {
	switch p.Tag {
	case goldap.FilterAnd, goldap.FilterOr, goldap.FilterNot:
		var b strings.Builder
		for _, c := range p.Children {
			b.WriteString(shape(c))
		}
		return "(" + goldap.FilterMap[uint64(p.Tag)] + b.String() + ")"
	case goldap.FilterEqualityMatch:
		return "(" + p.Children[0].Data.String() + "=?)"
	}
	return "(other)"
}

// FuzzFilter: no login changes the structure of the filter, and each value in it
// is the login itself.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"alice", "*", "*)(uid=*", `\2a`, `a\`, "m\u00fcller", "a\x00", "a@corp.example", ")(|(a=*)", "\xff", "&(x=y)", "(:dn:=*)", "a=b,c=d", "@corp.example",
	} {
		f.Add(s)
	}
	s, err := newSettings(testConfig(func(c *config.LDAPDirectory) {
		c.LoginAttribute, c.Domains = config.Names{"uid", "mail"}, []string{"corp.example"}
	}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, login string) {
		if !plausibleLogin(login) {
			return
		}
		spellings := s.spellings(login)
		p, err := goldap.CompileFilter(s.loginFilter(spellings))
		if err != nil {
			t.Fatalf("%q: %v", login, err)
		}
		values := p.Children[1].Children
		want := "(And(objectClass=?)(Or" + strings.Repeat("(uid=?)", len(spellings)) + strings.Repeat("(mail=?)", len(spellings)) + "))"
		if got := shape(p); got != want {
			t.Fatalf("%q makes %s of the filter", login, got)
		}
		for i, v := range values {
			if got := v.Children[1].Data.String(); got != spellings[i%len(spellings)] {
				t.Errorf("%q is sent as %q", login, got)
			}
		}
	})
}

func TestTemplate(t *testing.T) {
	tmpl, err := newTemplate("uid={login},ou=people,dc=example,dc=org")
	if err != nil || tmpl.attribute != "uid" {
		t.Fatalf("%+v, %v", tmpl, err)
	}
	for login, want := range map[string]string{
		"alice":              "uid=alice,ou=people,dc=example,dc=org",
		"alice,ou=admins":    `uid=alice\,ou\=admins,ou=people,dc=example,dc=org`,
		"a+cn=b":             `uid=a\+cn\=b,ou=people,dc=example,dc=org`,
		"#0401":              `uid=\#0401,ou=people,dc=example,dc=org`,
		` a"b<c>d;e\`:        `uid=\ a\"b\<c\>d\;e\\,ou=people,dc=example,dc=org`,
		"{login}":            "uid={login},ou=people,dc=example,dc=org",
		"Jörg (the)* second": "uid=Jörg (the)* second,ou=people,dc=example,dc=org",
	} {
		got, ok := tmpl.fill(login)
		name, err := dn.Parse(got)
		if !ok || got != want || err != nil || len(name) != 4 || name[0][0].Value != login || len(name[0]) != 1 {
			t.Errorf("%q: %q, %v", login, got, ok)
		}
	}
	if _, ok := tmpl.fill(strings.Repeat("x", dn.MaxLength)); ok {
		t.Error("a name that is too long is taken")
	}
}

// FuzzTemplate: no login changes the structure of the name.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"alice", ",", "+", `\`, "#", " ", "a=b", `"`, "alice\x00", "\xff", ";", "<>", "ends ", `\2c`} {
		f.Add(s)
	}
	tmpl, err := newTemplate("cn=x+uid=u-{login},ou=people,dc=org")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, login string) {
		if !plausibleLogin(login) {
			return
		}
		text, ok := tmpl.fill(login)
		if !ok {
			return
		}
		name, err := dn.Parse(text)
		if err != nil || len(name) != 3 || len(name[0]) != 2 || name[0][1].Value != "u-"+login {
			t.Errorf("%q makes %q", login, text)
		}
	})
}

func TestLookupByTemplate(t *testing.T) {
	s := (&server{}).
		add("uid=Alice,ou=people,"+testBase, person("uid: Alice", "entryUUID: 1")...).
		add("uid=printer,ou=people,"+testBase, "objectClass: device", "uid: printer").
		add("uid=nameless,ou=people,"+testBase, person()...)
	d := open(t, s, func(c *config.LDAPDirectory) {
		c.UserDN, c.Domains, c.Groups.Lookup = "uid={login},ou=people,"+testBase, []string{"corp"}, "none"
	})
	for login, want := range map[string]string{
		"alice": "Alice", "ALICE@corp": "Alice", "alice\u0020": "Alice", "nameless": "nameless",
		"printer": "", "bob": "", "alice,ou=people": "", "*": "", "alice@other": "",
	} {
		u, err := d.Lookup(t.Context(), login)
		if want == "" && errors.Is(err, identity.ErrNotFound) {
			continue
		}
		if err != nil || u.Login != want {
			t.Errorf("%q: %+v, %v", login, u, err)
		}
	}
	for _, req := range s.searched {
		if req.Scope != goldap.ScopeBaseObject || req.Filter != "(objectClass=person)" {
			t.Errorf("request %+v", req)
		}
	}
}

// TestUnseen: where only the bind tells, one person has one name.
func TestUnseen(t *testing.T) {
	s := &server{}
	d := open(t, s, func(c *config.LDAPDirectory) {
		c.UserDN, c.BindDN, c.Domains = "uid={login},ou=people,"+testBase, "", []string{"corp"}
	})
	for login, want := range map[string]string{
		"alice": "alice", "Alice": "Alice", "alice@CORP": "alice", "müller": "müller", "mu\u0308ller": "mu\u0308ller",
		"anna maria": "anna maria", "straße": "straße",
		" alice": "", "alice ": "", "anna  maria": "", "ａlice": "", "al\u00adice": "", "al\u200bice": "", "ali\u00a0ce": "",
	} {
		u, err := d.Lookup(t.Context(), login)
		switch {
		case want == "" && errors.Is(err, identity.ErrNotFound):
		case want == "" || err != nil || u.Login != want || !u.Active || u.DN != "uid="+want+",ou=people,"+testBase:
			t.Errorf("%q: %+v, %v", login, u, err)
		}
	}
	a, _ := d.Lookup(context.Background(), "alice")
	b, _ := d.Lookup(context.Background(), "ALICE")
	if a.ID != b.ID {
		t.Errorf("one user has the ids %q and %q", a.ID, b.ID)
	}
	if len(s.searched) > 0 {
		t.Error("something was looked up")
	}
}
