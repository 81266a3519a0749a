package pyregex

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// flags are the inline flags in force at a place of a pattern.
type flags struct{ ignoreCase, multiLine, dotAll, verbose, ascii bool }

// parser reads a pattern by the grammar of Python's re, in which a backslash and
// the character behind it are one token everywhere, even in comments.
type parser struct {
	in    []rune
	pos   int
	flags flags
	// kinds are the flags a and u that were set for the whole pattern.
	kinds string
	// groups are the captures by number, nil while they are open; number 0 is
	// never read.
	groups []*node
	names  map[string]int
	// behind is the number of groups there were at the outermost look-behind
	// around this place, which may not refer to its own; 0 outside of any.
	behind int
	// conditions are the groups that conditions ask for by number, which may come
	// later, and where they are asked for.
	conditions map[int]int
}

// parsed is a pattern as a tree.
type parsed struct {
	root   *node
	groups []*node // by number, from 1
	names  map[string]int
}

func parse(pattern string) (*parsed, error) {
	if !utf8.ValidString(pattern) {
		return nil, &Error{Class: BadPattern, Reason: "invalid UTF-8", Offset: -1}
	}
	p := &parser{in: []rune(pattern), groups: []*node{nil}, names: map[string]int{}, conditions: map[int]int{}}
	root, err := p.alternatives(true)
	if err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, p.fault(p.pos, "unbalanced parenthesis")
	}
	for group, at := range p.conditions {
		if group >= len(p.groups) {
			return nil, p.fault(at, "condition on group %d, which there is not", group)
		}
	}
	return &parsed{root: root, groups: p.groups, names: p.names}, nil
}

func (p *parser) fault(at int, format string, args ...any) error {
	return &Error{Class: BadPattern, Reason: fmt.Sprintf(format, args...), Offset: at}
}

func (p *parser) done() bool { return p.pos >= len(p.in) }

// peek tells whether a character, not escaped, is next.
func (p *parser) peek(c rune) bool { return !p.done() && p.in[p.pos] == c }

// peekAny tells whether one of some characters, not escaped, is next.
func (p *parser) peekAny(chars string) bool {
	return !p.done() && strings.ContainsRune(chars, p.in[p.pos])
}

// accept reads a character if it is next.
func (p *parser) accept(c rune) bool {
	if p.peek(c) {
		p.pos++
		return true
	}
	return false
}

// next reads a character; behind a backslash it is escaped. It says false at the
// end, and what is wrong with a backslash there.
func (p *parser) next() (c rune, escaped, ok bool, err error) {
	if p.done() {
		return 0, false, false, nil
	}
	c = p.in[p.pos]
	p.pos++
	if c != '\\' {
		return c, false, true, nil
	}
	if p.done() {
		return 0, false, false, p.fault(p.pos-1, "backslash at the end")
	}
	p.pos++
	return p.in[p.pos-1], true, true, nil
}

// while reads up to limit characters out of some.
func (p *parser) while(chars string, limit int) string {
	start := p.pos
	for p.pos-start < limit && p.peekAny(chars) {
		p.pos++
	}
	return string(p.in[start:p.pos])
}

const (
	decimal = "0123456789"
	octal   = "01234567"
	hex     = "0123456789abcdefABCDEF"
)

// alternatives reads a|b|c. top says that no group is around.
func (p *parser) alternatives(top bool) (*node, error) {
	n := &node{op: opAlternate, at: p.pos}
	for {
		sub, err := p.sequence(top && len(n.subs) == 0)
		if err != nil {
			return nil, err
		}
		n.subs = append(n.subs, sub)
		if !p.accept('|') {
			break
		}
	}
	if len(n.subs) == 1 {
		return n.subs[0], nil
	}
	return n, nil
}

// sequence reads up to | or ). first says that flags for the whole pattern may be
// at its beginning.
func (p *parser) sequence(first bool) (*node, error) {
	n := &node{op: opConcat, at: p.pos}
	for !p.done() && !p.peekAny("|)") {
		if p.flags.verbose {
			skipped, err := p.blank()
			if err != nil {
				return nil, err
			}
			if skipped {
				continue
			}
		}
		if p.peekAny("*+?{") {
			if err := p.quantifier(n); err != nil {
				return nil, err
			}
			continue
		}
		sub, err := p.item(first && len(n.subs) == 0)
		if err != nil {
			return nil, err
		}
		if sub != nil {
			n.subs = append(n.subs, sub)
		}
	}
	return n, nil
}

