// Package dn parses distinguished names (RFC 4514) and brings them into a form
// in which two names are equal exactly when they match: RDN by RDN, attribute
// types under one spelling, values as caseIgnoreMatch compares them.
//
// It does not know schemas: every value is compared without case.
package dn

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// Limits of a distinguished name; what is longer is no name of a user.
const (
	MaxLength = 8 << 10 // bytes
	MaxAVAs   = 64      // attribute-value pairs, and so RDNs
)

// ErrSyntax says that a text is no distinguished name.
var ErrSyntax = errors.New("not a distinguished name")

// AVA is an attribute type with its value, as in uid=alice.
type AVA struct {
	// Attr is the canonical attribute type: lower case, object identifiers of
	// well-known types replaced by their names.
	Attr string
	// Value is unescaped. It is undefined when Opaque is set.
	Value string
	// Opaque is the hex form of a value whose encoding is no string.
	Opaque string
}

// DN is a parsed distinguished name: RDNs from the leaf to the root, each with
// one or more AVAs.
type DN [][]AVA

// Parse parses the string form of RFC 4514. Beyond it, blanks around "=", ","
// and "+" are allowed, which RFC 2253 asked to accept and people write. The
// empty string is the empty DN. NUL is refused wherever it comes from.
func Parse(s string) (DN, error) {
	if len(s) > MaxLength || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return nil, ErrSyntax
	}
	p := dnParser{rest: strings.TrimLeft(s, " ")}
	if p.rest == "" {
		return nil, nil
	}
	// One array for all AVAs, since most names are short and have one per RDN.
	size := min(MaxAVAs, 1+strings.Count(p.rest, ",")+strings.Count(p.rest, "+"))
	avas := make([]AVA, 0, size)
	name := make(DN, 0, size)
	for {
		begin := len(avas)
		for {
			a, err := p.ava()
			if err != nil {
				return nil, err
			}
			if len(avas) == MaxAVAs {
				return nil, ErrSyntax
			}
			avas = append(avas, a)
			if !p.skip('+') {
				break
			}
		}
		name = append(name, avas[begin:len(avas):len(avas)])
		if p.rest == "" {
			return name, nil
		}
		if !p.skip(',') {
			return nil, ErrSyntax
		}
	}
}

// dnParser eats a name from the left.
type dnParser struct {
	rest string
}

// skip eats the separator c with the blanks around it.
func (p *dnParser) skip(c byte) bool {
	rest := strings.TrimLeft(p.rest, " ")
	if rest == "" || rest[0] != c {
		return false
	}
	p.rest = strings.TrimLeft(rest[1:], " ")
	return true
}

func (p *dnParser) ava() (AVA, error) {
	attr, rest, ok := strings.Cut(p.rest, "=")
	if !ok {
		return AVA{}, ErrSyntax
	}
	attr, ok = canonicalAttribute(strings.TrimRight(attr, " "))
	if !ok {
		return AVA{}, ErrSyntax
	}
	p.rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(p.rest, "#") {
		return p.hexValue(attr)
	}
	value, err := p.stringValue()
	return AVA{Attr: attr, Value: value}, err
}

// stringValue eats the string form of a value up to an unescaped separator.
// Escaped blanks at the end belong to the value, others do not.
func (p *dnParser) stringValue() (string, error) {
	s := p.rest
	end := strings.IndexAny(s, `,+\"<>;`)
	if end < 0 || s[end] == ',' || s[end] == '+' { // nothing escaped: no copy
		if end < 0 {
			end = len(s)
		}
		p.rest = s[end:]
		return strings.TrimRight(s[:end], " "), nil
	}
	var value []byte
	keep := 0 // what an escape put there is not trimmed
	i := 0
	for i < len(s) && s[i] != ',' && s[i] != '+' {
		switch s[i] {
		case '"', '<', '>', ';': // must be escaped
			return "", ErrSyntax
		case '\\':
			c, n, err := escaped(s[i+1:])
			if err != nil {
				return "", err
			}
			value = append(value, c)
			keep = len(value)
			i += 1 + n
		default:
			value = append(value, s[i])
			i++
		}
	}
	p.rest = s[i:]
	text := string(value[:keep]) + strings.TrimRight(string(value[keep:]), " ")
	if !utf8.ValidString(text) {
		return "", ErrSyntax
	}
	return text, nil
}

// escaped decodes what follows a backslash: a special character, or two hex
// digits that are one octet.
func escaped(s string) (c byte, n int, err error) {
	if s == "" {
		return 0, 0, ErrSyntax
	}
	if strings.IndexByte(` "#+,;<=>\`, s[0]) >= 0 {
		return s[0], 1, nil
	}
	if len(s) < 2 {
		return 0, 0, ErrSyntax
	}
	var octet [1]byte
	if _, err := hex.Decode(octet[:], []byte(s[:2])); err != nil || octet[0] == 0 {
		return 0, 0, ErrSyntax
	}
	return octet[0], 2, nil
}

// hexValue eats the form #hex: the BER encoding of the value. A string in there
// is the same value as the string itself.
func (p *dnParser) hexValue(attr string) (AVA, error) {
	end := strings.IndexAny(p.rest, ",+")
	if end < 0 {
		end = len(p.rest)
	}
	text := strings.ToLower(strings.TrimRight(p.rest[1:end], " "))
	p.rest = p.rest[end:]
	octets, err := hex.DecodeString(text)
	if err != nil {
		return AVA{}, ErrSyntax
	}
	tag, body, rest, err := ber.Element(octets)
	if err != nil || len(rest) > 0 {
		return AVA{}, ErrSyntax
	}
	switch tag {
	case ber.TagOctetString, 0x0c, 0x13, 0x16: // UTF8String, PrintableString, IA5String
		if !utf8.Valid(body) || strings.IndexByte(string(body), 0) >= 0 {
			return AVA{}, ErrSyntax
		}
		return AVA{Attr: attr, Value: string(body)}, nil
	}
	return AVA{Attr: attr, Opaque: text}, nil
}

// String writes the name as RFC 4514 has it, in the canonical spelling of its
// attribute types. Parse reads it back as the same name.
func (d DN) String() string {
	var b strings.Builder
	for i, rdn := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, a := range rdn {
			if j > 0 {
				b.WriteByte('+')
			}
			b.WriteString(a.Attr)
			b.WriteByte('=')
			if a.Opaque != "" {
				b.WriteString("#" + a.Opaque)
			} else {
				b.WriteString(Escape(a.Value))
			}
		}
	}
	return b.String()
}

// Escape writes a value so that it stands for itself in a name, whatever it
// holds (RFC 4514 section 2.4).
func Escape(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case strings.IndexByte(`"+,;<=>\`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
