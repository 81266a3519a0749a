package ldap

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
)

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
		name, err := dn.Parse(c.in)
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		key := name.Key()
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

func FuzzMapping(f *testing.F) {
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
		name, err := dn.Parse(s)
		if err != nil {
			return
		}
		key := name.Key()
		b := table.find(key)
		login, fits := b.login(name, key)
		if fits && (b == nil || login == "" || strings.IndexByte(login, 0) >= 0 || len(name) != 5) {
			t.Errorf("%q is mapped to %q", s, login)
		}
	})
}
