package pyregex

import (
	"regexp"
	"strings"
)

// posix is what in a class looks like [:alpha:].
var posix = regexp.MustCompile(`^\[:\^?[a-z]+:\]`)

// class reads a class such as [^a-z\d].
func (p *parser) class() (*node, error) {
	start := p.pos
	p.pos++
	c := charset{negated: p.accept('^')}
	for first := true; first || !p.accept(']'); first = false {
		if posix.MatchString(string(p.in[p.pos:min(len(p.in), p.pos+12)])) {
			return nil, &Error{
				Class: BadPattern, Construct: "POSIX class", Offset: p.pos,
				Reason: "POSIX class, which Python reads as a plain set",
				Hint:   `write the characters out, or use \w, \d or \s`,
			}
		}
		at := p.pos
		low, category, err := p.member(start)
		if err != nil {
			return nil, err
		}
		if !p.peek('-') || p.pos+1 < len(p.in) && p.in[p.pos+1] == ']' {
			p.put(&c, low, low, category)
			continue
		}
		p.pos++
		high, other, err := p.member(start)
		switch {
		case err != nil:
			return nil, err
		case category != 0 || other != 0 || high < low:
			return nil, p.fault(at, "bad character range")
		}
		p.put(&c, low, high, 0)
	}
	if p.flags.ignoreCase {
		c.set = c.folded(p.flags.ascii)
	}
	return &node{op: opChar, at: start, chars: c}, nil
}

// put adds a range or a category to a class.
func (p *parser) put(c *charset, low, high rune, category byte) {
	if category != 0 {
		c.add(category, p.flags.ascii)
		return
	}
	c.set = append(c.set, span{low, high})
}

// member reads a character of a class that begins at start, or one of \d \D \w
// \W \s \S.
func (p *parser) member(start int) (c rune, category byte, err error) {
	at := p.pos
	c, escaped, ok, err := p.next()
	switch {
	case err != nil:
		return 0, 0, err
	case !ok:
		return 0, 0, p.fault(start, "unterminated character set")
	case !escaped:
		return c, 0, nil
	case c == 'b':
		return '\b', 0, nil
	case c < 0x80 && strings.ContainsRune("dDwWsS", c):
		return 0, byte(c), nil
	}
	c, err = p.character(at, c)
	return c, 0, err
}
