package identity

import (
	"strings"
	"unicode"
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

// Skeleton maps a name to what those directories compare that compare most
// loosely: RFC 4518 drops blanks and invisible characters and takes letters of
// full width for ordinary ones, Active Directory passes over accents as well.
// Names that differ need not have different ones; it is for finding out whether
// a name could be meant to look like another one.
func Skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cc, unicode.Cf) {
			return -1
		}
		return r
	}, norm.NFKD.String(Fold(norm.NFKC.String(s))))
}

// SameLogin reports whether two logins are the same one (see Fold). A policy
// must not take two users for one, nor miss one that is spelled differently.
func SameLogin(a, b string) bool { return a == b || Fold(a) == Fold(b) }
