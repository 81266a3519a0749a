package scoped

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	maxMembers   = 10_000 // members of one list
	maxMemberLen = 256    // octets of one member
	// smallList is up to how many members looking through a list is faster than
	// hashing.
	smallList = 8
	// maxProgram bounds what counted repetitions make of the patterns of one list.
	maxProgram = 100_000
)

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

// folding is how a list compares.
type folding uint8

const (
	exactly  folding = iota
	lowering         // both sides in lower case, the text of patterns too (Compat)
	caseless         // names by identity.Fold, patterns by the flag i
)

// fold maps a value to what it is compared by.
func (f folding) fold(text string) string {
	switch f {
	case lowering:
		if isASCII(text) {
			return strings.ToLower(text)
		}
		return cases.Lower(language.Und).String(text)
	case caseless:
		return identity.Fold(text)
	default:
		return text
	}
}

// textSet is a set of texts, small in most cases.
type textSet struct {
	list []string
	hash map[string]struct{}
}

func (s *textSet) add(text string) {
	if s.has(text) {
		return
	}
	s.list = append(s.list, text)
	if s.hash != nil || len(s.list) > smallList {
		if s.hash == nil {
			s.hash = make(map[string]struct{}, 2*len(s.list))
			for _, t := range s.list {
				s.hash[t] = struct{}{}
			}
		}
		s.hash[text] = struct{}{}
	}
}

func (s *textSet) has(text string) bool {
	if s.hash != nil {
		_, ok := s.hash[text]
		return ok
	}
	return slices.Contains(s.list, text)
}

// pattern is a member that is a regular expression. In Compat err may say that
// it is none; own is then the text that the member equals without being one.
type pattern struct {
	*regex
	own    string
	member int
	err    error
	// prefix is what everything begins with that it matches; most names are sorted
	// out by that.
	prefix string
}

// patternList is a compiled list of patterns. A member that begins with - or !
// excludes exactly the rest of its text; "*" is found in everything; any other
// member is found in its own text, and as a regular expression in every text that
// it matches as a whole.
type patternList struct {
	empty    bool
	star     bool
	broken   bool // a pattern has an err
	folding  folding
	compat   bool
	program  int // size of the patterns
	exact    textSet
	excluded textSet
	patterns []pattern
}

// compilePatterns compiles the members of an attribute. In Compat, members that
// are no regular expressions are kept and fail when they are asked; else they
// are faults.
func compilePatterns(members []string, f folding, compat bool) (patternList, error) {
	l := patternList{empty: len(members) == 0, folding: f, compat: compat}
	if len(members) > maxMembers {
		return l, fmt.Errorf("%d members, at most %d are allowed", len(members), maxMembers)
	}
	var faults []error
	for i, m := range members {
		if len(m) > maxMemberLen {
			faults = append(faults, &memberError{i, m, fmt.Errorf("%d octets, at most %d are allowed", len(m), maxMemberLen)})
			continue
		}
		if err := l.add(i, m); err != nil {
			faults = append(faults, &memberError{i, m, err})
		}
	}
	return l, errors.Join(faults...)
}

func (l *patternList) add(i int, member string) error {
	if member == "*" {
		l.star = true
		return nil
	}
	text := member
	if l.folding == lowering {
		text = l.folding.fold(member)
	}
	if isExclusion(text) {
		l.excluded.add(l.folding.fold(text[1:]))
		if !l.compat {
			return nil
		}
	}
	l.exact.add(l.folding.fold(text))
	if text == regexp.QuoteMeta(text) {
		return nil
	}
	re, err := compileMember(text, l.folding, l.compat)
	if err == nil {
		if l.program += re.size; l.program > maxProgram {
			err = errors.New("the repetitions of the patterns of this list are too many: write + or * instead of large numbers")
		}
	}
	if err != nil && !l.compat {
		return err
	}
	l.broken = l.broken || err != nil
	p := pattern{regex: re, own: text, member: i, err: err}
	if l.folding != caseless {
		p.prefix = literalPrefix(text)
	}
	l.patterns = append(l.patterns, p)
	return nil
}

// compileMember anchors a pattern, as a whole or, in Compat, as a text.
func compileMember(text string, f folding, compat bool) (*regex, error) {
	switch {
	case compat:
		return compileRegex("^", text, endOrNewline, dialect{compat: true, anchored: true})
	case f == caseless:
		return compileRegex(`\A(?i:`, text, `)\z`, dialect{})
	}
	return compileRegex(`\A(?:`, text, `)\z`, dialect{})
}

// search looks at all members, folded being what the folding of the list makes of
// the value. In Compat, plain members are also found in their text with a newline
// behind it, and a member that is no regular expression is an error unless it is
// the value itself, or excludes it.
func (l *patternList) search(value, folded string) (found, excluded bool, err error) {
	if l.folding == exactly {
		folded = value
	}
	excluded = l.excluded.has(folded)
	found = l.star || l.exact.has(folded)
	if l.compat && !found && strings.HasSuffix(folded, "\n") {
		found = l.exactPlain(strings.TrimSuffix(folded, "\n"))
	}
	for i := range l.patterns {
		p := &l.patterns[i]
		if p.err != nil {
			if folded == p.own || excludes(p.own, folded) {
				continue
			}
			return found, excluded, failf(ErrBroken, "member %d (%.60q): %w", p.member+1, p.own, p.err)
		}
		if found {
			continue
		}
		// A caseless pattern folds by itself: its text and the value stay as they are.
		text := folded
		if l.folding == caseless {
			text = value
		}
		if !strings.HasPrefix(text, p.prefix) {
			continue
		}
		if found, err = p.match(text); err != nil {
			return found, excluded, err
		}
	}
	return found, excluded, nil
}

// exactPlain reports whether a member that is no pattern is this text.
func (l *patternList) exactPlain(text string) bool {
	return text == regexp.QuoteMeta(text) && l.exact.has(text)
}

// isExclusion reports whether a member excludes what stands behind its first
// character.
func isExclusion(member string) bool {
	return member != "" && (member[0] == '-' || member[0] == '!')
}

// excludes reports whether a member excludes a value.
func excludes(member, value string) bool {
	return isExclusion(member) && member[1:] == value
}

// match tells whether the list lets the value through: an empty list does, and
// else something must be found and nothing exclude it, in whatever order.
func (l *patternList) match(value, folded string) (bool, error) {
	if l.empty {
		return true, nil
	}
	found, excluded, err := l.search(value, folded)
	return found && !excluded, err
}
