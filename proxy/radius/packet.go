package radius

import (
	"crypto/hmac"
	"encoding/binary"
	"net/netip"
	"time"

	"layeh.com/radius"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	headerLength = 20
	// maxAttributes bounds the work that one packet can ask for. The largest
	// honest requests have some forty attributes.
	maxAttributes = 200
	// signatureLength is the length of a Message-Authenticator's value.
	signatureLength = 16

	codeAccessRequest = byte(radius.CodeAccessRequest)
	codeAccept        = byte(radius.CodeAccessAccept)
	codeReject        = byte(radius.CodeAccessReject)
	codeChallenge     = byte(radius.CodeAccessChallenge)
	codeStatusServer  = byte(radius.CodeStatusServer)
)

// avp is one attribute; its value points into the packet.
type avp struct {
	typ   byte
	value []byte
}

// request is a datagram on its way through the server. Requests are pooled:
// nothing that outlives one may point into its buffers.
type request struct {
	buf    [radius.MaxPacketLength]byte
	oob    [controlLength]byte
	avps   []avp
	count  [256]uint8 // attributes by type
	raw    []byte     // what arrived, padding included, cut at 4096 octets
	packet []byte     // raw up to the packet's Length

	socket   *socket
	control  []byte // what the reply needs to leave from dst
	src, dst netip.AddrPort
	received time.Time

	table       *Table
	client      *client
	signatureAt int                   // where in packet the value of the Message-Authenticator begins
	sum         [signatureLength]byte // what verify computes
	signed      bool                  // carries a Message-Authenticator, and it is right
	method      identity.Kind         // the kind of credential that vendor attributes carry
	entry       *entry                // its place among the duplicates
}

// code and identifier are header fields; they may be asked once inspect has
// seen the header.
func (r *request) code() byte            { return r.packet[0] }
func (r *request) identifier() byte      { return r.packet[1] }
func (r *request) authenticator() []byte { return r.packet[4:headerLength] }

// has reports whether there is an attribute of a type.
func (r *request) has(typ byte) bool { return r.count[typ] > 0 }

// first returns the value of the first attribute of a type, nil when there is
// none.
func (r *request) first(typ byte) []byte {
	if r.count[typ] == 0 {
		return nil
	}
	for _, a := range r.avps {
		if a.typ == typ {
			return a.value
		}
	}
	return nil
}

// inspect judges the datagram of a known client, before anything is spent on
// it: header, attributes, signature, and what RFC 3579 forbids to combine. It
// returns kept, or why the packet must be discarded.
func (r *request) inspect() cause {
	if c := r.header(); c != kept {
		return c
	}
	if c := r.walk(); c != kept {
		return c
	}
	if c := r.verify(); c != kept {
		return c
	}
	return r.combine()
}

// header checks code and length (RFC 2865 section 3). Octets after Length are
// padding and ignored.
func (r *request) header() cause {
	if len(r.raw) < headerLength {
		return causeLength
	}
	if code := r.raw[0]; code != codeAccessRequest && code != codeStatusServer {
		return causeCode
	}
	length := int(binary.BigEndian.Uint16(r.raw[2:4]))
	if length < headerLength || length > radius.MaxPacketLength || length > len(r.raw) {
		return causeLength
	}
	r.packet = r.raw[:length]
	return kept
}

// walk finds the attributes and checks their lengths (RFC 2865 section 5). An
// attribute of a fixed length that has another one is a reason to discard: a
// peer that writes such cannot be trusted to have meant the rest.
func (r *request) walk() cause {
	r.avps, r.count, r.method = r.avps[:0], [256]uint8{}, 0
	for rest := r.packet[headerLength:]; len(rest) > 0; {
		if len(rest) < 2 {
			return causeAttribute
		}
		typ, length := rest[0], int(rest[1])
		if typ == 0 || length < 2 || length > len(rest) {
			return causeAttribute
		}
		if len(r.avps) == maxAttributes {
			return causeAttributeCount
		}
		value := rest[2:length]
		if !lengthFits(typ, value) {
			return causeAttributeLength
		}
		if typ == typeVendorSpecific && !r.vendor(value) {
			return causeVendorAttribute
		}
		if typ == typeMessageAuthenticator {
			r.signatureAt = len(r.packet) - len(rest) + 2
		}
		r.avps = append(r.avps, avp{typ, value})
		r.count[typ]++
		rest = rest[length:]
	}
	return kept
}

