package identity

import (
	"fmt"
	"log/slog"
)

// Kind names a kind of credential, so that a directory can say which ones it
// is able to verify.
type Kind uint8

// The kinds of credentials that a login can carry.
const (
	KindPassword Kind = iota + 1 // PAP, LDAP simple bind
	KindCHAP                     // RFC 1994 through RFC 2865 section 5.3
	KindMSCHAPv2                 // RFC 2759 through RFC 2548
	KindEAP                      // an EAP conversation, RFC 3579
)

// String returns the name that logs and error texts use.
func (k Kind) String() string {
	switch k {
	case KindPassword:
		return "password"
	case KindCHAP:
		return "chap"
	case KindMSCHAPv2:
		return "mschapv2"
	case KindEAP:
		return "eap"
	}
	return "none"
}

// Credential is what somebody shows to prove who they are. The concrete types
// are Password and Unverifiable; a front-end that learns another method adds
// its own kind.
type Credential interface {
	Kind() Kind
}

// Unverifiable is a credential of a kind that arrived but that nothing here can
// check yet. It keeps no bytes: it exists so that the login is refused with a
// reason that names the method.
type Unverifiable Kind

// Kind returns the method that was asked for.
func (u Unverifiable) Kind() Kind { return Kind(u) }

// Password is a password in clear text, as PAP and a simple bind deliver it. It
// prints and encodes as "***" everywhere; only Reveal returns the text.
type Password struct {
	text string
}

// NewPassword wraps a password. The empty password is representable, so that a
// front-end can hand it over and have it refused with a reason; no directory
// ever accepts it (RFC 4513 section 5.1.2).
func NewPassword(text string) Password { return Password{text} }

// Kind returns KindPassword.
func (Password) Kind() Kind { return KindPassword }

// Reveal returns the password itself. Call it where the password is verified
// and nowhere else.
func (p Password) Reveal() string { return p.text }

// Empty reports whether there is no password at all.
func (p Password) Empty() bool { return p.text == "" }

const masked = "***"

// String implements fmt.Stringer.
func (Password) String() string { return masked }

// Format implements fmt.Formatter, so that no verb prints the password.
func (Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText keeps encoders (JSON, YAML, XML) from seeing the password.
func (Password) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue implements slog.LogValuer.
func (Password) LogValue() slog.Value { return slog.StringValue(masked) }

var (
	_ Credential     = Password{}
	_ Credential     = Unverifiable(KindCHAP)
	_ fmt.Formatter  = Password{}
	_ slog.LogValuer = Password{}
)
