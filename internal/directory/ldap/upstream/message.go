package upstream

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// The tags of RFC 4511 that are spoken without the library.
const (
	opBindRequest      = 0x60
	opBindResponse     = 0x61
	opExtendedRequest  = 0x77
	opExtendedResponse = 0x78
	tagSimple          = 0x80
	tagControls        = 0xa0
	tagRequestName     = 0x80
)

const (
	// ControlPasswordPolicy asks for, and carries, what a password policy has to
	// say about a bind (draft-behera-ldap-password-policy-10 section 6).
	ControlPasswordPolicy = "1.3.6.1.4.1.42.2.27.8.5.1"

	oidStartTLS = "1.3.6.1.4.1.1466.20037"

	// maxAnswer bounds the answer to a bind or to StartTLS, in octets. The longest
	// honest ones have a few hundred.
	maxAnswer = 64 << 10
	// maxControls bounds the controls of one answer; servers send one or two.
	maxControls = 16
	// maxName and maxPassword bound what is sent, in octets. No directory has a DN
	// a tenth as long.
	maxName     = 8 << 10
	maxPassword = 4 << 10
	// requestRoom is what a bind request needs beside name and password.
	requestRoom = 96
)

// ErrNotSent says that a bind was refused before anything was sent, because no
// server may ever see it: without a password, or with NUL in it.
var ErrNotSent = errors.New("not sent")

// errMalformed says that a server's answer is none.
var errMalformed = errors.New("the answer is not encoded as LDAP demands")

// notice is a notice of disconnection (RFC 4511 section 4.4.1).
type notice struct {
	code int
	text string
}

// Error implements error.
func (n *notice) Error() string {
	return fmt.Sprintf("the server ended the connection: result %d %q", n.code, n.text)
}

// sendable refuses binds that no server may see. An empty password would be an
// unauthenticated bind and an empty name an anonymous one: both succeed for
// anybody (RFC 4513 section 5.1).
func sendable(dn, password string) error {
	switch {
	case password == "":
		return fmt.Errorf("%w: the password is empty", ErrNotSent)
	case dn == "":
		return fmt.Errorf("%w: the name is empty", ErrNotSent)
	case len(dn) > maxName || strings.IndexByte(dn, 0) >= 0:
		return fmt.Errorf("%w: the name is too long or contains NUL", ErrNotSent)
	case len(password) > maxPassword || strings.IndexByte(password, 0) >= 0:
		return fmt.Errorf("%w: the password is too long or contains NUL", ErrNotSent)
	}
	return nil
}

// appendBind encodes a simple bind (RFC 4511 section 4.2) into b, which must have
// room: a buffer that grew would leave a copy of the password behind.
func appendBind(b []byte, id int32, dn, password string) []byte {
	e := ber.Encoder{B: b}
	message := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	op := e.Open(opBindRequest)
	e.Integer(ber.TagInteger, 3)
	e.Text(ber.TagOctetString, dn)
	e.Text(tagSimple, password)
	e.Close(op)
	controls := e.Open(tagControls)
	control := e.Open(ber.TagSequence)
	e.Text(ber.TagOctetString, ControlPasswordPolicy)
	e.Close(control)
	e.Close(controls)
	e.Close(message)
	return e.B
}

// appendUnbind encodes the polite end of a connection (RFC 4511 section 4.3).
func appendUnbind(b []byte, id int32) []byte {
	const opUnbindRequest = 0x42
	e := ber.Encoder{B: b}
	message := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	e.Text(opUnbindRequest, "")
	e.Close(message)
	return e.B
}

// nextID counts the requests of a connection; 0 belongs to notices.
func nextID(id int32) int32 {
	if id == math.MaxInt32 {
		return 1
	}
	return id + 1
}

// readMessage reads one message into buf, which grows up to maxAnswer. It
// returns what else came in the same read, and how many octets came at all.
func readMessage(r io.Reader, buf []byte) (message, behind []byte, got int, err error) {
	buf = buf[:cap(buf)]
	for {
		size, err := messageSize(buf[:got])
		if err != nil {
			return nil, nil, got, err
		}
		if size > 0 && got >= size {
			return buf[:size], buf[size:got], got, nil
		}
		if got == len(buf) {
			buf = append(make([]byte, 0, max(size, 512)), buf...)
			buf = buf[:cap(buf)]
		}
		n, err := r.Read(buf[got:])
		got += n
		if err != nil && n == 0 {
			return nil, nil, got, err
		}
	}
}

