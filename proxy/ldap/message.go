package ldap

import (
	"github.com/sallyport-auth/sallyport/internal/ber"
)

// An operation's tag and, where one is due, the tag of its response (RFC 4511
// section 4.2 and following).
const (
	opBind     = 0x60
	opUnbind   = 0x42
	opSearch   = 0x63
	opModify   = 0x66
	opAdd      = 0x68
	opDelete   = 0x4a
	opModifyDN = 0x6c
	opCompare  = 0x6e
	opAbandon  = 0x50
	opExtended = 0x77

	respBind     = 0x61
	respEntry    = 0x64
	respSearch   = 0x65
	respModify   = 0x67
	respAdd      = 0x69
	respDelete   = 0x6b
	respModifyDN = 0x6d
	respCompare  = 0x6f
	respExtended = 0x78

	tagControls = 0xa0
)

// kind is an operation as statistics count it.
type kind uint8

const (
	kindBind kind = iota
	kindUnbind
	kindSearch
	kindModify
	kindAdd
	kindDelete
	kindModifyDN
	kindCompare
	kindAbandon
	kindStartTLS
	kindWhoAmI
	kindExtended
	kinds // how many there are
)

// String implements fmt.Stringer.
func (k kind) String() string {
	return [...]string{
		"bind", "unbind", "search", "modify", "add", "delete", "modify_dn",
		"compare", "abandon", "start_tls", "who_am_i", "extended",
	}[k]
}

// message is one LDAPMessage, its parts still encoded. They point into the
// buffer that the message was read into.
type message struct {
	id int32
	// op is the operation's tag, kind what it stands for, and response the tag of
	// the answer, 0 where none is due.
	op       byte
	kind     kind
	response byte
	body     []byte
	controls []byte
}

// parseMessage takes an LDAPMessage apart whose outer header has been read:
// body is what the outer SEQUENCE holds. An error means that the connection
// must end with a notice of disconnection.
func parseMessage(body []byte) (message, error) {
	var m message
	id, rest, err := ber.Integer(body, ber.TagInteger)
	if err != nil {
		return m, err
	}
	if id < 1 { // 0 is for unsolicited notifications (RFC 4511 section 4.1.1.1)
		return m, errMessageID
	}
	m.id = id
	if m.op, m.body, rest, err = ber.Element(rest); err != nil {
		return m, err
	}
	if len(rest) > 0 {
		if m.controls, rest, err = ber.Expect(rest, tagControls); err != nil {
			return m, err
		}
		if len(rest) > 0 {
			return m, ber.ErrMalformed
		}
	}
	return m, m.classify()
}

// classify sets kind and response from the operation's tag.
func (m *message) classify() error {
	switch m.op {
	case opBind:
		m.kind, m.response = kindBind, respBind
	case opUnbind:
		m.kind = kindUnbind
	case opSearch:
		m.kind, m.response = kindSearch, respSearch
	case opModify:
		m.kind, m.response = kindModify, respModify
	case opAdd:
		m.kind, m.response = kindAdd, respAdd
	case opDelete:
		m.kind, m.response = kindDelete, respDelete
	case opModifyDN:
		m.kind, m.response = kindModifyDN, respModifyDN
	case opCompare:
		m.kind, m.response = kindCompare, respCompare
	case opAbandon:
		m.kind = kindAbandon
	case opExtended:
		m.kind, m.response = kindExtended, respExtended
	default:
		return errOperation
	}
	return nil
}

// checkControls looks through the controls of a request. None is supported, so
// a critical one is a reason to refuse and any other is passed over (RFC 4511
// section 4.1.11). A control whose type is no object identifier is answered
// with protocolError; broken encoding ends the connection.
func checkControls(b []byte) (result, error) {
	refusal := result{}
	for len(b) > 0 {
		control, rest, err := ber.Expect(b, ber.TagSequence)
		if err != nil {
			return result{}, err
		}
		b = rest
		oid, control, err := ber.Expect(control, ber.TagOctetString)
		if err != nil {
			return result{}, err
		}
		critical := false
		if len(control) > 0 && control[0] == ber.TagBoolean {
			if critical, control, err = ber.Boolean(control); err != nil {
				return result{}, err
			}
		}
		if len(control) > 0 {
			if _, control, err = ber.Expect(control, ber.TagOctetString); err != nil {
				return result{}, err
			}
		}
		switch {
		case len(control) > 0:
			return result{}, ber.ErrMalformed
		case !ber.NumericOID(string(oid)):
			refusal = result{code: protocolError, text: "a control's type is not an object identifier"}
		case critical && refusal.code == success:
			refusal = result{code: unavailableCriticalExtension, text: "a critical control is not supported here"}
		}
	}
	return refusal, nil
}
