package radiusclient

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // RFC 2865 and RFC 3579 are built on it.
	"encoding/binary"
	"errors"
	"fmt"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	headerLength = 20
	macLength    = 16
)

// encode makes the Access-Request, with the Message-Authenticator first.
func encode(secret []byte, req Request) ([]byte, error) {
	p := radius.New(radius.CodeAccessRequest, secret)
	if len(secret) == 0 {
		return nil, errors.New("the shared secret is empty")
	}
	if !req.Unsigned {
		p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, macLength))
	}
	password, err := radius.NewUserPassword([]byte(req.Password), secret, p.Authenticator[:])
	if err != nil {
		return nil, err
	}
	p.Add(rfc2865.UserName_Type, radius.Attribute(req.Username))
	p.Add(rfc2865.UserPassword_Type, password)
	if req.NASIdentifier != "" {
		p.Add(rfc2865.NASIdentifier_Type, radius.Attribute(req.NASIdentifier))
	}
	if req.CallingStationID != "" {
		p.Add(rfc2865.CallingStationID_Type, radius.Attribute(req.CallingStationID))
	}
	if len(req.State) > 0 {
		p.Add(rfc2865.State_Type, req.State)
	}
	for _, a := range req.Attributes {
		p.Add(radius.Type(a.Type), a.Value)
	}
	b, err := p.Encode()
	if err != nil {
		return nil, err
	}
	if !req.Unsigned {
		const at = headerLength + 2
		mac := hmac.New(md5.New, secret)
		_, _ = mac.Write(b)
		mac.Sum(b[at:at])
	}
	return b, nil
}

// decode checks an answer against its request and takes it apart.
func decode(b, request, secret []byte, unsignedOK bool) (Response, error) {
	if len(b) < headerLength {
		return Response{}, fmt.Errorf("it has %d octets, which is no packet", len(b))
	}
	length := int(binary.BigEndian.Uint16(b[2:4]))
	if length < headerLength || length > len(b) {
		return Response{}, fmt.Errorf("its length is %d, and %d octets arrived", length, len(b))
	}
	b = b[:length]
	if b[1] != request[1] {
		return Response{}, fmt.Errorf("it answers identifier %d, not %d", b[1], request[1])
	}
	r := Response{Code: radius.Code(b[0])}
	switch r.Code {
	case radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge:
	default:
		return Response{}, fmt.Errorf("a %s is no answer to an Access-Request", r.Code)
	}
	if !authentic(b, request, secret) {
		return Response{}, errors.New("its Response Authenticator is wrong: the shared secret differs")
	}
	at := 0 // where the Message-Authenticator's value is
	for rest := b[headerLength:]; len(rest) > 0; {
		if len(rest) < 2 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return Response{}, errors.New("its attributes are malformed")
		}
		a := Attr{rest[0], append([]byte(nil), rest[2:rest[1]]...)}
		switch radius.Type(a.Type) {
		case rfc2869.MessageAuthenticator_Type:
			if at != 0 || len(a.Value) != macLength {
				return Response{}, errors.New("its Message-Authenticator is malformed")
			}
			at = len(b) - len(rest) + 2
		case rfc2865.ReplyMessage_Type:
			r.Messages = append(r.Messages, string(a.Value))
		case rfc2865.State_Type:
			r.State = a.Value
		}
		r.Attributes = append(r.Attributes, a)
		rest = rest[rest[1]:]
	}
	if at == 0 {
		if !unsignedOK {
			return Response{}, errors.New("it has no Message-Authenticator (CVE-2024-3596)")
		}
		return r, nil
	}
	if !signed(b, request, secret, at) {
		return Response{}, errors.New("its Message-Authenticator is wrong")
	}
	r.Signed = true
	return r, nil
}

// authentic checks the Response Authenticator (RFC 2865 section 3).
func authentic(b, request, secret []byte) bool {
	h := md5.New() //nolint:gosec // see above
	_, _ = h.Write(b[:4])
	_, _ = h.Write(request[4:headerLength])
	_, _ = h.Write(b[headerLength:])
	_, _ = h.Write(secret)
	return hmac.Equal(h.Sum(nil), b[4:headerLength])
}

// signed checks the Message-Authenticator of an answer, which is made over the
// authenticator of the request (RFC 3579 section 3.2).
func signed(b, request, secret []byte, at int) bool {
	mac := hmac.New(md5.New, secret)
	_, _ = mac.Write(b[:4])
	_, _ = mac.Write(request[4:headerLength])
	_, _ = mac.Write(b[headerLength:at])
	_, _ = mac.Write(make([]byte, macLength))
	_, _ = mac.Write(b[at+macLength:])
	return hmac.Equal(mac.Sum(nil), b[at:at+macLength])
}
