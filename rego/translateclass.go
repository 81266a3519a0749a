package rego

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape writes what stands behind a backslash outside of a class.
func (t *translator) escape() error {
	start := t.pos
	if start+1 >= len(t.in) {
		return t.fault(start, "backslash at the end")
	}
	switch c := t.in[start+1]; c {
	case 'A', 'Z', 'z', 'b', 'B':
		if c == 'Z' {
			c = 'z'
		}
		t.assert(`\` + string(rune(c)))
	case 'd', 'D', 'w', 'W', 's', 'S':
		t.emit(classEscape(c, false))
	case 'p', 'P': // RE2's own; Python has none
		text, err := t.property()
		if err != nil {
			return err
		}
		t.emit(text)
		return nil
	default:
		if c >= '1' && c <= '9' && !octal(t.in[start+1:], 3) {
			return t.fault(start, "back-reference, which is not supported")
		}
		r, err := t.character()
		if err != nil {
			return err
		}
		t.literal(r)
		return nil
	}
	t.pos += 2
	return nil
}

// classEscape writes one of \d \D \w \W \s \S. Inside of a class a negation has
// to be written as the ranges that are left.
func classEscape(c byte, inside bool) string {
	members := map[rune]string{'d': digits, 'w': word, 's': space}[unicode.ToLower(rune(c))]
	if c >= 'a' {
		if inside {
			return members
		}
		return "[" + members + "]"
	}
	if !inside {
		return "[^" + members + "]"
	}
	return complement(members)
}

// complement writes everything that is not a member, as ranges.
func complement(members string) string {
	re, err := syntax.Parse("[^"+members+"]", syntax.Perl)
	if err != nil {
		panic("rego: a class of our own does not parse: " + err.Error())
	}
	var b strings.Builder
	for i := 0; i+1 < len(re.Rune); i += 2 {
		fmt.Fprintf(&b, `\x{%x}-\x{%x}`, re.Rune[i], re.Rune[i+1])
	}
	return b.String()
}

// property reads \pN, \p{Greek} and their negations as they are.
func (t *translator) property() (string, error) {
	start := t.pos
	length := 3
	if strings.HasPrefix(t.in[start+2:], "{") {
		length = strings.IndexByte(t.rest(), '}') + 1
	}
	if length < 3 || start+length > len(t.in) || t.in[start+2] >= utf8.RuneSelf {
		return "", t.fault(start, "unterminated character property")
	}
	t.pos += length
	return t.in[start : start+length], nil
}

// character reads an escape that stands for one character.
func (t *translator) character() (rune, error) {
	start := t.pos
	c, size := utf8.DecodeRuneInString(t.in[start+1:])
	t.pos += 1 + size
	switch c {
	case 'x':
		return t.hex(start, 2)
	case 'u':
		return t.hex(start, 4)
	case 'U':
		return t.hex(start, 8)
	case 'a', 'f', 'n', 'r', 't', 'v':
		return map[rune]rune{'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}[c], nil
	case '0', '1', '2', '3', '4', '5', '6', '7':
		digits := t.in[start+1:]
		length := 1
		for length < 3 && octal(digits, length+1) {
			length++
		}
		n, _ := strconv.ParseUint(digits[:length], 8, 32)
		if n > 0o377 {
			return 0, t.fault(start, "octal escape over \\377")
		}
		t.pos = start + 1 + length
		return rune(n), nil
	}
	if c < utf8.RuneSelf && (c >= '0' && c <= '9' || unicode.IsLetter(c)) {
		return 0, t.fault(start, "bad escape \\%c", c)
	}
	return c, nil
}

// octal tells whether a text begins with n octal digits.
func octal(s string, n int) bool {
	return len(s) >= n && strings.Trim(s[:n], "01234567") == ""
}

// hex reads exactly n hexadecimal digits.
func (t *translator) hex(start, n int) (rune, error) {
	if t.pos+n <= len(t.in) {
		v, err := strconv.ParseUint(t.in[t.pos:t.pos+n], 16, 32)
		if err == nil && utf8.ValidRune(rune(v)) && v <= unicode.MaxRune {
			t.pos += n
			return rune(v), nil
		}
	}
	return 0, t.fault(start, "incomplete or invalid escape")
}

// class writes a class of characters, with every member spelled out.
func (t *translator) class() error {
	start := t.pos
	t.pos++
	var members strings.Builder
	negated := strings.HasPrefix(t.rest(), "^")
	if negated {
		t.pos++
	}
	dots := false
	for first := true; ; first = false {
		if t.pos >= len(t.in) {
			return t.fault(start, "missing ], unterminated class")
		}
		if t.in[t.pos] == ']' && !first {
			t.pos++
			break
		}
		low, high, set, err := t.member()
		if err != nil {
			return err
		}
		if set != "" {
			members.WriteString(set)
			continue
		}
		members.WriteString(quoted(low))
		if high != low {
			members.WriteString("-" + quoted(high))
		}
		for _, i := range dotless {
			dots = dots || low <= i && i <= high
		}
	}
	if dots && t.flags.ignoreCase {
		members.WriteString(dotless)
	}
	if negated {
		t.emit("[^" + members.String() + "]")
	} else {
		t.emit("[" + members.String() + "]")
	}
	return nil
}

// member reads one member of a class: a set such as \d, a character, or a range.
func (t *translator) member() (low, high rune, set string, err error) {
	start := t.pos
	low, set, err = t.end()
	if err != nil || set != "" && !strings.HasPrefix(t.rest(), "-") {
		return 0, 0, set, err
	}
	rest := t.rest()
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return low, low, set, nil
	}
	t.pos++
	high, other, err := t.end()
	switch {
	case err != nil:
		return 0, 0, "", err
	case set != "" || other != "":
		return 0, 0, "", t.fault(start, "bad character range")
	case high < low:
		return 0, 0, "", t.fault(start, "bad character range %c-%c", low, high)
	}
	return low, high, "", nil
}

// end reads one end of a range.
func (t *translator) end() (c rune, set string, err error) {
	rest := t.rest()
	for _, posix := range []string{"[:", "[.", "[="} {
		if strings.HasPrefix(rest, posix) {
			if end := strings.Index(rest, string(posix[1])+"]"); end > 0 {
				return 0, "", t.fault(t.pos, "POSIX class, which Python reads as a plain set: write the characters out")
			}
		}
	}
	if rest == "" {
		return 0, "", t.fault(t.pos, "missing ], unterminated class")
	}
	if rest[0] != '\\' {
		c, size := utf8.DecodeRuneInString(rest)
		t.pos += size
		return c, "", nil
	}
	if len(rest) < 2 {
		return 0, "", t.fault(t.pos, "backslash at the end")
	}
	switch e := rest[1]; e {
	case 'd', 'D', 'w', 'W', 's', 'S':
		t.pos += 2
		return 0, classEscape(e, true), nil
	case 'p', 'P':
		set, err := t.property()
		return 0, set, err
	case 'b':
		t.pos += 2
		return '\b', "", nil
	}
	c, err = t.character()
	return c, "", err
}
