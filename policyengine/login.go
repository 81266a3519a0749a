package policyengine

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// SameLogin reports whether two logins are the same one, by the rule of the
// embedded store: canonical caseless matching (Unicode standard, section 3.13,
// D145). A policy must not take two users for one, nor miss one that is spelled
// differently.
func SameLogin(a, b string) bool { return a == b || foldLogin(a) == foldLogin(b) }

func foldLogin(login string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(login)))
}
