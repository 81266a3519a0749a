package identity

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold maps a login or the name of a group to what local names are compared by:
// the canonical caseless form of the Unicode standard (section 3.13, D145),
// composed. "Ärger" in any spelling of the Ä is "ärger", "STRASSE" is "straße",
// and a Turkish dotless ı stays apart from i.
func Fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFD.String(s)))
		}
	}
	return strings.ToLower(s)
}

// SameLogin reports whether two logins are the same one (see Fold). A policy
// must not take two users for one, nor miss one that is spelled differently.
func SameLogin(a, b string) bool { return a == b || Fold(a) == Fold(b) }
