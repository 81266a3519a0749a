package ldap

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestParseDN(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // attr=value pairs, "|" between RDNs, "&" between AVAs; "!" for a refusal
	}{
		{"", ""},
		{"  ", ""},
		{"uid=alice", "uid=alice"},
		{"UID=Alice,OU=Users", "uid=Alice|ou=Users"},
		{"uid = alice , ou = users ", "uid=alice|ou=users"},
		{"0.9.2342.19200300.100.1.1=alice", "uid=alice"},
		{"userid=alice,domainComponent=org", "uid=alice|dc=org"},
		{"1.2.3.4=x", "1.2.3.4=x"},
		{`cn=Doe\, Jane`, "cn=Doe, Jane"},
		{`cn=Doe\2C Jane`, "cn=Doe, Jane"},
		{`cn=Doe\2c Jane`, "cn=Doe, Jane"},
		{`cn=CORP\\jane`, `cn=CORP\jane`},
		{`cn=\ x\ `, "cn= x "},
		{`cn=\20x\20  `, "cn= x "},
		{`cn=a\+b+uid=c`, "cn=a+b&uid=c"},
		{`cn=a=b`, "cn=a=b"},
		{`cn=j\C3\A4ne`, "cn=jäne"},
		{"cn=#0405616C696365", "cn=alice"},
		{"cn=#0c05616c696365,ou=x", "cn=alice|ou=x"},
		{"cn=#3000", "cn=#3000"},
		{`cn=\#3000`, "cn=#3000"},
		{"cn=", "cn="},
		{"alice", "!"},
		{"alice@example.org", "!"},
		{`CORP\alice`, "!"},
		{"=alice", "!"},
		{"u id=alice", "!"},
		{"u_id=alice", "!"},
		{"1.02=alice", "!"},
		{"uid=alice,", "!"},
		{",uid=alice", "!"},
		{"uid=alice,,ou=x", "!"},
		{"uid=alice+", "!"},
		{"uid=alice;ou=x", "!"},
		{`uid="alice"`, "!"},
		{"uid=<a>", "!"},
		{`uid=alice\`, "!"},
		{`uid=alice\0`, "!"},
		{`uid=alice\zz`, "!"},
		{`uid=alice\00`, "!"},
		{`uid=\ff`, "!"},
		{"uid=al\x00ice", "!"},
		{"uid=\xff", "!"},
		{"cn=#", "!"},
		{"cn=#04", "!"},
		{"cn=#0400ff", "!"},
		{"cn=#040100", "!"},
		{"cn=#xyz", "!"},
		{"cn=" + strings.Repeat("x", maxDNLength), "!"},
		{strings.Repeat("a=b,", maxAVAs) + "a=b", "!"},
		{strings.Repeat("a=b+", maxAVAs) + "a=b", "!"},
	} {
		name, err := parseDN(c.in)
		got := "!"
		if err == nil {
			got = show(name)
		}
		if got != c.want {
			t.Errorf("parseDN(%.60q) = %.60q, want %.60q", c.in, got, c.want)
		}
	}
}

func show(name dn) string {
	rdns := make([]string, len(name))
	for i, rdn := range name {
		avas := make([]string, len(rdn))
		for j, a := range rdn {
			avas[j] = a.attr + "=" + a.value
			if a.opaque != "" {
				avas[j] = a.attr + "=#" + a.opaque
			}
		}
		rdns[i] = strings.Join(avas, "&")
	}
	return strings.Join(rdns, "|")
}

func TestSameName(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"uid=alice,dc=org", "UID=ALICE, DC=Org", true},
		{"cn=Jane  van   Doe", "cn=jane van doe", true},
		{`cn=\ jane\ `, "cn=jane", true},
		{"cn=straße", "cn=STRASSE", true},
		{"cn=jÄne", "cn=ja\u0308NE", true},
		{"cn=\u200bjane", "cn=jane", true},
		{"cn=ｊane", "cn=jane", true},
		{"cn=a+uid=b", "UID=B+CN=A", true},
		{"commonName=x", "2.5.4.3=X", true},
		{"cn=#0401 ", "cn=#0401", false}, // neither is a name
		{"cn=alice", "uid=alice", false},
		{"cn=a,dc=b", `cn=a\,dc=b`, false},
		{"cn=a+uid=b", "cn=a,uid=b", false},
		{"cn=a+uid=b", `cn=a\+uid=b`, false},
		{"cn=#3000", `cn=\#3000`, false},
		{"cn=a\x01dc=b", "cn=a,dc=b", false},
		{"cn=jäne", "cn=jane", false},
	} {
		a, errA := parseDN(c.a)
		b, errB := parseDN(c.b)
		same := errA == nil && errB == nil && a.key() == b.key()
		if same != c.same {
			t.Errorf("%q and %q: same = %v", c.a, c.b, same)
		}
	}
}

const testBase = "dc=ldap,dc=example,dc=org"

func application(base, user string) *config.Application {
	return &config.Application{LDAP: &config.ApplicationLDAP{BaseDN: base, UserDN: user}}
}

