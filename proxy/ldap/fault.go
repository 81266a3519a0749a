package ldap

import (
	"errors"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// fault is why a connection had to end: the client did something after which it
// cannot be understood any more, or must not be served. Its text goes into the
// notice of disconnection and never quotes what the client sent.
type fault struct {
	cause cause
	code  int // of the notice
	text  string
	// silent faults end the connection without a notice: whoever is on the other
	// side does not speak LDAP, or is not to be answered.
	silent bool
}

// asFault returns the fault that an error is or stands for.
func asFault(err error) (*fault, bool) {
	if f, ok := errors.AsType[*fault](err); ok {
		return f, true
	}
	return errMalformed, errors.Is(err, ber.ErrMalformed)
}

// Error implements error.
func (f *fault) Error() string { return f.text }

// cause is a fault's name in statistics.
type cause uint8

const (
	causeNotLDAP cause = iota
	causeMalformed
	causeTooLarge
	causeMessageID
	causeOperation
	causeFilter
	causeTruncated
	causeSlow
	causeMemory
	causePlaintext
	causeHandshake
	causeUnwritten
	causes // how many there are
)

// String implements fmt.Stringer.
func (c cause) String() string {
	return [...]string{
		"not_ldap", "malformed", "too_large", "message_id", "operation", "filter",
		"truncated", "slow", "memory", "plaintext_after_start_tls", "tls_handshake", "unwritten",
	}[c]
}

// The faults (RFC 4511 section 4.1.1 says which ones are told).
var (
	errNotLDAP   = &fault{cause: causeNotLDAP, code: protocolError, text: "this is not an LDAP message", silent: true}
	errMalformed = &fault{cause: causeMalformed, code: protocolError, text: "the message is not encoded as LDAP demands"}
	errTooLarge  = &fault{cause: causeTooLarge, code: protocolError, text: "the message is too large"}
	errMessageID = &fault{cause: causeMessageID, code: protocolError, text: "the message ID is out of range"}
	errOperation = &fault{cause: causeOperation, code: protocolError, text: "the operation is not known"}
	errFilter    = &fault{cause: causeFilter, code: protocolError, text: "the filter is nested too deep or has too many items"}
	errTruncated = &fault{cause: causeTruncated, text: "the connection ended within a message", silent: true}
	errSlow      = &fault{cause: causeSlow, text: "the message did not arrive in time", silent: true}
	errMemory    = &fault{cause: causeMemory, code: unavailable, text: "there are too many large messages at once"}
	errPlaintext = &fault{cause: causePlaintext, text: "there was plain text behind the StartTLS request", silent: true}
	errHandshake = &fault{cause: causeHandshake, text: "the TLS handshake failed", silent: true}
	errUnwritten = &fault{cause: causeUnwritten, text: "the answer could not be delivered", silent: true}
)
