package pyregex

import (
	"fmt"
	"strings"
)

// maxTranslated bounds a pattern as an engine reads it, in octets: classes with
// negations inside are written out.
const maxTranslated = 256 << 10

// maxRepeat is how often RE2 repeats, all repetitions around a place multiplied;
// for backtracking it is the length of the longest value.
const (
	maxRepeat             = 1000
	maxRepeatBacktracking = maxValue
)

// writer writes the nodes of a pattern for an engine.
type writer struct {
	strings.Builder
	engine Engine
	groups []*node
	// dollar is how $ is written for RE2.
	dollar string
	// What was met on the way.
	dollars, lineEnds bool
	boundaries        []int // of words, where
	loops             []int // of what can be empty, and RE2 has another order, where
	repeats           int   // those around this place, multiplied
	rounds            int   // the most of them that are of more than a character
}

// write returns a pattern as an engine reads it; for RE2 with the text for $.
func write(p *parsed, e Engine, dollar string) (*writer, error) {
	w := &writer{engine: e, groups: p.groups, dollar: dollar, repeats: 1}
	if err := w.node(p.root); err != nil {
		return nil, err
	}
	if e == RE2 && w.dollars && w.lineEnds {
		return nil, unsupported(p.root.at, "$ with and without flag m in one pattern")
	}
	return w, nil
}

// unsupported is the error for what Python has, and RE2 has not.
func unsupported(at int, construct string) error {
	return &Error{
		Class: BadPattern, Construct: construct, Offset: at,
		Reason: construct + " is more than RE2 can do",
		Hint:   "write the pattern without it, or set regex_engine: backtracking for the policy",
	}
}

func (w *writer) node(n *node) error {
	if w.Len() > maxTranslated {
		return &Error{Class: BadPattern, Reason: "too large: too many classes with a negation inside", Offset: n.at}
	}
	switch n.op {
	case opChar:
		w.WriteString(n.chars.String())
	case opAssert:
		w.assertion(n)
	case opConcat:
		return w.list(n.subs, "")
	case opAlternate:
		return w.list(n.subs, "|")
	case opRepeat:
		return w.repeat(n)
	case opGroup:
		return w.wrap("(?:", n, ")")
	case opCapture:
		return w.wrap("(", n, ")")
	default:
		return w.backtracking(n)
	}
	return nil
}

func (w *writer) list(subs []*node, between string) error {
	for i, sub := range subs {
		if i > 0 {
			w.WriteString(between)
		}
		if err := w.node(sub); err != nil {
			return err
		}
	}
	return nil
}

// wrap writes what is in a node between two texts.
func (w *writer) wrap(before string, n *node, after string) error {
	w.WriteString(before)
	err := w.list(n.subs, "|")
	w.WriteString(after)
	return err
}

func (w *writer) repeat(n *node) error {
	times := n.max
	if times == unlimited {
		times = n.min
	}
	limit := maxRepeat
	if w.engine == Backtracking {
		limit = maxRepeatBacktracking
	}
	outer := w.repeats
	w.repeats *= max(times, 1)
	defer func() { w.repeats = outer }()
	switch {
	case w.repeats > limit && w.engine == RE2:
		return unsupported(n.at, fmt.Sprintf("repetition of more than %d times", limit))
	case w.repeats > limit:
		return &Error{Class: BadPattern, Reason: fmt.Sprintf("repetition of more than %d times", limit), Offset: n.at}
	case n.possessive && w.engine == RE2:
		return unsupported(n.at, "possessive quantifier")
	}
	if n.subs[0].op != opChar {
		w.rounds = max(w.rounds, w.repeats)
	}
	if low, _ := n.subs[0].width(w.groups); low == 0 && n.max > 1 && n.subs[0].unsteady(w.groups) {
		w.loops = append(w.loops, n.at)
	}
	suffix := fmt.Sprintf("){%d,%d}", n.min, n.max)
	if n.max == unlimited {
		suffix = fmt.Sprintf("){%d,}", n.min)
	}
	if n.lazy {
		suffix += "?"
	}
	if n.possessive {
		return w.wrap("(?>(?:", n, suffix+")")
	}
	return w.wrap("(?:", n, suffix)
}

func (w *writer) assertion(n *node) {
	switch n.assert {
	case textBegin:
		w.WriteString(`\A`)
	case lineBegin:
		w.WriteString(`(?m:^)`)
	case textEnd:
		w.WriteString(`\z`)
	case lineEnd:
		w.lineEnds = true
		w.WriteString(`(?m:$)`)
	case dollar:
		w.dollars = true
		if w.engine == RE2 {
			w.WriteString(w.dollar)
		} else {
			w.WriteString(`(?:$)`)
		}
	default:
		w.boundary(n)
	}
}

// boundary writes \b and \B: RE2 knows those of ASCII, and with look-around they
// can be told in full.
func (w *writer) boundary(n *node) {
	ascii := n.assert == asciiBoundary || n.assert == noASCIIBoundary
	no := n.assert == noBoundary || n.assert == noASCIIBoundary
	if !ascii {
		w.boundaries = append(w.boundaries, n.at)
	}
	switch {
	case w.engine == RE2 && no:
		w.WriteString(`\B`)
		return
	case w.engine == RE2:
		w.WriteString(`\b`)
		return
	}
	text := `(?:(?<=W)(?!W)|(?<!W)(?=W))`
	if no { // never in an empty text
		text = `(?:(?<=W)(?=W)|(?<!W)(?!W)(?!\A\z))`
	}
	class := `[` + wordClass + `]`
	if ascii {
		class = `[0-9A-Z_a-z]`
	}
	w.WriteString(strings.ReplaceAll(text, "W", class))
}

// backtracking writes what only the backtracking engine has.
func (w *writer) backtracking(n *node) error {
	if w.engine == RE2 {
		return unsupported(n.at, constructName(n))
	}
	switch n.op {
	case opAtomic:
		return w.wrap("(?>", n, ")")
	case opLook:
		prefix := "(?"
		if n.behind {
			prefix += "<"
		}
		if n.negative {
			return w.wrap(prefix+"!", n, ")")
		}
		return w.wrap(prefix+"=", n, ")")
	case opBackref:
		if n.fold {
			fmt.Fprintf(w, `(?i:\%d)`, n.group)
		} else {
			fmt.Fprintf(w, `(?:\%d)`, n.group)
		}
		return nil
	}
	// Alternatives inside of a branch are in a group of their own.
	return w.wrap(fmt.Sprintf("(?(%d)", n.group), n, ")")
}

// constructName names what RE2 has not.
func constructName(n *node) string {
	switch {
	case n.op == opAtomic:
		return `atomic group "(?>"`
	case n.op == opBackref:
		return "back-reference"
	case n.op == opCondition:
		return `conditional group "(?("`
	case n.behind && n.negative:
		return `negative look-behind "(?<!"`
	case n.behind:
		return `look-behind "(?<="`
	case n.negative:
		return `negative look-ahead "(?!"`
	}
	return `look-ahead "(?="`
}
