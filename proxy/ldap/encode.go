package ldap

// encoder appends BER to a buffer. The zero value is ready.
type encoder struct {
	b []byte
}

// open begins a constructed element; close with what it returned ends it.
func (e *encoder) open(tag byte) int {
	e.b = append(e.b, tag, 0)
	return len(e.b)
}

// close puts the length of everything since open before it, making room when
// the short form does not hold it.
func (e *encoder) close(start int) {
	n := len(e.b) - start
	if n < 0x80 {
		e.b[start-1] = byte(n)
		return
	}
	var octets [4]byte
	count := 0
	for v := n; v > 0; v >>= 8 {
		octets[3-count] = byte(v)
		count++
	}
	e.b = append(e.b, octets[:count]...)
	copy(e.b[start+count:], e.b[start:start+n])
	copy(e.b[start:], octets[4-count:])
	e.b[start-1] = 0x80 | byte(count)
}

// text appends a primitive element that holds s.
func (e *encoder) text(tag byte, s string) {
	start := e.open(tag)
	e.b = append(e.b, s...)
	e.close(start)
}

// integer appends a non-negative INTEGER or ENUMERATED in its shortest form.
func (e *encoder) integer(tag byte, v int32) {
	start := e.open(tag)
	shift := 24
	for shift > 0 && v>>(shift-1) == 0 {
		shift -= 8
	}
	for ; shift >= 0; shift -= 8 {
		e.b = append(e.b, byte(v>>shift))
	}
	e.close(start)
}

// result appends a whole LDAPMessage with an LDAPResult; extra appends what the
// response has beyond it, and may be nil.
func (e *encoder) result(id int32, tag byte, r result, extra func(*encoder)) {
	outer := e.open(tagSequence)
	e.integer(tagInteger, id)
	inner := e.open(tag)
	e.integer(tagEnumerated, int32(r.code))
	e.text(tagOctetString, "") // matchedDN
	e.text(tagOctetString, r.text)
	if extra != nil {
		extra(e)
	}
	e.close(inner)
	e.close(outer)
}

// Tags of what an extended response has beyond an LDAPResult (RFC 4511 section
// 4.12).
const (
	tagResponseName  = 0x8a
	tagResponseValue = 0x8b
)

// noticeOfDisconnection is the name of the unsolicited notification that says
// why a connection ends (RFC 4511 section 4.4.1).
const noticeOfDisconnection = "1.3.6.1.4.1.1466.20036"

// notice appends a notice of disconnection.
func (e *encoder) notice(r result) {
	e.result(0, respExtended, r, func(e *encoder) {
		e.text(tagResponseName, noticeOfDisconnection)
	})
}
