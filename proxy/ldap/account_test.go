package ldap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

func TestAccountDomain(t *testing.T) {
	for _, c := range []struct{ name, domain string }{
		{`CORP\alice`, "CORP"},
		{"alice@corp.example", "corp.example"},
		{"alice@mail.example@corp", "corp"},
		{`CORP\alice@other`, "CORP"},
		{`a@b\alice`, "a@b"},
		{"Jane Doe@corp", "corp"},
		{"jäne@corp", "corp"},
		{"CORP/alice@x", "x"},
		{strings.Repeat("a", 253) + "@b", "b"},

		{"", ""},
		{"alice", ""},
		{"CORP/alice", ""},
		{"@", ""},
		{`\`, ""},
		{"@corp", ""},
		{" @corp", ""},
		{"\u00a0@corp", ""},
		{"alice@", ""},
		{"alice@ ", ""},
		{`\alice`, ""},
		{` \alice`, ""},
		{`CORP\`, ""},
		{`CORP\ `, ""},
		{`\\alice`, ""},
		{`CORP\\alice`, ""},
		{`CORP\OTHER\alice`, ""},
		{`alice@CORP\`, ""},
		{"uid=alice@corp", ""},
		{"uid=alice,,ou=x@corp", ""},
		{`CORP\uid=alice`, ""},
		{"alice\x00@corp", ""},
		{"alice\n@corp", ""},
		{"alice\u0085@corp", ""},
		{"alice@co\x7frp", ""},
		{"alice\xff@corp", ""},
		{strings.Repeat("a", 254) + "@b", ""},
	} {
		domain, ok := accountDomain(c.name)
		if ok != (c.domain != "") || ok && domain != c.domain {
			t.Errorf("%.60q: domain %q, %v; want %q", c.name, domain, ok, c.domain)
		}
	}
}

// domains is an application that takes names without a DN.
func domains(base string, list ...string) *config.Application {
	return &config.Application{LDAP: &config.ApplicationLDAP{BaseDN: base, Domains: list}}
}

func TestTarget(t *testing.T) {
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{
		"wiki": domains("o=wiki", "CORP", "corp.example"),
		"mail": domains("o=mail", "Mail.Example"),
		"rest": domains("o=rest", "*"),
	}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, app, login string }{
		{`CORP\alice`, "wiki", `CORP\alice`},
		{`corp\Alice`, "wiki", `corp\Alice`},
		{"alice@CORP.Example", "wiki", "alice@CORP.Example"},
		{"alice@corp", "wiki", "alice@corp"},
		{"alice@mail.example", "mail", "alice@mail.example"},
		{"alice@elsewhere", "rest", "alice@elsewhere"},
		{`*\alice`, "rest", `*\alice`},
		{"alice@*", "rest", "alice@*"},
		// The application is that of the realm, whatever else the name has.
		{`CORP\alice@mail.example`, "wiki", `CORP\alice@mail.example`},
		{`mail.example\alice@corp`, "mail", `mail.example\alice@corp`},
		{"alice@mail.example@corp", "wiki", "alice@mail.example@corp"},
		{"alice@corp@mail.example", "mail", "alice@corp@mail.example"},
		// Directories may take these for alice@corp; the application must not change.
		{"alice@corp ", "", "alice@corp "},
		{"alice@co\u00adrp", "", "alice@co\u00adrp"},
		{"alice@\uff43orp", "", "alice@\uff43orp"},
		{"alice@corp.ex\u00e1mple", "", "alice@corp.ex\u00e1mple"},
		{"alice@elsewhere ", "rest", "alice@elsewhere "},
		{"alice@corp.", "rest", "alice@corp."},
		// What can be read as a DN is one.
		{"uid=alice@corp", "", ""},
		{"uid=alice@corp,ou=users,o=mail", "mail", "alice@corp"},
		{`uid=CORP\\alice,ou=users,o=mail`, "mail", `CORP\alice`},
		{`uid=a,ou=\@corp`, "!", ""},
		{"alice", "!", ""},
		{"", "", ""},
	} {
		whom, err := table.target(c.name)
		app := ""
		switch {
		case err != nil:
			app = "!"
		case whom.base != nil:
			app = whom.base.application
		}
		if app != c.app || whom.login != c.login {
			t.Errorf("%q: application %q, login %q; want %q, %q", c.name, app, whom.login, c.app, c.login)
		}
	}
}

func TestDomainFaults(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"corp", "CORP", `applications.b.ldap.domains[0]: "CORP" is a domain of application "a" already`},
		{"*", "*", `"*" is a domain of application "a" already`},
	} {
		_, err := NewTable(&config.Config{Applications: map[string]*config.Application{
			"a": domains("o=a", c.first), "b": domains("o=b", c.second),
		}}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s and %s: %v", c.first, c.second, err)
		}
	}
}

// A connection can change between all kinds of names, and who-am-i tells which.
func TestAccountSequence(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) {
		cfg.Applications["wiki"].LDAP.Domains = []string{"CORP"}
		cfg.Applications["mail"] = domains("o=mail", "mail.example")
	})
	w := r.dial(t)
	for _, step := range []struct {
		name, password string
		code           int
		whoAmI         string
		app, base      string
	}{
		{`CORP\alice`, "good", success, `u:CORP\alice`, "wiki", rootDN},
		{aliceDN, "good", success, "dn:" + aliceDN, "wiki", rootDN},
		{"alice@Mail.example", "good", success, "u:alice@Mail.example", "mail", "o=mail"},
		{"alice@mail.example", "bad", invalidCredentials, "", "mail", "o=mail"},
		{`corp\alice`, "good", success, `u:corp\alice`, "wiki", rootDN},
		{"alice@elsewhere", "good", invalidCredentials, "", "", ""},
		{`corp\alice`, "good", success, `u:corp\alice`, "wiki", rootDN},
		{"alice", "good", invalidDNSyntax, "", "", ""},
		{`corp\alice`, "", unwillingToPerform, "", "wiki", rootDN},
		{`corp\alice`, "\x00", invalidCredentials, "", "wiki", rootDN},
		{`corp\alice`, "outage", unavailable, "", "wiki", rootDN},
	} {
		w.send(simpleBind(1, step.name, step.password), whoAmI(2))
		w.expect(1, respBind, step.code)
		if a := w.expect(2, respExtended, success); string(a.rest[2:]) != step.whoAmI {
			t.Errorf("%q: who-am-i says %q", step.name, a.rest[2:])
		}
		a, _ := r.fake.last()
		facts := policyengine.LDAPFacts{BindDN: step.name, BaseDN: step.base}
		if step.code == invalidDNSyntax {
			facts = policyengine.LDAPFacts{}
		}
		user := step.name
		if user == aliceDN {
			user = "alice"
		}
		if a.Username != user || a.Application != step.app {
			t.Errorf("%q: user %q, application %q", step.name, a.Username, a.Application)
		}
		if d := cmp.Diff(facts, a.LDAP); d != "" {
			t.Errorf("%q: facts (-want +got):\n%s", step.name, d)
		}
	}
	if _, reason := r.fake.last(); reason != proxy.ReasonMalformedPassword {
		t.Errorf("the last refusal has the reason %s", reason)
	}
}

// TestAccountWithALibrary: a client library sends such names as they are.
func TestAccountWithALibrary(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) {
		cfg.Applications["wiki"].LDAP.Domains = []string{"*"}
	})
	c := connect(t, "ldap://"+r.plain)
	for _, name := range []string{`CORP\alice`, "Jane Doe@corp.example", "jäne@corp"} {
		if err := c.Bind(name, "good"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != "u:"+name {
			t.Errorf("%q: who-am-i: %+v, %v", name, who, err)
		}
	}
}

// TestLoggedNames: what was refused as a name is fit for a log.
func TestLoggedNames(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	for _, name := range []string{"al\x1b[31mice@corp", "CORP\\al\nice", "\xff@corp", strings.Repeat("x", 5000) + "@corp"} {
		w.send(simpleBind(1, name, "good"))
		w.expect(1, respBind, invalidDNSyntax)
		a, reason := r.fake.last()
		if a.Username != cleanText(name) || reason != proxy.ReasonMalformedLogin {
			t.Errorf("%.40q is logged as %q with reason %s", name, a.Username, reason)
		}
	}
}

// FuzzTarget: whatever the name, a login that goes on is never empty, it belongs
// to one application, which follows from the DN or from the part of the name that
// package proxy takes for the realm, and only DNs reach an application without
// domains.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{
		`CORP\alice`, "alice@corp", `CORP\alice@other`, `OTHER\alice@corp`, "alice@other@corp", "@corp", `\alice`, `a\b\c`, "alice", "",
		"uid=alice,ou=users,o=corp", "uid=alice@corp,ou=users,o=none", `uid=CORP\\a,ou=a,o=none`, "uid=a,,o=corp@corp", "\u212aorp@corp", "a@\u017f", "a@CORP\x00",
		`cn=Doe\2C Jane,ou=x,o=none`, "cn=a+uid=b,ou=c,o=none", "cn=#0405616c696365,ou=@,o=none", `cn=\ a\ ,ou=\#b,o=none`,
	} {
		f.Add(s)
	}
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{
		"corp":  domains("o=corp", "corp"),
		"other": domains("o=other", "*"),
		"none": {LDAP: &config.ApplicationLDAP{BaseDN: "o=none", UserDNPatterns: []string{
			"(uid|cn)=(?P<login>.*?),ou=(?P<realm>.*?),o=none", "cn=.*uid=(?P<login>.+),ou=.*",
		}}},
	}}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		whom, err := table.target(s)
		if err != nil || whom.base == nil {
			if whom.login != "" {
				t.Errorf("%q of no application has the login %q", s, whom.login)
			}
			return
		}
		app := whom.base.application
		if name, err := dn.Parse(s); err == nil {
			if !name.Key().Under(dn.DN{{{Attr: "o", Value: app}}}.Key()) {
				t.Errorf("%q reaches application %s", s, app)
			}
			for _, v := range spell(name).values {
				if name.String()[v.begin:v.end] != dn.Escape(v.Value) && v.Opaque == "" {
					t.Errorf("%q: the value %q is not where it should be", s, v.Value)
				}
			}
			return
		}
		domain, _, ok := strings.Cut(s, `\`)
		if !ok {
			domain = s[strings.LastIndexByte(s, '@')+1:]
		}
		want := "other"
		if strings.ToLower(domain) == "corp" {
			want = "corp"
		}
		if app != want || whom.login != s || strings.TrimSpace(domain) == "" || strings.Contains(s, "=") {
			t.Errorf("%q: application %s, login %q", s, app, whom.login)
		}
	})
}
