package ldap

import (
	"errors"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// compiled is the encoding of a filter in string form.
func compiled(tb testing.TB, s string) []byte {
	tb.Helper()
	p, err := goldap.CompileFilter(s)
	if err != nil {
		tb.Fatalf("%s: %v", s, err)
	}
	return p.Bytes()
}

func testRoot() rootEntry {
	return (&Table{contexts: []string{"dc=example,dc=org"}}).rootDSE(false)
}

func TestMatch(t *testing.T) {
	root := testRoot()
	for _, c := range []struct {
		filter string
		want   truth
	}{
		{"(objectClass=*)", isTrue},
		{"(OBJECTCLASS=*)", isTrue},
		{"(2.5.4.0=*)", isTrue},
		{"(objectClass=top)", isTrue},
		{"(objectClass=TOP)", isTrue},
		{"(objectClass=2.5.6.0)", isTrue},
		{"(objectClass=person)", isFalse},
		{"(supportedLDAPVersion=3)", isTrue},
		{"(supportedLDAPVersion=2)", isFalse},
		{"(supportedLDAPVersion~=3)", isTrue},
		{"(supportedLDAPVersion>=2)", undefined},
		{"(supportedLDAPVersion<=4)", undefined},
		{"(namingContexts=DC=Example, DC=ORG)", isTrue},
		{"(namingContexts=dc=org)", isFalse},
		{"(namingContexts=nonsense)", isFalse},
		{"(vendorName=Sally*)", undefined},
		{"(supportedExtension=" + oidWhoAmI + ")", isTrue},
		{"(supportedExtension=" + oidStartTLS + ")", isFalse}, // no certificate here
		{"(mail=*)", undefined},
		{"(mail=x)", undefined},
		{"(objectClass;lang-de=*)", undefined},
		{"(objectClass:=top)", undefined},
		{"(:dn:2.5.13.5:=x)", undefined},
		{"(!(objectClass=*))", isFalse},
		{"(!(objectClass=person))", isTrue},
		{"(!(mail=x))", undefined},
		{"(&(objectClass=*)(mail=x))", undefined},
		{"(&(objectClass=person)(mail=x))", isFalse},
		{"(&(objectClass=*)(supportedLDAPVersion=3))", isTrue},
		{"(|(objectClass=*)(mail=x))", isTrue},
		{"(|(objectClass=person)(mail=x))", undefined},
		{"(|(objectClass=person)(objectClass=group))", isFalse},
		{"(!(|(objectClass=person)(!(objectClass=top))))", isTrue},
	} {
		filter, rest, err := splitFilter(compiled(t, c.filter))
		if err != nil || len(rest) > 0 {
			t.Errorf("%s: %v, %d octets left", c.filter, err, len(rest))
			continue
		}
		if got := root.match(filter); got != c.want {
			t.Errorf("%s: got %d, want %d", c.filter, got, c.want)
		}
	}
}

func TestFilterForm(t *testing.T) {
	present := "87026f63"
	for _, c := range []struct {
		name, in string
		want     error
		truth    truth
	}{
		{"true", "a000", nil, isTrue},
		{"false", "a100", nil, isFalse},
		{"present, empty name", "8700", nil, undefined},
		{"choice that is not known", "aa00", nil, undefined},
		{"choice that is not known, primitive", "8b0161", nil, undefined},
		{"nothing", "", ber.ErrMalformed, 0},
		{"and, primitive", "8000", ber.ErrMalformed, 0},
		{"present, constructed", "a700", ber.ErrMalformed, 0},
		{"not of nothing", "a200", ber.ErrMalformed, 0},
		{"not of two", "a208" + present + present, ber.ErrMalformed, 0},
		{"universal tag", "3000", ber.ErrMalformed, 0},
		{"application tag", "6000", ber.ErrMalformed, 0},
		{"equality without value", "a304 04026f63", ber.ErrMalformed, 0},
		{"equality with three parts", "a308 04026f63 0400 0400", ber.ErrMalformed, 0},
		{"equality, constructed string", "a306 24026f63 0400", ber.ErrMalformed, 0},
		{"substrings without pieces", "a406 04026f63 3000", ber.ErrMalformed, 0},
		{"initial after another", "a40c 04026f63 3006 810161 800161", ber.ErrMalformed, 0},
		{"final before another", "a40c 04026f63 3006 820161 810161", ber.ErrMalformed, 0},
		{"substring piece unknown", "a409 04026f63 3003 830161", ber.ErrMalformed, 0},
		{"initial, any, final", "a40f 04026f63 3009 800161 810161 820161", nil, undefined},
		{"extensible, broken", "a903 810561", ber.ErrMalformed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			filter, _, err := splitFilter(testenv.Unhex(t, c.in))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil && testRoot().match(filter) != c.truth {
				t.Errorf("got %d, want %d", testRoot().match(filter), c.truth)
			}
		})
	}
}

// nested is a filter with depth choices around a presence.
func nested(tag byte, depth int) []byte {
	b := []byte{filterPresent, 2, 'o', 'c'}
	for range depth {
		var e encoder
		start := e.Open(tag)
		e.B = append(e.B, b...)
		e.Close(start)
		b = e.B
	}
	return b
}

func TestFilterLimits(t *testing.T) {
	wide := func(n int) []byte {
		var e encoder
		start := e.Open(filterOr)
		for range n {
			e.Text(filterPresent, "oc")
		}
		e.Close(start)
		return e.B
	}
	for name, c := range map[string]struct {
		filter []byte
		want   error
	}{
		"deep":      {nested(filterNot, ber.MaxDepth-1), nil},
		"too deep":  {nested(filterNot, ber.MaxDepth), errFilter},
		"abyss":     {nested(filterAnd, 5000), errFilter},
		"wide":      {wide(maxFilterItems - 1), nil},
		"too wide":  {wide(maxFilterItems), errFilter},
		"very wide": {wide(50000), errFilter},
	} {
		if _, _, err := splitFilter(c.filter); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestSelected(t *testing.T) {
	for _, c := range []struct{ asked, want string }{
		{"", "objectClass"},
		{"*", "objectClass"},
		{"+", "namingContexts supportedExtension supportedFeatures supportedLDAPVersion vendorName"},
		{"* +", "objectClass namingContexts supportedExtension supportedFeatures supportedLDAPVersion vendorName"},
		{"1.1", ""},
		{"1.1 vendorname", "vendorName"},
		{"VENDORNAME nonsense", "vendorName"},
		{"2.5.4.0", "objectClass"},
		{"subschemaSubentry supportedSASLMechanisms", ""},
	} {
		var got []string
		for _, a := range testRoot().selected(strings.Fields(c.asked)) {
			got = append(got, a.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: got %q", c.asked, got)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"(objectClass=*)", "(&(a=b)(!(c>=d)))", "(|(cn=a*b*c)(x:dn:1.2:=y))", "(&)"} {
		f.Add(compiled(f, s))
	}
	f.Add(nested(filterNot, 100))
	root := testRoot()
	f.Fuzz(func(t *testing.T, b []byte) {
		filter, rest, err := splitFilter(b)
		if err != nil {
			return
		}
		if len(filter)+len(rest) != len(b) {
			t.Errorf("%d octets became %d and %d", len(b), len(filter), len(rest))
		}
		if got := root.match(filter); got < isFalse || got > isTrue {
			t.Errorf("%x is %d", filter, got)
		}
	})
}
