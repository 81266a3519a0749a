package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of texts, in octets.
const (
	maxName = 253  // a login (RADIUS carries no more, RFC 2865 section 5) or the name of a group
	maxText = 1024 // a person's name, an address
)

// plausible reports whether a login could be in the store at all, so that what
// comes from the network costs nothing more when it could not.
func plausible(login string) bool {
	return login != "" && len(login) <= maxName && utf8.ValidString(login)
}

// checkName refuses names that people could not type or tell apart. What is
// named ("login", "group name") begins the error.
func checkName(what, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%s is empty", what)
	case len(s) > maxName:
		return fmt.Errorf("%s is longer than %d octets", what, maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not valid UTF-8", what, s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%s %q begins or ends with a blank", what, s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%s %q has a character that cannot be seen (%U)", what, s, r)
		}
	}
	return nil
}

// checkText refuses texts that would disturb whoever prints them.
func checkText(what, s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("%s is longer than %d octets", what, maxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not valid UTF-8", what, s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s %q has a control character", what, s)
	}
	return nil
}
