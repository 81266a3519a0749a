// Package ber reads and writes the part of BER (X.690) that LDAP allows: definite
// lengths, primitive strings, tags of one octet (RFC 4511 section 5.1).
//
// What it reads stays in the caller's buffer: nothing is allocated because a
// length octet says so, and nothing is read beyond what is there.
package ber

import "errors"

// ErrMalformed says that octets are not encoded as LDAP demands.
var ErrMalformed = errors.New("not encoded as LDAP demands")

// The tags of BER (X.690) that LDAP uses: RFC 4511 section 5.1 restricts the
// encoding to definite lengths and primitive strings, so that a tag octet says
// exactly which form follows.
const (
	TagBoolean     = 0x01
	TagInteger     = 0x02
	TagOctetString = 0x04
	TagEnumerated  = 0x0a
	TagSequence    = 0x30
	TagSet         = 0x31

	ConstructedBit = 0x20
	ClassMask      = 0xc0
	ClassContext   = 0x80
	NumberMask     = 0x1f
)

// MaxDepth bounds how deep elements may be nested; no request needs a tenth.
const MaxDepth = 64

// LengthOctets decodes a length at the head of b. It returns how many octets
// the length takes, or 0 when b ends before it does. Long forms need not be
// minimal (Windows sends 84 00 00 xx xx), but have at most four octets; the
// indefinite form is refused.
func LengthOctets(b []byte) (length, n int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	first := b[0]
	if first < 0x80 {
		return int(first), 1, nil
	}
	n = int(first & 0x7f)
	if n == 0 || n > 4 {
		return 0, 0, ErrMalformed
	}
	if len(b) < 1+n {
		return 0, 0, nil
	}
	var l uint64
	for _, o := range b[1 : 1+n] {
		l = l<<8 | uint64(o)
	}
	// An int has 32 bits on some machines; no caller accepts that much anyway.
	if l > 1<<31-1 {
		return 0, 0, ErrMalformed
	}
	return int(l), 1 + n, nil
}

// Element splits the first element off b.
func Element(b []byte) (tag byte, body, rest []byte, err error) {
	if len(b) < 2 || b[0]&NumberMask == NumberMask { // multi-octet tags do not occur in LDAP
		return 0, nil, nil, ErrMalformed
	}
	length, n, err := LengthOctets(b[1:])
	if err != nil {
		return 0, nil, nil, err
	}
	head := 1 + n
	if n == 0 || length > len(b)-head {
		return 0, nil, nil, ErrMalformed
	}
	end := head + length
	return b[0], b[head:end:end], b[end:], nil
}

// Expect splits the first element off b, which must have this very tag.
func Expect(b []byte, tag byte) (body, rest []byte, err error) {
	t, body, rest, err := Element(b)
	if err != nil {
		return nil, nil, err
	}
	if t != tag {
		return nil, nil, ErrMalformed
	}
	return body, rest, nil
}

// Integer splits an INTEGER or ENUMERATED of at most four octets off b.
func Integer(b []byte, tag byte) (v int32, rest []byte, err error) {
	body, rest, err := Expect(b, tag)
	if err != nil {
		return 0, nil, err
	}
	v, err = IntegerValue(body)
	return v, rest, err
}

// IntegerValue decodes the body of an INTEGER or ENUMERATED of at most four octets.
func IntegerValue(body []byte) (int32, error) {
	if len(body) == 0 || len(body) > 4 {
		return 0, ErrMalformed
	}
	v := int32(int8(body[0]))
	for _, o := range body[1:] {
		v = v<<8 | int32(o)
	}
	return v, nil
}

// Boolean splits a BOOLEAN off b. RFC 4511 wants 0xff for TRUE; programs that
// send 0x01 are understood too.
func Boolean(b []byte) (v bool, rest []byte, err error) {
	body, rest, err := Expect(b, TagBoolean)
	if err != nil {
		return false, nil, err
	}
	if len(body) != 1 {
		return false, nil, ErrMalformed
	}
	return body[0] != 0, rest, nil
}

// WellFormed checks that b is a sequence of whole elements, constructed ones all
// the way down. It is for the bodies of operations that are refused whatever
// they hold.
func WellFormed(b []byte, depth int) error {
	if depth > MaxDepth {
		return ErrMalformed
	}
	for len(b) > 0 {
		tag, body, rest, err := Element(b)
		if err != nil {
			return err
		}
		if tag&ConstructedBit != 0 {
			if err := WellFormed(body, depth+1); err != nil {
				return err
			}
		}
		b = rest
	}
	return nil
}

// NumericOID reports whether s is a numericoid of RFC 4512 section 1.4.
func NumericOID(s string) bool {
	const maxOID = 256
	if len(s) > maxOID {
		return false
	}
	arcs, digits := 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if digits == 0 || digits > 1 && s[i-digits] == '0' {
				return false
			}
			arcs, digits = arcs+1, 0
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		digits++
	}
	return arcs > 1
}
