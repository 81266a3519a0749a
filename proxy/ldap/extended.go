package ldap

import (
	"github.com/sallyport-auth/sallyport/internal/ber"
)

// The extended operations that are answered.
const (
	oidStartTLS = "1.3.6.1.4.1.1466.20037"  // RFC 4511 section 4.14
	oidWhoAmI   = "1.3.6.1.4.1.4203.1.11.3" // RFC 4532
)

const (
	tagRequestName  = 0x80
	tagRequestValue = 0x81
)

// extendedRequest is an ExtendedRequest (RFC 4511 section 4.12).
type extendedRequest struct {
	name     string
	hasValue bool
}

func parseExtended(body []byte) (extendedRequest, error) {
	var e extendedRequest
	name, rest, err := ber.Expect(body, tagRequestName)
	if err != nil {
		return e, err
	}
	e.name = string(name)
	if len(rest) > 0 {
		e.hasValue = true
		if _, rest, err = ber.Expect(rest, tagRequestValue); err != nil {
			return e, err
		}
	}
	if len(rest) > 0 {
		return e, ber.ErrMalformed
	}
	return e, nil
}

// extended carries out an extended operation.
func (c *conn) extended(t *Table, p *pdu, refusal result) error {
	req, err := parseExtended(p.body)
	if err != nil {
		return err
	}
	switch req.name {
	case oidStartTLS:
		p.kind = kindStartTLS
		return c.startTLS(t, p, req, refusal)
	case oidWhoAmI:
		p.kind = kindWhoAmI
		return c.whoAmI(p, req, refusal)
	}
	if refusal.code == success {
		refusal = result{protocolError, "this extended operation is not supported"}
	}
	return c.answer(p, refusal, nil)
}

// whoAmI tells the identity of the connection.
func (c *conn) whoAmI(p *pdu, req extendedRequest, refusal result) error {
	switch {
	case refusal.code != success:
		return c.answer(p, refusal, nil)
	case req.hasValue:
		return c.answer(p, result{protocolError, "who-am-i takes no value"}, nil)
	}
	return c.answer(p, result{}, func(e *encoder) { e.Text(tagResponseValue, authzID(c.bound)) })
}

// startTLS answers the request and makes the handshake. The connection is
// anonymous afterwards, and what the client sent in clear text behind the
// request is never looked at: it could be somebody else's.
func (c *conn) startTLS(t *Table, p *pdu, req extendedRequest, refusal result) error {
	name := func(e *encoder) { e.Text(tagResponseName, oidStartTLS) }
	switch {
	case refusal.code != success:
	case req.hasValue:
		refusal = result{protocolError, "StartTLS takes no value"}
	case c.tls != "":
		refusal = result{operationsError, "the connection is TLS already"}
	case t.tls == nil:
		refusal = result{protocolError, "this server has no certificate, so no TLS"}
	case p.late:
		refusal = result{operationsError, "StartTLS while other operations were outstanding"}
	}
	if err := c.answer(p, refusal, name); err != nil || refusal.code != success {
		return err
	}
	if c.in.buffered() {
		return errPlaintext
	}
	return c.handshake(t.tls)
}
