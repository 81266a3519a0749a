package ldap

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDiagnostic(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want string
	}{
		{"nothing", nil, ""},
		{"joined", []string{"One.", "Two."}, "One. Two."},
		{"not UTF-8", []string{"a\xffb"}, "a\uFFFDb"},
		{"long", []string{strings.Repeat("x", maxDiagnostic+1)}, strings.Repeat("x", maxDiagnostic)},
		{"cut inside a character", []string{strings.Repeat("x", maxDiagnostic-1) + "äö"}, strings.Repeat("x", maxDiagnostic-1)},
	} {
		got := diagnostic(c.in)
		if got != c.want || !utf8.ValidString(got) {
			t.Errorf("%s: got %d octets %.20q", c.name, len(got), got)
		}
	}
}

// No Outcome but an acceptance is answered with success.
func TestOnlyAcceptIsSuccess(t *testing.T) {
	for password, o := range outcomes {
		if got := outcomeCode(o, invalidCredentials); (got == success) != (password == "good") {
			t.Errorf("%s: code %d", password, got)
		}
	}
}
