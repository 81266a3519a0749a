package scoped

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape translates what stands behind a backslash.
func (t *translator) escape(inClass bool) error {
	if t.at+1 >= len(t.in) {
		return t.fault("nothing stands behind the backslash")
	}
	c, size := utf8.DecodeRuneInString(t.in[t.at+1:])
	n := 1 + size
	switch c {
	case 'w', 's', 'd', 'W', 'S', 'D':
		t.emit(classEscape(c, inClass), n, true)
	case 'a', 'f', 'n', 'r', 't', 'v':
		t.emit(t.in[t.at:t.at+n], n, true)
	case 'x', 'u', 'U':
		return t.hex(map[rune]int{'x': 2, 'u': 4, 'U': 8}[c])
	case 'A', 'b', 'B', 'Z', 'z':
		if inClass {
			if c == 'b' {
				t.emit(`\x08`, n, true)
				return nil
			}
			return t.fault("%q is not known in a class", `\`+string(c))
		}
		return t.assertion(c, n)
	case 'p', 'P':
		if t.compat {
			return t.fault("%q is not known", `\`+string(c))
		}
		return t.property(n)
	case '0':
		return t.fault("an octal number: write \\x and two digits")
	default:
		if c < utf8.RuneSelf && (c >= '1' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return t.fault("%q is not known or not supported", `\`+string(c))
		}
		t.emit(fmt.Sprintf(`\x{%x}`, c), n, true)
	}
	return nil
}

// classEscape spells \w, \s, \d and their opposites for all of Unicode.
func classEscape(c rune, inClass bool) string {
	inner := map[rune]string{'w': wordClass, 's': spaceClass, 'd': `\p{Nd}`, 'D': `\P{Nd}`}[c]
	switch {
	case c == 'W' && inClass:
		return complement(`[^` + wordClass + `]`)
	case c == 'S' && inClass:
		return complement(`[^` + spaceClass + `]`)
	case c == 'W':
		return `[^` + wordClass + `]`
	case c == 'S':
		return `[^` + spaceClass + `]`
	case inClass:
		return inner
	}
	return `[` + inner + `]`
}

// assertion translates \A, \b, \B, \Z and \z.
func (t *translator) assertion(c rune, n int) error {
	text := `\` + string(c)
	switch c {
	case 'Z':
		text = `\z`
	case 'z':
		if t.compat {
			return t.fault(`"\\z" is not known: write \Z`)
		}
	case 'b', 'B':
		t.boundary = true
	}
	t.emit(text, n, false)
	return nil
}

// hex reads \x, \u and \U with their digits.
func (t *translator) hex(size int) error {
	start := t.at + 2
	if start+size > len(t.in) {
		return t.fault("%d hexadecimal digits are due", size)
	}
	code, err := strconv.ParseUint(t.in[start:start+size], 16, 32)
	if err != nil || code > utf8.MaxRune {
		return t.fault("%d hexadecimal digits of a character are due", size)
	}
	t.emit(fmt.Sprintf(`\x{%x}`, code), 2+size, true)
	return nil
}

// property takes \pL and \p{Greek} as they are.
func (t *translator) property(n int) error {
	rest := t.in[t.at+n:]
	size := 1
	if strings.HasPrefix(rest, "{") {
		size = strings.IndexByte(rest, '}') + 1
	}
	if size == 0 || size > len(rest) {
		return t.fault("the name of a property is due")
	}
	t.emit(t.in[t.at:t.at+n+size], n+size, true)
	return nil
}

// class reads a [class].
func (t *translator) class() error {
	start := t.at
	t.emit("[", 1, true)
	if strings.HasPrefix(t.in[t.at:], "^") {
		t.emit("^", 1, true)
	}
	for first := true; ; first = false {
		if t.at >= len(t.in) {
			t.at = start
			return t.fault("missing closing ]")
		}
		switch c := t.in[t.at]; {
		case c == ']' && !first:
			t.emit("]", 1, true)
			return nil
		case c == '[' && !t.compat && strings.HasPrefix(t.in[t.at:], "[:"):
			return t.fault(`"[:" is not supported: write \p{L}, \d or the letters themselves`)
		case c == '\\':
			set := t.at+1 < len(t.in) && strings.IndexByte("wsdWSDpP", t.in[t.at+1]) >= 0
			if err := t.escape(true); err != nil {
				return err
			}
			rest := t.in[t.at:]
			if set && strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "-]") {
				return t.fault("a range cannot begin with a class")
			}
		default:
			r, n := utf8.DecodeRuneInString(t.in[t.at:])
			text := string(r)
			if c == '[' || c == ']' || c == '^' || c == '&' || c == '~' {
				text = `\` + text
			}
			t.emit(text, n, true)
		}
	}
}
