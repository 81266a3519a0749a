package radiusclient

import (
	"crypto/hmac"
	"crypto/md5"

	"layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

// mac is HMAC-MD5 over a packet whose Message-Authenticator is zero.
func mac(b []byte, secret string) []byte {
	h := hmac.New(md5.New, []byte(secret))
	_, _ = h.Write(b)
	return h.Sum(nil)
}

// signedWrongly makes an answer whose Response Authenticator is right and whose
// Message-Authenticator is not.
func signedWrongly(request []byte) []byte {
	p, err := radius.Parse(request, []byte(testSecret))
	if err != nil {
		return nil
	}
	p = p.Response(radius.CodeAccessAccept)
	p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, macLength))
	b, _ := p.Encode()
	return b
}
