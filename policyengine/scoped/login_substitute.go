package scoped

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxSubstitute  = 512      // characters of a text in which something is replaced
	maxSubstituted = 64 << 10 // octets of the result
)

// substitution replaces what a pattern matches.
type substitution struct {
	re    *regex
	parts []replacement
}

// replacement is a piece of the new text: a literal, or a group of the match.
type replacement struct {
	text  string
	group int // -1 for a literal
}

// compileSubstitution compiles a pattern, which is not anchored, and what to
// replace its matches with, where \1 or \g<1> stands for the first group,
// \g<name> for a group with a name and \g<0> for all of it.
func compileSubstitution(pattern, replace string, compat bool) (*substitution, error) {
	re, err := compileRegex("", pattern, "", dialect{compat: compat})
	if err != nil {
		return nil, err
	}
	s := &substitution{re: re}
	for replace != "" {
		at := strings.IndexByte(replace, '\\')
		if at < 0 {
			at = len(replace)
		}
		s.literal(replace[:at])
		if replace = replace[at:]; replace == "" {
			break
		}
		if replace, err = s.escape(replace); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *substitution) literal(text string) {
	if text != "" {
		s.parts = append(s.parts, replacement{text, -1})
	}
}

// escape reads what begins with a backslash, and returns the rest.
func (s *substitution) escape(text string) (string, error) {
	if len(text) < 2 {
		return "", fmt.Errorf("the replacement ends in a backslash: write two")
	}
	c := text[1]
	switch {
	case c == 'g':
		name, rest, found := strings.Cut(strings.TrimPrefix(text[2:], "<"), ">")
		if !found || !strings.HasPrefix(text[2:], "<") {
			return "", fmt.Errorf(`the replacement has \g without <group>`)
		}
		return rest, s.groupNamed(name)
	case c == '0' || octal(text[1:]):
		n := 1
		for n < 3 && 1+n < len(text) && text[1+n] >= '0' && text[1+n] <= '7' {
			n++
		}
		v, err := strconv.ParseUint(text[1:1+n], 8, 8)
		if err != nil {
			return "", fmt.Errorf("the replacement has the octal number %s, which is no character up to 377", text[:1+n])
		}
		s.literal(string(rune(v)))
		return text[1+n:], nil
	case c >= '1' && c <= '9':
		n := 1
		if len(text) > 2 && text[2] >= '0' && text[2] <= '9' {
			n = 2
		}
		return text[1+n:], s.groupNamed(text[1 : 1+n])
	case c == '\\':
		s.literal(`\`)
	case strings.IndexByte("abfnrtv", c) >= 0:
		s.literal("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c):][:1])
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return "", fmt.Errorf("the replacement has the unknown escape %s", text[:2])
	default:
		s.literal(text[:1])
		return text[1:], nil
	}
	return text[2:], nil
}

// octal reports whether a text begins with three octal digits, which are a
// character and no group.
func octal(text string) bool {
	return len(text) > 2 && text[0] >= '1' && text[0] <= '7' && strings.Trim(text[:3], "01234567") == ""
}

func (s *substitution) groupNamed(name string) error {
	group := s.re.re.SubexpIndex(name)
	if n, err := strconv.Atoi(name); err == nil {
		group = n
	}
	if group < 0 || group > s.re.re.NumSubexp() || name == "" {
		return fmt.Errorf("the replacement names the group %.20q, and the pattern has %d groups", name, s.re.re.NumSubexp())
	}
	s.parts = append(s.parts, replacement{group: group})
	return nil
}

// apply replaces all matches. Other than with package regexp, an empty match
// right behind another match is replaced too.
func (s *substitution) apply(text string) (string, error) {
	if utf8.RuneCountInString(text) > maxSubstitute {
		return "", fmt.Errorf("the text has more than %d characters", maxSubstitute)
	}
	if _, err := s.re.match(text); err != nil {
		return "", err
	}
	var b strings.Builder
	last := 0
	matches := s.re.re.FindAllStringSubmatchIndex(text, -1)
	for i, m := range matches {
		b.WriteString(text[last:m[0]])
		s.expand(&b, text, m)
		last = m[1]
		if m[0] == m[1] || i+1 < len(matches) && matches[i+1][0] == last || !s.canBeEmpty() {
			continue
		}
		empty, err := s.emptyAt(text, last)
		if err != nil {
			return "", err
		}
		if empty != nil {
			s.expand(&b, text, empty)
		}
	}
	b.WriteString(text[last:])
	if b.Len() > maxSubstituted {
		return "", fmt.Errorf("the result has more than %d octets", maxSubstituted)
	}
	return b.String(), nil
}

// expand writes what replaces a match.
func (s *substitution) expand(b *strings.Builder, text string, match []int) {
	for _, p := range s.parts {
		switch {
		case p.group < 0:
			b.WriteString(p.text)
		case match[2*p.group] >= 0:
			b.WriteString(text[match[2*p.group]:match[2*p.group+1]])
		}
	}
}

// canBeEmpty reports whether the pattern may match nothing.
func (s *substitution) canBeEmpty() bool {
	parsed, err := syntax.Parse(s.re.re.String(), syntax.Perl)
	return err != nil || !consumes(parsed)
}

// consumes reports whether every match has at least one character.
func consumes(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpCapture, syntax.OpPlus:
		return consumes(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min > 0 && consumes(re.Sub[0])
	case syntax.OpConcat:
		return slices.ContainsFunc(re.Sub, consumes)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !consumes(sub) })
	}
	return false
}

// emptyAt returns the empty match at an offset, which package regexp passes over
// right behind another match.
func (s *substitution) emptyAt(text string, offset int) ([]int, error) {
	re, err := regexp.Compile(fmt.Sprintf(`\A(?s:.{%d})(?:%s)`, utf8.RuneCountInString(text[:offset]), s.re.re))
	if err != nil {
		return nil, err
	}
	m := re.FindStringSubmatchIndex(text)
	if m == nil || m[1] != offset {
		return nil, nil
	}
	m[0] = offset
	return m, nil
}
