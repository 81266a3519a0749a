package testenv

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Unhex decodes hexadecimal digits with blanks between them.
func Unhex(t testing.TB, text string) []byte {
	t.Helper()
	octets, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return octets
}
