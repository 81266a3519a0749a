package dn

import (
	"strings"
	"testing"
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
		{"cn=" + strings.Repeat("x", MaxLength), "!"},
		{strings.Repeat("a=b,", MaxAVAs) + "a=b", "!"},
		{strings.Repeat("a=b+", MaxAVAs) + "a=b", "!"},
	} {
		name, err := Parse(c.in)
		got := "!"
		if err == nil {
			got = show(name)
		}
		if got != c.want {
			t.Errorf("Parse(%.60q) = %.60q, want %.60q", c.in, got, c.want)
		}
	}
}

func show(name DN) string {
	rdns := make([]string, len(name))
	for i, rdn := range name {
		avas := make([]string, len(rdn))
		for j, a := range rdn {
			avas[j] = a.Attr + "=" + a.Value
			if a.Opaque != "" {
				avas[j] = a.Attr + "=#" + a.Opaque
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
		a, errA := Parse(c.a)
		b, errB := Parse(c.b)
		same := errA == nil && errB == nil && a.Key() == b.Key()
		if same != c.same {
			t.Errorf("%q and %q: same = %v", c.a, c.b, same)
		}
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

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"uid=alice,ou=users,dc=example,dc=org", `cn=Doe\2C Jane + uid = x , dc=org`, "cn=#0405616c696365,dc=ldap",
		"", "a=\xff", `a=\`, "1.2.3=#", "cn=\u00e4\u200b\u2126,o=STRASSE",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Parse(s)
		if err != nil {
			return
		}
		if key := name.Key(); strings.Count(string(key), string(rune(rdnEnd))) != len(name) {
			t.Errorf("%q: key %q does not have %d RDNs", s, key, len(name))
		}
		again, err := Parse(name.String())
		if err != nil || again.Key() != name.Key() {
			t.Errorf("%q is written as %q, which is read as %q, %v", s, name.String(), again.Key(), err)
		}
	})
}

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		name, base string
		want       bool
	}{
		{"cn=a,dc=x,dc=org", "DC=X, dc=org", true},
		{"dc=x,dc=org", "dc=x,dc=org", true},
		{"cn=a,dc=xx,dc=org", "dc=x,dc=org", false},
		{`cn=a\,dc=x,dc=org`, "dc=x,dc=org", false},
		{"dc=org", "dc=x,dc=org", false},
		{"cn=a", "", true},
	} {
		name, errName := Parse(c.name)
		base, errBase := Parse(c.base)
		if errName != nil || errBase != nil || name.Key().Under(base.Key()) != c.want {
			t.Errorf("%q under %q: not %v", c.name, c.base, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, value := range []string{"", "a", " a ", "#a", "a#", "Doe, Jane", `a+b"c\d<e>f;g=h`, "jäne", "a\nb", "  ", "ends in \\"} {
		name, err := Parse("cn=" + Escape(value) + ",dc=x")
		if err != nil || len(name) != 2 || name[0][0].Value != value {
			t.Errorf("%q is escaped as %q: %v, %v", value, Escape(value), name, err)
		}
	}
}
