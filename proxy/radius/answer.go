package radius

import (
	"crypto/md5" //nolint:gosec // RFC 2865 section 3.
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"github.com/sallyport-auth/sallyport/proxy"
)

const (
	// maxValue is how much one attribute holds.
	maxValue = 253
	// maxMessages bounds the Reply-Message attributes of an answer together, in
	// octets: what some NAS still display, and far below the packet's limit.
	maxMessages = 1024

	eapSuccess, eapFailure = 3, 4
)

// answer is an answer being written. What does not fit is left out and
// reported by the method that adds it.
type answer struct {
	b []byte
	// room is where the attributes must end, so that the Proxy-States fit in.
	room int
}

// begin starts an answer with the header and, before everything else, the
// place of the Message-Authenticator (CVE-2024-3596).
func (r *request) begin(buf []byte, code byte) answer {
	room := radius.MaxPacketLength
	for _, a := range r.avps {
		if a.typ == typeProxyState {
			room -= 2 + len(a.value)
		}
	}
	b := buf[:0]
	b = append(b, code, r.identifier(), 0, 0)
	b = append(b, r.authenticator()...)
	b = append(b, typeMessageAuthenticator, 2+signatureLength)
	return answer{append(b, make([]byte, signatureLength)...), room}
}

// add appends an attribute and reports whether it fitted.
func (w *answer) add(typ byte, value []byte) bool {
	if len(value) > maxValue || len(w.b)+2+len(value) > w.room {
		return false
	}
	w.b = append(append(w.b, typ, byte(2+len(value))), value...)
	return true
}

// finish echoes the Proxy-States in their order (RFC 2865 section 5.33), then
// signs the answer. They always fit: what an Access-Request needs beside them
// is longer than header and Message-Authenticator.
func (r *request) finish(w answer) []byte {
	b := w.b
	for _, a := range r.avps {
		if a.typ == typeProxyState {
			b = append(append(b, typeProxyState, byte(2+len(a.value))), a.value...)
		}
	}
	binary.BigEndian.PutUint16(b[2:4], uint16(len(b))) //nolint:gosec // at most 4096
	const signature = headerLength + 2
	r.client.mac(b[signature:signature], b)
	sum := md5.Sum(append(b, r.client.secret...)) //nolint:gosec // see above
	copy(b[4:headerLength], sum[:])
	return b
}

// accept, reject and challenge write the answer to a login into buf. An Accept
// or a Challenge that cannot be written as it was meant is an error: without
// its attributes it would grant more than was decided.
func (r *request) accept(buf []byte, o *proxy.Outcome, unknown func(name string)) ([]byte, error) {
	w := r.begin(buf, codeAccept)
	if !r.addEAP(&w, eapSuccess) {
		return nil, fmt.Errorf("the EAP-Success does not fit into the answer")
	}
	for _, a := range o.Attributes {
		typ, value, err := encodeAttribute(a)
		switch {
		case err != nil:
			return nil, err
		case typ == 0:
			unknown(a.Name)
		case !w.add(typ, value):
			return nil, fmt.Errorf("attribute %s does not fit into the answer", a.Name)
		}
	}
	r.addMessages(&w, o.Messages)
	return r.finish(w), nil
}

func (r *request) reject(buf []byte, o *proxy.Outcome) []byte {
	w := r.begin(buf, codeReject)
	r.addEAP(&w, eapFailure)
	r.addMessages(&w, o.Messages)
	return r.finish(w)
}

func (r *request) challenge(buf []byte, o *proxy.Outcome) ([]byte, error) {
	if r.has(typeEAPMessage) {
		return nil, fmt.Errorf("an EAP conversation has no text challenge")
	}
	w := r.begin(buf, codeChallenge)
	if len(o.State) == 0 || !w.add(typeState, o.State) {
		return nil, fmt.Errorf("the state of the challenge has %d octets, which an answer cannot carry", len(o.State))
	}
	r.addMessages(&w, o.Messages)
	return r.finish(w), nil
}

// status answers a Status-Server (RFC 5997 section 3).
func (r *request) status(buf []byte) []byte { return r.finish(r.begin(buf, codeAccept)) }

// addEAP ends the EAP conversation of a request that has one (RFC 3579 section
// 2.6.3), with the identifier of the EAP packet that is answered.
func (r *request) addEAP(w *answer, code byte) bool {
	if !r.has(typeEAPMessage) {
		return true
	}
	var id byte
	at := 0
	for _, a := range r.avps {
		if a.typ != typeEAPMessage {
			continue
		}
		if at+len(a.value) > 1 {
			id = a.value[1-at]
			break
		}
		at += len(a.value)
	}
	return w.add(typeEAPMessage, []byte{code, id, 0, 4})
}

// addMessages adds texts for the user, cut into attributes between characters.
// What is too long is left out from the end. RFC 3579 section 2.6.5 wants none
// beside EAP.
func (r *request) addMessages(w *answer, messages []string) {
	if r.has(typeEAPMessage) {
		return
	}
	left := maxMessages
	for _, m := range messages {
		m = head(strings.ToValidUTF8(m, "\uFFFD"), left)
		left -= len(m)
		for m != "" {
			part := head(m, maxValue)
			if !w.add(typeReplyMessage, []byte(part)) {
				return
			}
			m = m[len(part):]
		}
	}
}

// head returns as much of a text as n octets hold, whole characters only.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// encodeAttribute turns an attribute of an Outcome into its wire form. Type 0
// means that the name is not known.
func encodeAttribute(a proxy.Attribute) (typ byte, value []byte, err error) {
	switch {
	case strings.EqualFold(a.Name, "Class"):
		typ, value = byte(rfc2865.Class_Type), []byte(a.Value)
	case strings.EqualFold(a.Name, "Filter-Id"):
		typ, value = byte(rfc2865.FilterID_Type), []byte(a.Value)
	case strings.EqualFold(a.Name, "Reply-Message"):
		typ, value = typeReplyMessage, []byte(a.Value)
	case strings.EqualFold(a.Name, "Session-Timeout"):
		seconds, err := strconv.ParseUint(a.Value, 10, 32)
		if err != nil {
			return 0, nil, fmt.Errorf("attribute %s: %q is not a number of seconds", a.Name, a.Value)
		}
		return byte(rfc2865.SessionTimeout_Type), binary.BigEndian.AppendUint32(nil, uint32(seconds)), nil
	default:
		return 0, nil, nil
	}
	if len(value) == 0 || len(value) > maxValue {
		return 0, nil, fmt.Errorf("attribute %s: a value of %d octets (it holds 1 to %d)", a.Name, len(value), maxValue)
	}
	return typ, value, nil
}
