package dn

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// canonicalAttribute checks an attribute type (RFC 4512 section 1.4: a name or a
// numeric object identifier) and returns the one spelling that is compared.
func canonicalAttribute(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	if s[0] >= '0' && s[0] <= '9' {
		if !ber.NumericOID(s) {
			return "", false
		}
	} else if !attributeName(s) {
		return "", false
	}
	return attributeAlias(strings.ToLower(s)), true
}

// attributeName reports whether s is a keystring: a letter, then letters,
// digits and hyphens.
func attributeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// attributeAlias gives the types that occur in names one spelling each: those
// of RFC 4514 section 3 and their neighbors in RFC 4519.
func attributeAlias(s string) string {
	switch s {
	case "2.5.4.3", "commonname":
		return "cn"
	case "2.5.4.4", "surname":
		return "sn"
	case "2.5.4.5":
		return "serialnumber"
	case "2.5.4.6", "countryname":
		return "c"
	case "2.5.4.7", "localityname":
		return "l"
	case "2.5.4.8", "stateorprovincename":
		return "st"
	case "2.5.4.9", "streetaddress":
		return "street"
	case "2.5.4.10", "organizationname":
		return "o"
	case "2.5.4.11", "organizationalunitname":
		return "ou"
	case "2.5.4.12":
		return "title"
	case "0.9.2342.19200300.100.1.1", "userid":
		return "uid"
	case "0.9.2342.19200300.100.1.3", "rfc822mailbox":
		return "mail"
	case "0.9.2342.19200300.100.1.25", "domaincomponent":
		return "dc"
	}
	return s
}

// prepare brings a value into the form in which caseIgnoreMatch compares it
// (RFC 4518, without its tables of prohibited characters): invisible characters
// dropped, compatibility forms and case folded, blanks squeezed.
func prepare(s string) string {
	if prepared(s) {
		return s
	}
	if plain(s) {
		return strings.Join(strings.Fields(strings.ToLower(s)), " ")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		return r
	}, s)
	// Folding can undo the normal form, so it is made again.
	s = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
	return strings.Join(strings.Fields(s), " ")
}

// prepared reports whether s is lower-case ASCII with single blanks inside:
// what prepare would leave as it is.
func prepared(s string) bool {
	blank := true // a blank may not come first
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || c >= 'A' && c <= 'Z' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return s == "" || !blank
}

// plain reports whether s is printable ASCII, as nearly every name is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Separators of a normalized name. prepare leaves no control characters, so no
// value can hold one and two different names never look the same.
const (
	rdnEnd     = 0x01
	avaEnd     = 0x02
	opaqueMark = 0x03
)

// appendRDN appends what two RDNs share exactly when they match. The order of
// AVAs does not count.
func appendRDN(b []byte, rdn []AVA) []byte {
	if len(rdn) == 1 {
		return append(appendAVA(b, rdn[0]), rdnEnd)
	}
	parts := make([]string, len(rdn))
	for i, a := range rdn {
		parts[i] = string(appendAVA(nil, a))
	}
	slices.Sort(parts)
	for _, part := range parts {
		b = append(append(b, part...), avaEnd)
	}
	return append(b, rdnEnd)
}

func appendAVA(b []byte, a AVA) []byte {
	b = append(append(b, a.Attr...), '=')
	if a.Opaque != "" {
		return append(append(b, opaqueMark), a.Opaque...)
	}
	return append(b, prepare(a.Value)...)
}

// Key is a normalized name: what two names share exactly when they match.
// Each RDN in it ends with rdnEnd.
type Key string

// Cut splits the key behind the first n RDNs, of which it has at least so many.
func (k Key) Cut(n int) (before, after Key) {
	at := 0
	for range n {
		at += 1 + strings.IndexByte(string(k[at:]), rdnEnd)
	}
	return k[:at], k[at:]
}

// Under reports whether the name of the key lies at or below that of base.
func (k Key) Under(base Key) bool {
	above, ok := strings.CutSuffix(string(k), string(base))
	return ok && (above == "" || above[len(above)-1] == rdnEnd)
}

// Key normalizes the name.
func (d DN) Key() Key {
	const usual = 128
	b := make([]byte, 0, usual)
	for _, rdn := range d {
		b = appendRDN(b, rdn)
	}
	return Key(b)
}