// blank reads a space or a comment of flag x.
func (p *parser) blank() (bool, error) {
	if p.peekAny(" \t\n\r\v\f") {
		p.pos++
		return true, nil
	}
	if !p.accept('#') {
		return false, nil
	}
	for {
		c, escaped, ok, err := p.next()
		if err != nil || !ok || c == '\n' && !escaped {
			return true, err
		}
	}
}

// item reads what can be repeated or joined; nil for what matches nothing and is
// nothing, such as a comment.
func (p *parser) item(first bool) (*node, error) {
	start := p.pos
	switch c := p.in[p.pos]; c {
	case '\\':
		return p.escape()
	case '[':
		return p.class()
	case '(':
		return p.group(first)
	case '.':
		p.pos++
		chars := charset{set: set{{'\n', '\n'}}, negated: true}
		if p.flags.dotAll {
			chars = charset{negated: true}
		}
		return &node{op: opChar, at: start, chars: chars}, nil
	case '^':
		p.pos++
		return p.assertion(start, textBegin, lineBegin, p.flags.multiLine), nil
	case '$':
		p.pos++
		return p.assertion(start, dollar, lineEnd, p.flags.multiLine), nil
	default:
		p.pos++
		return p.literal(start, c), nil
	}
}

// assertion returns one of two assertions, as a flag has it.
func (p *parser) assertion(at int, without, with assertion, flag bool) *node {
	n := &node{op: opAssert, at: at, assert: without}
	if flag {
		n.assert = with
	}
	return n
}

// literal returns a character that means itself, or its other cases.
func (p *parser) literal(at int, c rune) *node {
	return p.chars(at, charset{set: set{{c, c}}})
}

// chars returns a node for characters, of all cases under flag i.
func (p *parser) chars(at int, c charset) *node {
	if p.flags.ignoreCase {
		c.set = c.folded(p.flags.ascii)
	}
	return &node{op: opChar, at: at, chars: c}
}

// quantifier reads *, +, ?, {m}, {m,}, {,n} and {m,n}, with ? for the least or +
// for no way back, and repeats the last node of a sequence. A brace that counts
// nothing means itself.
func (p *parser) quantifier(n *node) error {
	start := p.pos
	low, high, err := p.counts()
	if err != nil {
		return err
	}
	if p.pos == start { // a brace
		p.pos++
		n.subs = append(n.subs, p.literal(start, '{'))
		return nil
	}
	if len(n.subs) == 0 || n.subs[len(n.subs)-1].op == opAssert {
		return p.fault(start, "nothing to repeat")
	}
	last := &n.subs[len(n.subs)-1]
	if (*last).op == opRepeat {
		return p.fault(start, "multiple repeat")
	}
	repeat := &node{op: opRepeat, at: start, subs: []*node{*last}, min: low, max: high}
	if repeat.lazy = p.accept('?'); !repeat.lazy {
		repeat.possessive = p.accept('+')
	}
	*last = repeat
	return nil
}

// counts reads how often something is repeated. It reads nothing where a brace
// means itself.
func (p *parser) counts() (low, high int, err error) {
	start := p.pos
	p.pos++
	switch p.in[start] {
	case '*':
		return 0, unlimited, nil
	case '+':
		return 1, unlimited, nil
	case '?':
		return 0, 1, nil
	}
	if p.peek('}') {
		p.pos = start
		return 0, 0, nil
	}
	from := p.while(decimal, len(p.in))
	to := from
	if p.accept(',') {
		to = p.while(decimal, len(p.in))
	}
	if !p.accept('}') {
		p.pos = start
		return 0, 0, nil
	}
	high = unlimited
	for _, bound := range []struct {
		text string
		n    *int
	}{{from, &low}, {to, &high}} {
		if bound.text == "" {
			continue
		}
		n, err := strconv.ParseInt(bound.text, 10, 32)
		if err != nil || n == unlimited {
			return 0, 0, p.fault(start, "repetition number too large")
		}
		*bound.n = int(n)
	}
	if high < low {
		return 0, 0, p.fault(start, "the least is greater than the most")
	}
	return low, high, nil
}
