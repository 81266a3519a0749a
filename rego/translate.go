package rego

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Python's Unicode classes, as the inside of a class of RE2.
const (
	digits = `\p{Nd}`
	word   = `\p{L}\p{N}_`
	space  = `\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	// dotless are the letters that Python takes for an i without case, and RE2
	// does not.
	dotless = `iIİı`
)

// flags are the inline flags in force at a place of a pattern. The flag s needs
// no translation and is handed on.
type flags struct{ ignoreCase, multiLine bool }

// translator rewrites a pattern from the syntax of Python's re into that of RE2
// with the same meaning. What RE2 cannot do is an error that names it.
type translator struct {
	in    string
	pos   int
	out   strings.Builder
	flags flags
	outer []flags // those of the groups around this place
	// head is where the flags at the beginning of the pattern end.
	head int
	// repeatable: the last thing can be repeated; quantified: it already is.
	repeatable, quantified bool
}

// patternError is a fault at an offset of a pattern.
type patternError struct {
	offset int
	what   string
}

// Error implements error.
func (e *patternError) Error() string { return fmt.Sprintf("%s at offset %d", e.what, e.offset) }

func translate(pattern string) (string, error) {
	if !utf8.ValidString(pattern) {
		return "", &patternError{0, "invalid UTF-8"}
	}
	t := &translator{in: pattern}
	for t.pos < len(t.in) {
		if err := t.next(); err != nil {
			return "", err
		}
		if t.out.Len() > maxTranslated {
			return "", &patternError{t.pos, "too many negated classes"}
		}
	}
	if len(t.outer) > 0 {
		return "", &patternError{len(t.in), "missing ), unterminated group"}
	}
	return t.out.String(), nil
}

func (t *translator) fault(at int, format string, args ...any) error {
	return &patternError{at, fmt.Sprintf(format, args...)}
}

func (t *translator) rest() string { return t.in[t.pos:] }

// emit writes something that can be repeated.
func (t *translator) emit(s string) {
	t.out.WriteString(s)
	t.repeatable, t.quantified = true, false
}

// assert writes an assertion, which cannot be repeated.
func (t *translator) assert(s string) {
	t.out.WriteString(s)
	t.repeatable, t.quantified = false, false
}

func (t *translator) next() error {
	c, size := utf8.DecodeRuneInString(t.rest())
	switch c {
	case '\\':
		return t.escape()
	case '[':
		return t.class()
	case '(':
		return t.open()
	case ')':
		if len(t.outer) == 0 {
			return t.fault(t.pos, "unbalanced )")
		}
		t.flags, t.outer = t.outer[len(t.outer)-1], t.outer[:len(t.outer)-1]
		t.emit(")")
	case '|':
		t.assert("|")
	case '^':
		t.assert("^")
	case '$':
		if t.flags.multiLine {
			t.assert("$")
		} else {
			t.assert(`(?:\n?\z)`) // also before a final newline
		}
	case '*', '+', '?', '{':
		return t.quantifier()
	case '.':
		t.emit(".")
	default:
		t.literal(c)
	}
	t.pos += size
	return nil
}

// literal writes a character that means itself.
func (t *translator) literal(c rune) {
	if t.flags.ignoreCase && strings.ContainsRune(dotless, c) {
		t.emit("[" + dotless + "]")
		return
	}
	t.emit(quoted(c))
}

// quoted writes a character so that it means itself in and outside of classes.
func quoted(c rune) string {
	if c < utf8.RuneSelf && !isWordByte(byte(c)) {
		return fmt.Sprintf(`\x{%x}`, c)
	}
	return string(c)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// quantifier writes *, +, ?, {m}, {m,}, {,n} and {m,n} with an optional ? for
// the least. A brace that counts nothing means itself.
func (t *translator) quantifier() error {
	start := t.pos
	text := t.in[start : start+1]
	if text == "{" {
		length, low, high, ok := counted(t.rest())
		if !ok {
			t.literal('{')
			t.pos++
			return nil
		}
		if low == "" {
			low = "0"
		}
		if n, err := strconv.Atoi(low); err != nil || n > 1000 {
			return t.fault(start, "repetition of more than 1000 times")
		}
		if n, err := strconv.Atoi(high); high != "" && (err != nil || n > 1000) {
			return t.fault(start, "repetition of more than 1000 times")
		}
		text = "{" + low + "," + high + "}"
		if !strings.Contains(t.in[start:start+length], ",") {
			text = "{" + low + "}"
		}
		t.pos += length
	} else {
		t.pos++
	}
	switch {
	case t.quantified && t.in[start] == '+':
		return t.fault(start, "possessive quantifier, which is not supported")
	case t.quantified:
		return t.fault(start, "multiple repeat")
	case !t.repeatable:
		return t.fault(start, "nothing to repeat")
	}
	if strings.HasPrefix(t.rest(), "?") {
		text += "?"
		t.pos++
	}
	t.out.WriteString(text)
	t.quantified = true
	return nil
}

// counted reads {m}, {m,}, {,n} or {m,n} at the beginning of a text.
func counted(s string) (length int, low, high string, ok bool) {
	end := strings.IndexByte(s, '}')
	if end <= 1 {
		return 0, "", "", false
	}
	low, high, _ = strings.Cut(s[1:end], ",")
	if strings.Trim(low, "0123456789") != "" || strings.Trim(high, "0123456789") != "" {
		return 0, "", "", false
	}
	return end + 1, low, high, true
}