// messageSize is how long the message is that b begins with, 0 if b is too short
// to tell.
func messageSize(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] != ber.TagSequence {
		return 0, errMalformed
	}
	length, n, err := ber.LengthOctets(b[1:])
	if err != nil {
		return 0, errMalformed
	}
	if length > maxAnswer {
		return 0, fmt.Errorf("the answer has %d octets, more than %d", length, maxAnswer)
	}
	if n == 0 {
		return 0, nil
	}
	return 1 + n + length, nil
}

// result is an LDAPResult (RFC 4511 section 4.1.9) and what comes behind it.
type result struct {
	code     int
	text     string
	controls []Control
}

// parseResult decodes the answer to request id, which must be of operation op.
func parseResult(message []byte, id int32, op byte) (result, error) {
	var r result
	body, rest, err := ber.Expect(message, ber.TagSequence)
	if err != nil || len(rest) > 0 {
		return r, errMalformed
	}
	gotID, body, err := ber.Integer(body, ber.TagInteger)
	if err != nil {
		return r, errMalformed
	}
	gotOp, fields, envelope, err := ber.Element(body)
	if err != nil {
		return r, errMalformed
	}
	disconnected := gotID == 0 && gotOp == opExtendedResponse
	switch {
	case disconnected:
	case gotID != id:
		return r, fmt.Errorf("the answer is for request %d instead of %d", gotID, id)
	case gotOp != op:
		return r, fmt.Errorf("the answer is of another operation (tag %#02x)", gotOp)
	}
	if r.code, r.text, err = parseFields(fields); err != nil {
		return r, err
	}
	if disconnected {
		return r, &notice{r.code, r.text}
	}
	r.controls, err = parseControls(envelope)
	return r, err
}

// parseFields decodes result code, matched DN and diagnostic message. Referrals,
// SASL credentials and the name of an extended answer, which may follow, are of
// no use here.
func parseFields(b []byte) (code int, text string, err error) {
	c, b, err := ber.Integer(b, ber.TagEnumerated)
	if err != nil || c < 0 {
		return 0, "", errMalformed
	}
	_, b, err = ber.Expect(b, ber.TagOctetString)
	if err != nil {
		return 0, "", errMalformed
	}
	t, b, err := ber.Expect(b, ber.TagOctetString)
	if err != nil || ber.WellFormed(b, 0) != nil {
		return 0, "", errMalformed
	}
	return int(c), string(t), nil
}

// parseControls decodes the controls of an answer (RFC 4511 section 4.1.11), if
// it has any. Criticality means nothing in an answer.
func parseControls(b []byte) ([]Control, error) {
	if len(b) == 0 {
		return nil, nil
	}
	list, rest, err := ber.Expect(b, tagControls)
	if err != nil || len(rest) > 0 {
		return nil, errMalformed
	}
	var controls []Control
	for len(list) > 0 {
		var body []byte
		if body, list, err = ber.Expect(list, ber.TagSequence); err != nil {
			return nil, errMalformed
		}
		c, err := parseControl(body)
		if err != nil {
			return nil, err
		}
		if len(controls) == maxControls {
			return nil, fmt.Errorf("the answer has more than %d controls", maxControls)
		}
		controls = append(controls, c)
	}
	return controls, nil
}

func parseControl(b []byte) (Control, error) {
	oid, b, err := ber.Expect(b, ber.TagOctetString)
	if err != nil || !ber.NumericOID(string(oid)) {
		return Control{}, errMalformed
	}
	c := Control{OID: string(oid)}
	if len(b) > 0 && b[0] == ber.TagBoolean {
		if _, b, err = ber.Boolean(b); err != nil {
			return Control{}, errMalformed
		}
	}
	if len(b) > 0 {
		value, rest, err := ber.Expect(b, ber.TagOctetString)
		if err != nil || len(rest) > 0 {
			return Control{}, errMalformed
		}
		c.Value = append([]byte{}, value...) // what is parsed lives in a buffer that is used again
	}
	return c, nil
}
