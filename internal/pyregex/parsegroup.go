package pyregex

import (
	"strconv"
	"strings"
	"unicode"
)

// group reads what begins with a parenthesis. A comment and flags for the whole
// pattern, which may be at its beginning only, are no node.
func (p *parser) group(first bool) (*node, error) {
	start := p.pos
	p.pos++
	if !p.accept('?') {
		return p.capture(start, "")
	}
	c, escaped, ok, err := p.next()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, p.fault(start, "unexpected end of pattern")
	case escaped:
		return nil, p.fault(start, `unknown extension ?\%c`, c)
	}
	switch c {
	case ':':
		return p.body(start, &node{op: opGroup, at: start})
	case '>':
		return p.body(start, &node{op: opAtomic, at: start})
	case '#':
		return nil, p.comment(start)
	case 'P':
		return p.named(start)
	case '=', '!':
		return p.body(start, &node{op: opLook, at: start, negative: c == '!'})
	case '<':
		return p.lookBehind(start)
	case '(':
		return p.condition(start)
	}
	if c == '-' || strings.ContainsRune(allFlags, c) {
		p.pos--
		return p.inline(start, first)
	}
	return nil, p.fault(start, "unknown extension ?%c", c)
}

// body reads alternatives and the parenthesis that ends a group. Flags that were
// set inside end with it.
func (p *parser) body(start int, n *node) (*node, error) {
	outer := p.flags
	sub, err := p.alternatives(false)
	if err != nil {
		return nil, err
	}
	p.flags = outer
	n.subs = append(n.subs, sub)
	return n, p.end(start)
}

// end reads the parenthesis that ends the group at start.
func (p *parser) end(start int) error {
	if !p.accept(')') {
		return p.fault(start, "missing ), unterminated group")
	}
	return nil
}

// capture reads a group that is kept, with a name unless that is empty.
func (p *parser) capture(start int, name string) (*node, error) {
	number := len(p.groups)
	if name != "" {
		if _, taken := p.names[name]; taken {
			return nil, p.fault(start, "second group with the name %q", name)
		}
		p.names[name] = number
	}
	p.groups = append(p.groups, nil)
	n, err := p.body(start, &node{op: opCapture, at: start, group: number})
	if err != nil {
		return nil, err
	}
	n.min, n.max = n.subs[0].width(p.groups)
	p.groups[number] = n
	return n, nil
}

// comment reads up to a parenthesis that is not escaped.
func (p *parser) comment(start int) error {
	for {
		c, escaped, ok, err := p.next()
		switch {
		case err != nil:
			return err
		case !ok:
			return p.fault(start, "missing ), unterminated comment")
		case c == ')' && !escaped:
			return nil
		}
	}
}

// named reads (?P<name>…) and (?P=name).
func (p *parser) named(start int) (*node, error) {
	switch {
	case p.accept('<'):
		name, err := p.name(start, '>')
		if err != nil {
			return nil, err
		}
		return p.capture(start, name)
	case p.accept('='):
		name, err := p.name(start, ')')
		if err != nil {
			return nil, err
		}
		group, known := p.names[name]
		if !known {
			return nil, p.fault(start, "unknown group name %q", name)
		}
		return p.reference(start, group)
	}
	return nil, p.fault(start, "unknown extension ?P")
}

// until reads up to a character that ends a name.
func (p *parser) until(start int, end rune) (string, error) {
	from := p.pos
	for {
		c, escaped, ok, err := p.next()
		switch {
		case err != nil:
			return "", err
		case !ok:
			return "", p.fault(start, "missing %c, unterminated name", end)
		case c == end && !escaped:
			name := string(p.in[from : p.pos-1])
			if name == "" {
				return "", p.fault(start, "missing group name")
			}
			return name, nil
		}
	}
}

// name reads the name of a group.
func (p *parser) name(start int, end rune) (string, error) {
	name, err := p.until(start, end)
	if err == nil && !isIdentifier(name) {
		err = p.fault(start, "bad character in group name %q", name)
	}
	return name, err
}

// isIdentifier tells whether Python takes a text for a name.
func isIdentifier(s string) bool {
	for i, c := range s {
		switch {
		case c == '_', unicode.In(c, unicode.L, unicode.Nl, unicode.Other_ID_Start):
		case i > 0 && unicode.In(c, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue):
		default:
			return false
		}
	}
	return s != ""
}

