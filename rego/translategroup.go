package rego

import "strings"

// refused are the groups that RE2 cannot do.
var refused = []struct{ prefix, what string }{
	{"(?=", "look-ahead"},
	{"(?!", "negative look-ahead"},
	{"(?<=", "look-behind"},
	{"(?<!", "negative look-behind"},
	{"(?P=", "back-reference"},
	{"(?P>", "recursion"},
	{"(?>", "atomic group"},
	{"(?(", "conditional group"},
}

// open writes the beginning of a group, or a group that only sets flags.
func (t *translator) open() error {
	start := t.pos
	for _, r := range refused {
		if strings.HasPrefix(t.rest(), r.prefix) {
			return t.fault(start, "%s, which is not supported", r.what)
		}
	}
	switch {
	case strings.HasPrefix(t.rest(), "(?#"):
		end := strings.IndexByte(t.rest(), ')')
		if end < 0 {
			return t.fault(start, "missing ), unterminated comment")
		}
		t.pos += end + 1
		return nil
	case strings.HasPrefix(t.rest(), "(?:"):
		t.group("(?:")
	case strings.HasPrefix(t.rest(), "(?P<"):
		end := strings.IndexByte(t.rest(), '>')
		if end < 0 {
			return t.fault(start, "missing >, unterminated name")
		}
		t.group(t.in[start : start+end+1])
	case strings.HasPrefix(t.rest(), "(?"):
		return t.openFlags()
	default:
		t.group("(")
	}
	return nil
}

// group begins a group whose text is the same in both syntaxes.
func (t *translator) group(text string) {
	t.outer = append(t.outer, t.flags)
	t.assert(text)
	t.pos += len(text)
}

// openFlags reads (?flags), which Python allows only at the beginning of a
// pattern, and (?flags:…), (?flags-flags:…).
func (t *translator) openFlags() error {
	start := t.pos
	length := strings.IndexAny(t.in[start+2:], ":)")
	if length < 0 {
		return t.fault(start, "missing ), unterminated flags")
	}
	text := t.in[start+2 : start+2+length]
	end := t.in[start+2+length]
	set, unset, both := strings.Cut(text, "-")
	after := t.flags
	var on, off strings.Builder
	for i, c := range set + unset {
		value := i < len(set)
		switch c {
		case 'i':
			after.ignoreCase = value
		case 'm':
			after.multiLine = value
		case 's':
		case 'u': // what is anyway
			continue
		case 'x':
			return t.fault(start, "flag x (verbose), which is not supported")
		case 'a', 'L':
			return t.fault(start, "flag %c, which is not supported", c)
		default:
			return t.fault(start, "unknown extension (?%c", c)
		}
		if value {
			on.WriteRune(c)
		} else {
			off.WriteRune(c)
		}
	}
	if text == "" || both && (unset == "" || end == ')') {
		return t.fault(start, "missing flag")
	}
	list := on.String()
	if off.Len() > 0 {
		list += "-" + off.String()
	}
	t.pos = start + 2 + length + 1
	if end == ')' {
		if start != t.head {
			return t.fault(start, "flags not at the beginning of the pattern")
		}
		t.head = t.pos
		t.flags = after
		if list != "" {
			t.assert("(?" + list + ")")
		}
		return nil
	}
	t.outer = append(t.outer, t.flags)
	t.flags = after
	t.assert("(?" + list + ":")
	return nil
}
