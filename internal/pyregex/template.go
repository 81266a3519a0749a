package pyregex

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Template is what matches are replaced by.
type Template struct {
	parts  []part
	groups int // the highest group in it
}

// part is a text, and then a group if it is not negative.
type part struct {
	text  string
	group int
}

// ParseTemplate reads a template of re.sub: \1 to \99, \g<1>, \g<name>, \0 and
// three octal digits for a character, \a \b \f \n \r \t \v and \\. Other escapes of
// letters are errors, all others mean both of their characters, and $ means itself.
// It can have 64 KiB.
func (p *Pattern) ParseTemplate(text string) (*Template, error) {
	if len(text) > maxTemplate {
		return nil, &Error{
			Class: BadTemplate, Offset: -1,
			Reason: fmt.Sprintf("%d octets, at most %d are allowed", len(text), maxTemplate),
		}
	}
	t := &templateParser{pattern: p, in: text, template: &Template{}}
	for {
		literal, rest, found := strings.Cut(t.in, `\`)
		t.out.WriteString(literal)
		if !found {
			break
		}
		t.in, t.at = rest, len(text)-len(rest)-1
		if err := t.escape(); err != nil {
			err.Offset = utf8.RuneCountInString(text[:t.at])
			return nil, err
		}
	}
	t.template.parts = append(t.template.parts, part{t.out.String(), -1})
	return t.template, nil
}

// templateParser reads a template.
type templateParser struct {
	pattern  *Pattern
	in       string // what is not yet read
	at       int    // of the backslash of the escape that is being read
	out      strings.Builder
	template *Template
}

func badTemplate(format string, args ...any) *Error {
	return &Error{Class: BadTemplate, Reason: fmt.Sprintf(format, args...)}
}

// while reads up to limit digits.
func (t *templateParser) while(chars string, limit int) string {
	n := 0
	for n < min(limit, len(t.in)) && strings.IndexByte(chars, t.in[n]) >= 0 {
		n++
	}
	digits := t.in[:n]
	t.in = t.in[n:]
	return digits
}

// escape reads what is behind a backslash.
func (t *templateParser) escape() *Error {
	if t.in == "" {
		return badTemplate("backslash at the end")
	}
	all := t.in
	switch c := t.in[0]; {
	case c == 'g':
		return t.name()
	case c == '0':
		return t.octal(t.while(octal, 3))
	case c >= '1' && c <= '9':
		if digits := t.while(octal, 3); len(digits) == 3 {
			return t.octal(digits)
		}
		t.in = all
		group, _ := strconv.Atoi(t.while(decimal, 2))
		return t.group(group)
	case c == 'b':
		t.out.WriteByte('\b')
	case c == '\\':
		t.out.WriteByte('\\')
	default:
		if r, ok := simpleEscape(rune(c)); ok {
			t.out.WriteRune(r)
			break
		}
		if isASCIIAlnum(rune(c)) {
			return badTemplate(`bad escape \%c`, c)
		}
		t.out.WriteByte('\\')
		return nil // and the character, which is read as any other
	}
	t.in = t.in[1:]
	return nil
}

func (t *templateParser) octal(digits string) *Error {
	n, err := strconv.ParseUint(digits, 8, 8)
	if err != nil {
		return badTemplate(`octal escape \%s over \377`, digits)
	}
	t.out.WriteRune(rune(n))
	return nil
}

// name reads \g<number> and \g<name>.
func (t *templateParser) name() *Error {
	name, rest, closed := strings.Cut(t.in[1:], ">")
	if !strings.HasPrefix(name, "<") || !closed {
		return badTemplate(`\g without <…>`)
	}
	name, t.in = name[1:], rest
	if name != "" && strings.Trim(name, decimal) == "" {
		group, err := strconv.Atoi(name)
		if err != nil {
			return badTemplate("group %s, which there is not", name)
		}
		return t.group(group)
	}
	if !isIdentifier(name) {
		return badTemplate("bad group name %q", name)
	}
	group, known := t.pattern.names[name]
	if !known {
		return badTemplate("unknown group name %q", name)
	}
	return t.group(group)
}

// group ends a part with a group.
func (t *templateParser) group(n int) *Error {
	if n > t.pattern.groups {
		return badTemplate("group %d, which there is not", n)
	}
	t.template.groups = max(t.template.groups, n)
	t.template.parts = append(t.template.parts, part{t.out.String(), n})
	t.out.Reset()
	return nil
}

// expand writes the template for a match.
func (t *Template) expand(out *result, value string, m []int) {
	for _, p := range t.parts {
		out.add(p.text)
		if p.group >= 0 && m[2*p.group] >= 0 {
			out.add(value[m[2*p.group]:m[2*p.group+1]])
		}
	}
}
