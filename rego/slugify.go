package rego

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// slugify makes the slug of a text as Django does: accents and compatibility forms
// are taken apart, and of what there is then only ASCII letters, digits, _, - and
// blanks stay, in lower case. Blanks and hyphens become one hyphen; none is left at
// the ends, nor is an underscore.
func slugify(s string) string {
	var b strings.Builder
	gap := false
	for _, c := range []byte(strings.ToLower(norm.NFKD.String(s))) {
		switch {
		case c == '-' || c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f: // Python's \s
			gap = true
			continue
		case c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z'):
			continue
		case gap:
			b.WriteByte('-')
			gap = false
		}
		b.WriteByte(c)
	}
	return strings.Trim(b.String(), "-_")
}
