package scoped

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

const (
	maxMembers   = 10_000 // members of one list
	maxMemberLen = 256    // octets of one member
)

// patternList is a compiled list of patterns. A member that begins with - or !
// excludes exactly the rest of its text; "*" matches everything; any other
// member matches its own text, and as a regular expression (RE2) every text that
// it matches from the first to the last character.
type patternList struct {
	empty    bool
	any      bool
	fold     bool
	exact    map[string]bool
	excluded map[string]bool
	patterns []*regexp.Regexp
}

// memberError is a fault of one member of a list.
type memberError struct {
	member int // from 0
	text   string
	err    error
}

// Error implements error.
func (e *memberError) Error() string {
	return fmt.Sprintf("member %d (%.60q): %v", e.member+1, e.text, e.err)
}

// Unwrap returns the cause.
func (e *memberError) Unwrap() error { return e.err }

// compilePatterns compiles the members of an attribute. With fold, everything is
// compared without case.
func compilePatterns(members []string, fold bool) (patternList, error) {
	l := patternList{empty: len(members) == 0, fold: fold, exact: map[string]bool{}, excluded: map[string]bool{}}
	if len(members) > maxMembers {
		return l, fmt.Errorf("%d members, at most %d are allowed", len(members), maxMembers)
	}
	var faults []error
	for i, m := range members {
		if err := l.add(m); err != nil {
			faults = append(faults, &memberError{i, m, err})
		}
	}
	return l, errors.Join(faults...)
}

func (l *patternList) add(member string) error {
	switch {
	case len(member) > maxMemberLen:
		return fmt.Errorf("%d octets, at most %d are allowed", len(member), maxMemberLen)
	case member == "*":
		l.any = true
		return nil
	case strings.HasPrefix(member, "-") || strings.HasPrefix(member, "!"):
		l.excluded[l.key(member[1:])] = true
		return nil
	}
	l.exact[l.key(member)] = true
	if member == regexp.QuoteMeta(member) {
		return nil
	}
	re, err := anchored(member, l.fold)
	if err != nil {
		return err
	}
	l.patterns = append(l.patterns, re)
	return nil
}

func (l *patternList) key(text string) string {
	if l.fold {
		return strings.ToLower(text)
	}
	return text
}

// match tells whether the list lets the value through: an empty list does, and
// else something must match it and nothing exclude it, in whatever order.
func (l *patternList) match(value string) bool {
	if l.empty {
		return true
	}
	value = l.key(value)
	if l.excluded[value] {
		return false
	}
	if l.any || l.exact[value] {
		return true
	}
	for _, re := range l.patterns {
		if re.MatchString(value) {
			return true
		}
	}
	return false
}

// anchored compiles a pattern that has to match the whole text. The pattern is
// compiled alone first, so that it cannot close the group which holds it.
func anchored(pattern string, fold bool) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, patternError(pattern, err)
	}
	flags := ""
	if fold {
		flags = "i"
	}
	re, err := regexp.Compile(`\A(?` + flags + `:` + pattern + `)\z`)
	if err != nil {
		return nil, patternError(pattern, err)
	}
	return re, nil
}

// patternError says where in the pattern the fault is.
func patternError(pattern string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return fmt.Errorf("invalid pattern: %w", err)
	}
	if at := strings.Index(pattern, fault.Expr); at >= 0 && fault.Expr != "" {
		return fmt.Errorf("invalid pattern at offset %d: %s: %q", at, fault.Code, fault.Expr)
	}
	return fmt.Errorf("invalid pattern: %s", fault.Code)
}