func TestMapping(t *testing.T) {
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{
		"wide":   application(testBase, ""),
		"narrow": application("ou=Wiki,"+testBase, ""),
		"mail":   application("o=mail", "mail={login},ou=People,l=Here,o=mail"),
		"deep":   application("o=deep", "cn=login,uid={login},o=deep"),
		"radius": {},
	}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, app, login string }{
		{"uid=alice,ou=users," + testBase, "wide", "alice"},
		{"cn=alice,ou=users," + testBase, "wide", "alice"},
		{"CN = Alice , OU = USERS , DC=LDAP,DC=EXAMPLE,DC=ORG", "wide", "Alice"},
		{`uid=Doe\2C Jane,ou=users,` + testBase, "wide", "Doe, Jane"},
		{`uid=CORP\\jane,ou=users,` + testBase, "wide", `CORP\jane`},
		{"uid=alice@example.org,ou=users," + testBase, "wide", "alice@example.org"},
		{"uid=#0405616c696365,ou=users," + testBase, "wide", "alice"},
		{"uid=\u200balice,ou=users," + testBase, "wide", "\u200balice"},
		{"0.9.2342.19200300.100.1.1=alice,organizationalUnitName=users," + testBase, "wide", "alice"},
		{"uid=alice,ou=users,ou=wiki," + testBase, "narrow", "alice"},
		{"mail=a@b.c,ou=people,localityName=here,o=mail", "mail", "a@b.c"},
		{"cn=LOGIN,uid=alice,o=deep", "deep", "alice"},

		{"uid=alice,ou=wiki," + testBase, "narrow", ""},
		{"uid=alice," + testBase, "wide", ""},
		{"uid=alice,ou=users2," + testBase, "wide", ""},
		{"uid=alice,ou=users,ou=x," + testBase, "wide", ""},
		{"uid=alice,cn=x,ou=users," + testBase, "wide", ""},
		{"mail=alice,ou=users," + testBase, "wide", ""},
		{"uid=alice+cn=x,ou=users," + testBase, "wide", ""},
		{"uid=alice,ou=users+o=x," + testBase, "wide", ""},
		{"uid=,ou=users," + testBase, "wide", ""},
		{"uid=#3000,ou=users," + testBase, "wide", ""},
		{testBase, "wide", ""},
		{"cn=other,uid=alice,o=deep", "deep", ""},
		{"uid=alice,ou=users,xdc=ldap,dc=example,dc=org", "", ""},
		{"uid=alice,ou=users,dc=evildc=ldap,dc=example,dc=org", "", ""},
		{"uid=alice,ou=users,dc=evilldap,dc=example,dc=org", "", ""},
		{`uid=alice,ou=users\,` + testBase, "", ""},
		{"uid=alice,ou=users,dc=example,dc=org", "", ""},
		{"uid=alice", "", ""},
		{"o=mail2", "", ""},
	} {
		name, err := parseDN(c.in)
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		key := name.key()
		b := table.find(key)
		app := ""
		if b != nil {
			app = b.application
		}
		login, fits := b.login(name, key)
		if app != c.app || login != c.login || fits != (c.login != "") {
			t.Errorf("%q: application %q, login %q, %v; want %q, %q", c.in, app, login, fits, c.app, c.login)
		}
	}
}

func TestTableFaults(t *testing.T) {
	for _, c := range []struct {
		name, base, user, want string
	}{
		{"base is no name", "example.org", "", "applications.a.ldap.base_dn"},
		{"base is empty", " ", "", "empty"},
		{"twin", "DC=Twin", "", `application "Twin"`},
		{"template is no name", "dc=x", "{login}", "user_dn"},
		{"no mark", "dc=x", "uid=login,dc=x", "{login} is missing"},
		{"two marks", "dc=x", "uid={login},cn={login},dc=x", "exactly one"},
		{"mark in a part of the value", "dc=x", "uid=x{login},dc=x", "whole value"},
		{"mark beside another value", "dc=x", "uid={login}+cn=x,dc=x", "exactly one"},
		{"outside of the base", "dc=x", "uid={login},dc=y", "base DN"},
		{"mark inside of the base", "dc=x", "dc={login}", "base DN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewTable(&config.Config{Applications: map[string]*config.Application{
				"Twin": application("dc=twin", ""),
				"a":    application(c.base, c.user),
			}}, nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := NewTable(&config.Config{LDAP: config.LDAP{RequireTLS: true}}, nil, nil); err == nil {
		t.Error("require_tls without a certificate was taken")
	}
}

func TestPrepare(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " ": "", "a": "a", "A": "a", " a": "a", "a ": "a", "a  b": "a b", "a b": "a b", "a\tb": "a b",
		"a\x01b": "ab", "a\u00adb": "ab", "\u00a0a\u2003b": "a b", "ﬁ": "fi", "ΑΣ": "ας", "\u212a": "k", "a\x7f": "a",
	} {
		if got := prepare(in); got != prepare(want) || want != "ας" && got != want {
			t.Errorf("prepare(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDN(f *testing.F) {
	for _, s := range []string{
		"uid=alice,ou=users," + testBase, `cn=Doe\2C Jane + uid = x , dc=org`, "cn=#0405616c696365,dc=ldap",
		"", "a=\xff", `a=\`, "1.2.3=#", "cn=\u00e4\u200b\u2126,o=STRASSE",
	} {
		f.Add(s)
	}
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{"a": application(testBase, "")}}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := parseDN(s)
		if err != nil {
			return
		}
		key := name.key()
		b := table.find(key)
		login, fits := b.login(name, key)
		if fits && (b == nil || login == "" || strings.IndexByte(login, 0) >= 0 || len(name) != 5) {
			t.Errorf("%q is mapped to %q", s, login)
		}
		if strings.Count(string(key), string(rune(rdnEnd))) != len(name) {
			t.Errorf("%q: key %q does not have %d RDNs", s, key, len(name))
		}
	})
}
