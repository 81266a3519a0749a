package pyregex

import (
	"strconv"
	"strings"
	"unicode"
)

// escape reads what begins with a backslash outside of a class.
func (p *parser) escape() (*node, error) {
	start := p.pos
	c, _, _, err := p.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case 'A':
		return p.assertion(start, textBegin, textBegin, false), nil
	case 'Z':
		return p.assertion(start, textEnd, textEnd, false), nil
	case 'b':
		return p.assertion(start, boundary, asciiBoundary, p.flags.ascii), nil
	case 'B':
		return p.assertion(start, noBoundary, noASCIIBoundary, p.flags.ascii), nil
	case 'd', 'D', 'w', 'W', 's', 'S':
		n := &node{op: opChar, at: start}
		if n.chars.add(byte(c|0x20), p.flags.ascii); c&0x20 == 0 {
			n.chars.negated = true
		}
		return n, nil
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.numbered(start)
	}
	r, err := p.character(start, c)
	if err != nil {
		return nil, err
	}
	return p.literal(start, r), nil
}

// numbered reads \1 to \99, or an octal escape of three digits.
func (p *parser) numbered(start int) (*node, error) {
	p.pos = start + 1
	if digits := p.while(octal, 3); len(digits) == 3 {
		r, err := p.octal(start, digits)
		if err != nil {
			return nil, err
		}
		return p.literal(start, r), nil
	}
	p.pos = start + 1
	group, _ := strconv.Atoi(p.while(decimal, 2))
	return p.reference(start, group)
}

// reference returns a node for the text of a group again.
func (p *parser) reference(start, group int) (*node, error) {
	if group >= len(p.groups) {
		return nil, p.fault(start, "reference to group %d, which there is not", group)
	}
	if p.groups[group] == nil {
		return nil, p.fault(start, "reference to an open group")
	}
	if err := p.fromBehind(start, group); err != nil {
		return nil, err
	}
	return &node{op: opBackref, at: start, group: group, fold: p.flags.ignoreCase}, nil
}

// fromBehind refuses a reference in a look-behind to a group that is open or in
// the same look-behind.
func (p *parser) fromBehind(start, group int) error {
	switch {
	case p.behind == 0:
		return nil
	case group < len(p.groups) && p.groups[group] == nil:
		return p.fault(start, "reference to an open group")
	case group >= p.behind:
		return p.fault(start, "reference to a group in the same look-behind")
	}
	return nil
}

// character reads the rest of an escape that stands for one character; c is what
// is behind the backslash at start.
func (p *parser) character(start int, c rune) (rune, error) {
	switch c {
	case 'x':
		return p.hex(start, 2)
	case 'u':
		return p.hex(start, 4)
	case 'U':
		return p.hex(start, 8)
	case 'N':
		return 0, &Error{
			Class: BadPattern, Offset: start, Construct: `\N{…}`,
			Reason: `named character \N`, Hint: `write it as it is, or as \uXXXX`,
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		p.pos = start + 1
		return p.octal(start, p.while(octal, 3))
	}
	if r, ok := simpleEscape(c); ok {
		return r, nil
	}
	if isASCIIAlnum(c) {
		return 0, p.badEscape(start, c)
	}
	return c, nil
}

// simpleEscape returns what \a, \f, \n, \r, \t and \v are.
func simpleEscape(c rune) (rune, bool) {
	i := strings.IndexRune("afnrtv", c)
	if i < 0 {
		return 0, false
	}
	return rune("\a\f\n\r\t\v"[i]), true
}

func isASCIIAlnum(c rune) bool {
	return c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

func (p *parser) badEscape(start int, c rune) error {
	hint := ""
	switch c {
	case 'z':
		hint = `write \Z`
	case 'p', 'P':
		hint = `there are \w, \d and \s, which know all scripts`
	}
	return &Error{Class: BadPattern, Offset: start, Reason: `bad escape \` + string(c), Hint: hint}
}

func (p *parser) octal(start int, digits string) (rune, error) {
	n, err := strconv.ParseUint(digits, 8, 8)
	if err != nil {
		return 0, p.fault(start, `octal escape \%s over \377`, digits)
	}
	return rune(n), nil
}

// hex reads n hexadecimal digits.
func (p *parser) hex(start, n int) (rune, error) {
	digits := p.while(hex, n)
	v, err := strconv.ParseUint(digits, 16, 32)
	if len(digits) != n || err != nil || v > unicode.MaxRune {
		return 0, p.fault(start, "incomplete or invalid escape")
	}
	return rune(v), nil
}
