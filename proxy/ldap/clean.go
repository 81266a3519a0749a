package ldap

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText makes any bytes fit for a log: valid UTF-8, without control
// characters, of bounded length.
func cleanText(s string) string {
	const limit = 256
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}
