package ldap

import "github.com/sallyport-auth/sallyport/internal/ber"

// encoder appends whole messages to a buffer.
type encoder struct{ ber.Encoder }

// result appends a whole LDAPMessage with an LDAPResult; extra appends what the
// response has beyond it, and may be nil.
func (e *encoder) result(id int32, tag byte, r result, extra func(*encoder)) {
	outer := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	inner := e.Open(tag)
	e.Integer(ber.TagEnumerated, int32(r.code))
	e.Text(ber.TagOctetString, "") // matchedDN
	e.Text(ber.TagOctetString, r.text)
	if extra != nil {
		extra(e)
	}
	e.Close(inner)
	e.Close(outer)
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
		e.Text(tagResponseName, noticeOfDisconnection)
	})
}
