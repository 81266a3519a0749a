package ldap

import (
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"
)

// Limits of a distinguished name; what is longer is no name of a user.
const (
	maxDNLength = 8 << 10 // bytes
	maxAVAs     = 64      // attribute-value pairs, and so RDNs
)

var errDN = errors.New("not a distinguished name")

// ava is an attribute type with its value, as in uid=alice.
type ava struct {
	// attr is the canonical attribute type: lower case, object identifiers of
	// well-known types replaced by their names.
	attr string
	// value is unescaped. It is undefined when opaque is set.
	value string
	// opaque is the hex form of a value whose encoding is no string.
	opaque string
}

// dn is a parsed distinguished name: RDNs from the leaf to the root, each with
// one or more AVAs.
type dn [][]ava

// parseDN parses the string form of RFC 4514. Beyond it, blanks around "=", ","
// and "+" are allowed, which RFC 2253 asked to accept and people write. The
// empty string is the empty DN. NUL is refused wherever it comes from.
func parseDN(s string) (dn, error) {
	if len(s) > maxDNLength || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return nil, errDN
	}
	p := dnParser{rest: strings.TrimLeft(s, " ")}
	if p.rest == "" {
		return nil, nil
	}
	// One array for all AVAs, since most names are short and have one per RDN.
	size := min(maxAVAs, 1+strings.Count(p.rest, ",")+strings.Count(p.rest, "+"))
	avas := make([]ava, 0, size)
	name := make(dn, 0, size)
	for {
		begin := len(avas)
		for {
			a, err := p.ava()
			if err != nil {
				return nil, err
			}
			if len(avas) == maxAVAs {
				return nil, errDN
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
			return nil, errDN
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

func (p *dnParser) ava() (ava, error) {
	attr, rest, ok := strings.Cut(p.rest, "=")
	if !ok {
		return ava{}, errDN
	}
	attr, ok = canonicalAttribute(strings.TrimRight(attr, " "))
	if !ok {
		return ava{}, errDN
	}
	p.rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(p.rest, "#") {
		return p.hexValue(attr)
	}
	value, err := p.stringValue()
	return ava{attr: attr, value: value}, err
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
			return "", errDN
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
		return "", errDN
	}
	return text, nil
}

// escaped decodes what follows a backslash: a special character, or two hex
// digits that are one octet.
func escaped(s string) (c byte, n int, err error) {
	if s == "" {
		return 0, 0, errDN
	}
	if strings.IndexByte(` "#+,;<=>\`, s[0]) >= 0 {
		return s[0], 1, nil
	}
	if len(s) < 2 {
		return 0, 0, errDN
	}
	var octet [1]byte
	if _, err := hex.Decode(octet[:], []byte(s[:2])); err != nil || octet[0] == 0 {
		return 0, 0, errDN
	}
	return octet[0], 2, nil
}

// hexValue eats the form #hex: the BER encoding of the value. A string in there
// is the same value as the string itself.
func (p *dnParser) hexValue(attr string) (ava, error) {
	end := strings.IndexAny(p.rest, ",+")
	if end < 0 {
		end = len(p.rest)
	}
	text := strings.ToLower(strings.TrimRight(p.rest[1:end], " "))
	p.rest = p.rest[end:]
	octets, err := hex.DecodeString(text)
	if err != nil {
		return ava{}, errDN
	}
	tag, body, rest, err := element(octets)
	if err != nil || len(rest) > 0 {
		return ava{}, errDN
	}
	switch tag {
	case tagOctetString, 0x0c, 0x13, 0x16: // UTF8String, PrintableString, IA5String
		if !utf8.Valid(body) || strings.IndexByte(string(body), 0) >= 0 {
			return ava{}, errDN
		}
		return ava{attr: attr, value: string(body)}, nil
	}
	return ava{attr: attr, opaque: text}, nil
}
