package scoped

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNesting is how deep lists and maps of an import may be nested; policies need
// four levels.
const maxNesting = 16

// object is a map that keeps its order. A later duplicate of a key is another
// member; who reads it decides.
type object []objectMember

type objectMember struct {
	key   string
	value any
}

// parseLiteral reads a literal of Python, or of JSON where its words differ: nil,
// bool, int64, float64, string, []any (also for tuples) or object. All of the
// text has to be one literal.
func parseLiteral(text string) (any, error) {
	l := &literal{text: text}
	v, err := l.value(0)
	if err != nil {
		return nil, err
	}
	l.blanks()
	if l.pos < len(text) {
		return nil, l.fault("%.20q behind the value", text[l.pos:])
	}
	return v, nil
}

// literal is the reading of one text.
type literal struct {
	text string
	pos  int
}

func (l *literal) fault(format string, args ...any) error {
	return failf(ErrInvalid, "at offset %d: "+format, append([]any{l.pos}, args...)...)
}

func (l *literal) blanks() {
	for l.pos < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.pos]) >= 0 {
		l.pos++
	}
}

// take moves over one of the given characters, behind blanks, and returns it; 0
// if there is none of them.
func (l *literal) take(set string) byte {
	l.blanks()
	if l.pos < len(l.text) && strings.IndexByte(set, l.text[l.pos]) >= 0 {
		l.pos++
		return l.text[l.pos-1]
	}
	return 0
}

func (l *literal) value(depth int) (any, error) {
	if depth > maxNesting {
		return nil, l.fault("nested more than %d levels deep", maxNesting)
	}
	switch l.take("[({") {
	case '[':
		return l.list(']', depth)
	case '(':
		return l.list(')', depth)
	case '{':
		return l.object(depth)
	}
	start := l.pos
	for l.pos < len(l.text) && strings.IndexByte("'\" \t\r\n,:]})", l.text[l.pos]) < 0 {
		l.pos++
	}
	word := l.text[start:l.pos]
	if l.pos < len(l.text) && (l.text[l.pos] == '\'' || l.text[l.pos] == '"') {
		return l.quoted(word)
	}
	switch word {
	case "None", "null":
		return nil, nil
	case "True", "true":
		return true, nil
	case "False", "false":
		return false, nil
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && strings.ContainsAny(word, "0123456789") {
		return f, nil
	}
	l.pos = start
	return nil, l.fault("%.20q is no value: put text in quotes", l.text[start:])
}

func (l *literal) list(end byte, depth int) (any, error) {
	list := []any{}
	for l.take(string(end)) == 0 {
		v, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if l.take(",") == 0 {
			if l.take(string(end)) == 0 {
				return nil, l.fault("a comma or %q is missing", end)
			}
			break
		}
	}
	return list, nil
}

func (l *literal) object(depth int) (any, error) {
	o := object{}
	for l.take("}") == 0 {
		key, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, l.fault("a key is no text")
		}
		if l.take(":") == 0 {
			return nil, l.fault("a colon is missing")
		}
		v, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o = append(o, objectMember{name, v})
		if l.take(",") == 0 {
			if l.take("}") == 0 {
				return nil, l.fault("a comma or '}' is missing")
			}
			break
		}
	}
	return o, nil
}

// quoted reads a text in quotes. The prefixes u (exports of Python 2) and r (raw)
// are known.
func (l *literal) quoted(prefix string) (any, error) {
	raw := false
	switch strings.ToLower(prefix) {
	case "", "u":
	case "r", "ur":
		raw = true
	default:
		return nil, l.fault("%.20q before a quote", prefix)
	}
	quote := l.text[l.pos]
	l.pos++
	var b strings.Builder
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		l.pos++
		switch {
		case c == quote:
			return b.String(), nil
		case c == '\\' && raw && l.pos < len(l.text):
			b.WriteByte(c)
			b.WriteByte(l.text[l.pos])
			l.pos++
		case c == '\\':
			if err := l.escape(&b); err != nil {
				return nil, err
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil, l.fault("the closing quote is missing")
}

// escape reads what follows a backslash. One that escapes nothing stays.
func (l *literal) escape(b *strings.Builder) error {
	if l.pos >= len(l.text) {
		return l.fault("the closing quote is missing")
	}
	c := l.text[l.pos]
	l.pos++
	switch c {
	case '\n':
	case '\\', '\'', '"':
		b.WriteByte(c)
	case 'x':
		return l.hex(b, 2)
	case 'u':
		return l.hex(b, 4)
	case 'U':
		return l.hex(b, 8)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n := rune(c - '0')
		for i := 0; i < 2 && l.pos < len(l.text) && l.text[l.pos] >= '0' && l.text[l.pos] <= '7'; i++ {
			n = n*8 + rune(l.text[l.pos]-'0')
			l.pos++
		}
		b.WriteRune(n)
	default:
		if i := strings.IndexByte("abfnrtv", c); i >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v"[i])
			return nil
		}
		b.WriteByte('\\')
		b.WriteByte(c)
	}
	return nil
}

func (l *literal) hex(b *strings.Builder, digits int) error {
	if l.pos+digits > len(l.text) {
		return l.fault("an escape is cut off")
	}
	n, err := strconv.ParseUint(l.text[l.pos:l.pos+digits], 16, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return l.fault("%q is no character", l.text[l.pos:l.pos+digits])
	}
	l.pos += digits
	b.WriteRune(rune(n))
	return nil
}
