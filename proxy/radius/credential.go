package radius

import (
	"bytes"
	"crypto/md5" //nolint:gosec // RFC 2865 section 5.2.
	"strings"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/proxy"
)

// attempt makes the login of an Access-Request that inspect has kept. A reason
// other than ReasonOK says that the login is refused without being asked: its
// name or its credential cannot be right.
func (r *request) attempt(id string) (*proxy.Attempt, proxy.Reason) {
	facts := r.facts()
	a := &proxy.Attempt{
		ID:          id,
		Protocol:    proxy.RADIUS,
		Operation:   "auth",
		Application: r.client.application,
		ClientIP:    r.clientIP(facts.CallingStationID),
		PeerIP:      r.src.Addr().WithZone(""),
		Client:      facts.NASIdentifier,
		Received:    r.received,
		RADIUS:      facts,
		State:       bytes.Clone(r.first(typeState)),
	}
	if a.Client == "" {
		a.Client = r.client.network
	}
	var why proxy.Reason
	if a.Username, why = r.username(); why != proxy.ReasonOK {
		return a, why
	}
	if r.count[typeState] > 1 || r.authorizeOnly() {
		return a, proxy.ReasonMalformedRequest
	}
	a.Credential, why = r.credential()
	return a, why
}

// username returns the name as it was typed. One that cannot be a name is
// returned in a form that can be logged, with the reason.
func (r *request) username() (string, proxy.Reason) {
	name := r.first(typeUserName)
	switch {
	case len(name) == 0:
		return "", proxy.ReasonEmptyLogin
	case r.count[typeUserName] > 1, !utf8.Valid(name), bytes.IndexByte(name, 0) >= 0:
		valid := strings.ToValidUTF8(string(name), "\uFFFD")
		return strings.ReplaceAll(valid, "\x00", "\uFFFD"), proxy.ReasonMalformedLogin
	}
	return string(name), proxy.ReasonOK
}

// credential returns what the user shows.
func (r *request) credential() (identity.Credential, proxy.Reason) {
	switch n := r.credentials(); {
	case n == 0:
		return nil, proxy.ReasonMissingCredential
	case n > 1:
		return nil, proxy.ReasonAmbiguousCredential
	case r.has(typeUserPassword):
		return r.password()
	case r.has(typeCHAPPassword):
		return identity.Unverifiable(identity.KindCHAP), proxy.ReasonOK
	case r.has(typeEAPMessage):
		return identity.Unverifiable(identity.KindEAP), proxy.ReasonOK
	case r.method != 0:
		return identity.Unverifiable(r.method), proxy.ReasonOK
	}
	return nil, proxy.ReasonUnsupportedMethod // ARAP
}

// password decrypts the User-Password. The padding that RFC 2865 section 5.2
// adds is stripped; any other NUL makes the password malformed, because what
// follows it would be lost in many a directory.
func (r *request) password() (identity.Credential, proxy.Reason) {
	var buf [128]byte
	password := reveal(buf[:0], r.first(typeUserPassword), r.client.secret, r.authenticator())
	password = bytes.TrimRight(password, "\x00")
	switch {
	case len(password) == 0:
		return identity.NewPassword(""), proxy.ReasonEmptyPassword
	case !utf8.Valid(password), bytes.IndexByte(password, 0) >= 0:
		return nil, proxy.ReasonMalformedPassword
	}
	return identity.NewPassword(string(password)), proxy.ReasonOK
}

// reveal appends the clear text of a User-Password to dst (RFC 2865 section
// 5.2). The value's length is a multiple of 16.
func reveal(dst, value, secret, authenticator []byte) []byte {
	var buf [64]byte
	previous := authenticator
	for ; len(value) > 0; value = value[md5.Size:] {
		pad := md5.Sum(append(append(buf[:0], secret...), previous...)) //nolint:gosec // see above
		for i, b := range value[:md5.Size] {
			dst = append(dst, b^pad[i])
		}
		previous = value[:md5.Size]
	}
	return dst
}
