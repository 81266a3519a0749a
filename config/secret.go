package config

import (
	"fmt"
	"log/slog"
)

// Secret is a text that must not be seen: a shared secret, a bind password. It
// prints and encodes as "***" with every verb and encoder; only Reveal returns
// the text. In the file it is {file: PATH}, {env: NAME} or, with a warning, the
// text itself.
//
// Secrets are compared by what Reveal returns, in constant time; == is of no use.
type Secret struct {
	// A pointer, because fmt prints unexported fields of other structs without
	// asking for methods: an address is all it can find.
	text *string
}

// NewSecret makes a Secret from its text, for tests and built-in defaults.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Call it where the secret is used and nowhere else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const masked = "***"

// String implements fmt.Stringer.
func (Secret) String() string { return masked }

// Format implements fmt.Formatter, so that no verb prints the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText keeps encoders (JSON, YAML, XML) from seeing the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)
