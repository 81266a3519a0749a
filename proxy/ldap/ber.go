package ldap

// The tags of BER (X.690) that LDAP uses: RFC 4511 section 5.1 restricts the
// encoding to definite lengths and primitive strings, so that a tag octet says
// exactly which form follows.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagOctetString = 0x04
	tagEnumerated  = 0x0a
	tagSequence    = 0x30
	tagSet         = 0x31

	constructedBit = 0x20
	classMask      = 0xc0
	classContext   = 0x80
	numberMask     = 0x1f
)

// maxDepth bounds how deep elements may be nested; no request needs a tenth.
const maxDepth = 64

// lengthOctets decodes a length at the head of b. It returns how many octets
// the length takes, or 0 when b ends before it does. Long forms need not be
// minimal (Windows sends 84 00 00 xx xx), but have at most four octets; the
// indefinite form is refused.
func lengthOctets(b []byte) (length, n int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	first := b[0]
	if first < 0x80 {
		return int(first), 1, nil
	}
	n = int(first & 0x7f)
	if n == 0 || n > 4 {
		return 0, 0, errMalformed
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
		return 0, 0, errMalformed
	}
	return int(l), 1 + n, nil
}

// element splits the first element off b.
func element(b []byte) (tag byte, body, rest []byte, err error) {
	if len(b) < 2 || b[0]&numberMask == numberMask { // multi-octet tags do not occur in LDAP
		return 0, nil, nil, errMalformed
	}
	length, n, err := lengthOctets(b[1:])
	if err != nil {
		return 0, nil, nil, err
	}
	head := 1 + n
	if n == 0 || length > len(b)-head {
		return 0, nil, nil, errMalformed
	}
	end := head + length
	return b[0], b[head:end:end], b[end:], nil
}

// expect splits the first element off b, which must have this very tag.
func expect(b []byte, tag byte) (body, rest []byte, err error) {
	t, body, rest, err := element(b)
	if err != nil {
		return nil, nil, err
	}
	if t != tag {
		return nil, nil, errMalformed
	}
	return body, rest, nil
}

// integer splits an INTEGER or ENUMERATED of at most four octets off b.
func integer(b []byte, tag byte) (v int32, rest []byte, err error) {
	body, rest, err := expect(b, tag)
	if err != nil {
		return 0, nil, err
	}
	v, err = integerValue(body)
	return v, rest, err
}

func integerValue(body []byte) (int32, error) {
	if len(body) == 0 || len(body) > 4 {
		return 0, errMalformed
	}
	v := int32(int8(body[0]))
	for _, o := range body[1:] {
		v = v<<8 | int32(o)
	}
	return v, nil
}

// boolean splits a BOOLEAN off b. RFC 4511 wants 0xff for TRUE; programs that
// send 0x01 are understood too.
func boolean(b []byte) (v bool, rest []byte, err error) {
	body, rest, err := expect(b, tagBoolean)
	if err != nil {
		return false, nil, err
	}
	if len(body) != 1 {
		return false, nil, errMalformed
	}
	return body[0] != 0, rest, nil
}

// wellFormed checks that b is a sequence of whole elements, constructed ones all
// the way down. It is for the bodies of operations that are refused whatever
// they hold.
func wellFormed(b []byte, depth int) error {
	if depth > maxDepth {
		return errMalformed
	}
	for len(b) > 0 {
		tag, body, rest, err := element(b)
		if err != nil {
			return err
		}
		if tag&constructedBit != 0 {
			if err := wellFormed(body, depth+1); err != nil {
				return err
			}
		}
		b = rest
	}
	return nil
}