// lookBehind reads (?<=…) and (?<!…), whose width must be fixed.
func (p *parser) lookBehind(start int) (*node, error) {
	negative := p.accept('!')
	if !negative && !p.accept('=') {
		return nil, &Error{
			Class: BadPattern, Reason: "unknown extension ?<", Offset: start,
			Hint: "a group with a name is written (?P<name>…)",
		}
	}
	outer := p.behind
	if outer == 0 {
		p.behind = len(p.groups)
	}
	n, err := p.body(start, &node{op: opLook, at: start, behind: true, negative: negative})
	p.behind = outer
	if err != nil {
		return nil, err
	}
	if low, high := n.subs[0].width(p.groups); low != high {
		return nil, p.fault(start, "look-behind of a width that is not fixed")
	}
	return n, nil
}

// condition reads (?(1)…|…) and (?(name)…|…).
func (p *parser) condition(start int) (*node, error) {
	name, err := p.until(start, ')')
	if err != nil {
		return nil, err
	}
	group, known := p.names[name]
	if !isIdentifier(name) {
		group, err = strconv.Atoi(name)
		if strings.Trim(name, decimal) != "" || err != nil || group == 0 {
			return nil, p.fault(start, "bad group %q in a condition", name)
		}
		p.conditions[group] = start
	} else if !known {
		return nil, p.fault(start, "unknown group name %q", name)
	}
	if err := p.fromBehind(start, group); err != nil {
		return nil, err
	}
	n := &node{op: opCondition, at: start, group: group, subs: make([]*node, 2)}
	outer := p.flags
	if n.subs[0], err = p.sequence(false); err != nil {
		return nil, err
	}
	n.subs[1] = &node{op: opConcat, at: p.pos}
	if p.accept('|') {
		if n.subs[1], err = p.sequence(false); err != nil {
			return nil, err
		}
		if p.peek('|') {
			return nil, p.fault(p.pos, "conditional group with more than two branches")
		}
	}
	p.flags = outer
	return n, p.end(start)
}

// allFlags are the letters of flags; L is for bytes only.
const allFlags = "iLmsxau"

// inline reads (?flags) and (?flags-flags:…).
func (p *parser) inline(start int, first bool) (*node, error) {
	on := p.while(allFlags, len(p.in))
	off, minus := "", p.accept('-')
	if minus {
		off = p.while(allFlags, len(p.in))
	}
	scoped := p.accept(':')
	switch {
	case !scoped && (minus || !p.accept(')')):
		return nil, p.fault(start, "unknown or missing flag")
	case strings.Contains(on, "L"):
		return nil, p.fault(start, "flag L, which is for bytes only")
	case strings.Contains(on, "a") && strings.Contains(on, "u"):
		return nil, p.fault(start, "flags a and u exclude each other")
	case minus && off == "":
		return nil, p.fault(start, "missing flag")
	case strings.ContainsAny(off, "auL"):
		return nil, p.fault(start, "flags a, u and L cannot be turned off")
	case on != "" && strings.ContainsAny(off, on):
		return nil, p.fault(start, "flag turned on and off")
	}
	if scoped {
		outer := p.flags
		p.flags.set(on, off)
		n, err := p.body(start, &node{op: opGroup, at: start})
		p.flags = outer
		return n, err
	}
	if !first {
		return nil, &Error{
			Class: BadPattern, Reason: "flags not at the beginning of the pattern", Offset: start,
			Hint: "write (?flags:…) around what they are for",
		}
	}
	p.kinds += on
	if strings.Contains(p.kinds, "a") && strings.Contains(p.kinds, "u") {
		return nil, p.fault(start, "flags a and u exclude each other")
	}
	p.flags.set(on, "")
	return nil, nil //nolint:nilnil // no node, and nothing wrong
}

func (f *flags) set(on, off string) {
	for i, c := range on + off {
		value := i < len(on)
		switch c {
		case 'i':
			f.ignoreCase = value
		case 'm':
			f.multiLine = value
		case 's':
			f.dotAll = value
		case 'x':
			f.verbose = value
		case 'a':
			f.ascii = true
		case 'u':
			f.ascii = false
		}
	}
}
