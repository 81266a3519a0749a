package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// Limits of an application's user_dn_patterns. RE2 takes time in proportion to
// the length of the name, times that of the pattern, and anybody can send names.
const (
	maxPatterns      = 32
	maxPatternLength = 1024 // bytes
	maxMatched       = 1024 // bytes of a name; longer ones match nothing
)

// pattern says how bind DNs name the user where a template cannot.
type pattern struct {
	re           *regexp.Regexp
	login, realm int // numbers of the groups; realm is 0 without one
}

// parsePattern compiles one of user_dn_patterns. The pattern is compiled alone
// first, so that it cannot close the group that anchors it.
func parsePattern(s string) (pattern, error) {
	if len(s) > maxPatternLength {
		return pattern{}, fmt.Errorf("it has %d bytes, and %d are the most: write several patterns", len(s), maxPatternLength)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return pattern{}, patternFault(s, err)
	}
	var p pattern
	for i, name := range re.SubexpNames() {
		switch {
		case name == "":
		case name == "login" && p.login == 0:
			p.login = i
		case name == "realm" && p.realm == 0:
			p.realm = i
		default:
			return pattern{}, fmt.Errorf("the group %q has no meaning, or is there twice: name one login and perhaps one realm, and write (?:…) to hold others together", name)
		}
	}
	if p.login == 0 {
		return pattern{}, errors.New("(?P<login>…) is missing: it says where the user's login stands")
	}
	if p.re, err = regexp.Compile(`(?i)\A(?:` + s + `)\z`); err != nil {
		return pattern{}, errors.New(`\Q has no \E: write it where the literal text ends`)
	}
	return p, nil
}

// patternFault says where a pattern is wrong, and what to do about it.
func patternFault(s string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return err
	}
	advice := "correct it; the syntax is that of RE2"
	switch fault.Code {
	case syntax.ErrMissingParen:
		return fmt.Errorf("at offset %d, its end: %s", len(s), fault.Code)
	case syntax.ErrUnexpectedParen:
		advice = `take it out, or write \) for the character`
	case syntax.ErrInvalidPerlOp:
		advice = "RE2 has groups such as (?:…) and (?P<login>…), but does not look ahead or behind"
	case syntax.ErrInvalidNamedCapture:
		advice = "a named group is written (?P<login>…)"
	case syntax.ErrInvalidEscape:
		advice = "RE2 has no such escape, and no back-references"
	}
	begin, end := faultPlace(s, fault)
	return fmt.Errorf("at offset %d: %s: %q: %s", begin, fault.Code, s[begin:end], advice)
}

// faultPlace finds where a fault is, which package syntax keeps to itself: at the
// end of the shortest beginning of the pattern that has the same fault.
func faultPlace(s string, fault *syntax.Error) (begin, end int) {
	for end = 1; end <= len(s); end++ {
		var same *syntax.Error
		_, err := syntax.Parse(s[:end], syntax.Perl)
		switch {
		case !errors.As(err, &same) || same.Code != fault.Code:
		case fault.Code == syntax.ErrUnexpectedParen, fault.Expr == "": // the last octet is to blame
			return end - 1, end
		case same.Expr == fault.Expr:
			return max(0, strings.LastIndex(s[:end], fault.Expr)), end
		}
	}
	return 0, len(s)
}

// match returns the user's login, with its realm if the pattern has one, when
// the whole name has the pattern's shape. What a group holds must be the whole
// value of one attribute: part of a value would be another user's name, and more
// than one is no name.
func (p *pattern) match(name *spelling) (string, bool) {
	if len(name.text) > maxMatched {
		return "", false
	}
	at := p.re.FindStringSubmatchIndex(name.text)
	if at == nil {
		return "", false
	}
	login, ok := name.value(at[2*p.login], at[2*p.login+1])
	if !ok || login == "" || p.realm == 0 || at[2*p.realm] < 0 {
		return login, ok && login != ""
	}
	realm, ok := name.value(at[2*p.realm], at[2*p.realm+1])
	// A backslash would have package proxy cut the name elsewhere. It is what
	// joins the two, because an unknown realm before it is refused, while behind
	// an @ it would be part of the login.
	if !ok || strings.Contains(realm, `\`) {
		return "", false
	}
	return realm + `\` + login, true
}

// spelling is a name as patterns see it: as RFC 4514 writes it, in the canonical
// spelling of attribute types, values in the case in which they were typed.
type spelling struct {
	text   string
	values []spelledValue
}

// spelledValue is where in the text a value stands, escapes included.
type spelledValue struct {
	begin, end int
	dn.AVA
}

func spell(name dn.DN) *spelling {
	s := &spelling{text: name.String()}
	at := 0
	for _, rdn := range name {
		for _, a := range rdn {
			at += len(a.Attr) + len("=")
			end := at + len(dn.Escape(a.Value))
			if a.Opaque != "" {
				end = at + len("#") + len(a.Opaque)
			}
			s.values = append(s.values, spelledValue{at, end, a})
			at = end + len(",")
		}
	}
	return s
}

// value returns the value, unescaped, that fills a part of the text exactly.
func (s *spelling) value(begin, end int) (string, bool) {
	for _, v := range s.values {
		if v.begin == begin && v.end == end {
			return v.Value, v.Opaque == ""
		}
	}
	return "", false
}