// lengthFits reports whether a value has a length that its type allows.
func lengthFits(typ byte, value []byte) bool {
	d := &dictionary[typ]
	if len(value) < d.min || d.max > 0 && len(value) > d.max {
		return false
	}
	return typ != typeUserPassword || len(value)%16 == 0
}

// vendorMicrosoft is the vendor whose attributes can carry credentials.
const vendorMicrosoft = 311

// msCHAPLength returns the length of a vendor attribute of Microsoft that
// carries a credential (RFC 2548 section 2), header included, and 0 for others.
func msCHAPLength(typ byte) int {
	switch typ {
	case 1, 25: // MS-CHAP-Response, MS-CHAP2-Response
		return 52
	case 3: // MS-CHAP-CPW-1
		return 72
	case 4: // MS-CHAP-CPW-2
		return 86
	case 27: // MS-CHAP2-CPW
		return 70
	}
	return 0
}

// vendor looks through a Vendor-Specific attribute and reports whether it is
// well formed. RFC 2865 section 5.26 only recommends that vendors write
// type-length-value inside, and some do not, so that only the vendor that we
// read is held to it.
func (r *request) vendor(value []byte) bool {
	if binary.BigEndian.Uint32(value) != vendorMicrosoft {
		return true
	}
	for rest := value[4:]; len(rest) > 0; {
		if len(rest) < 2 {
			return false
		}
		length := int(rest[1])
		if length < 2 || length > len(rest) {
			return false
		}
		if want := msCHAPLength(rest[0]); want != 0 {
			if length != want {
				return false
			}
			r.method = identity.KindMSCHAPv2
		}
		rest = rest[length:]
	}
	return true
}

// verify checks the Message-Authenticator (RFC 3579 section 3.2), and whether
// there has to be one: always with EAP-Message and on Status-Server (RFC 5997
// section 3), else as the client's setting says.
func (r *request) verify() cause {
	r.signed = false
	switch r.count[typeMessageAuthenticator] {
	case 0:
		if r.mustBeSigned() {
			return causeMissingSignature
		}
		return kept
	case 1:
	default:
		return causeWrongSignature
	}
	value := r.first(typeMessageAuthenticator)
	if len(value) != signatureLength {
		return causeWrongSignature
	}
	at := r.signatureAt
	clear(r.sum[:]) // the value counts as zeros
	if !hmac.Equal(value, r.client.mac(r.sum[:0], r.packet[:at], r.sum[:], r.packet[at+signatureLength:])) {
		return causeWrongSignature
	}
	r.signed = true
	return kept
}

// mustBeSigned reports whether the packet is worth nothing without a
// Message-Authenticator. The setting "limit" is what stops CVE-2024-3596 for
// clients that never sign: the attack needs a Proxy-State to hide its
// collision in.
func (r *request) mustBeSigned() bool {
	switch {
	case r.code() == codeStatusServer, r.has(typeEAPMessage):
		return true
	case r.client.signing == require:
		return true
	case r.client.signing == limit:
		return r.has(typeProxyState)
	}
	return false
}

// combine checks what an Access-Request carries together (RFC 3579 section
// 3.3): EAP goes with no other credential, and one without name or credential
// is not even refused unless it is signed.
func (r *request) combine() cause {
	if r.code() == codeStatusServer {
		return kept
	}
	if r.has(typeEAPMessage) &&
		(r.has(typeUserPassword) || r.has(typeCHAPPassword) || r.has(typeARAPPassword) || r.method != 0) {
		return causeMixedEAP
	}
	if !r.signed && (!r.has(typeUserName) || r.credentials() == 0 || r.authorizeOnly()) {
		return causeNoCredential
	}
	return kept
}

// credentials counts the kinds of credential that the packet carries; two
// attributes of one kind are as bad as two kinds. The fragments of an EAP
// message are one.
func (r *request) credentials() int {
	n := int(r.count[typeUserPassword]) + int(r.count[typeCHAPPassword]) + int(r.count[typeARAPPassword])
	if r.has(typeEAPMessage) {
		n++
	}
	if r.method != 0 {
		n++
	}
	return n
}

// authorizeOnly reports whether the packet wants an authorization without
// authentication (RFC 5176 section 3.1). We start no such conversation, so its
// State can only be invented.
func (r *request) authorizeOnly() bool {
	const authorizeOnly = 17
	v := r.first(typeServiceType)
	return v != nil && binary.BigEndian.Uint32(v) == authorizeOnly
}
