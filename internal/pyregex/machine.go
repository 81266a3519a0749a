package pyregex

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// maxSteps bounds what one call may do on RE2, in instructions at a place of the
// text: about a second. A search alone is linear, but large patterns and many
// matches multiply.
const maxSteps = 1 << 26

// machine searches with a program of RE2 in linear time. It finds what regexp
// finds, and does what regexp cannot: begin anywhere, refuse an empty match there
// for the next best one, and stop after maxSteps.
type machine struct {
	prog *syntax.Prog
	// dollar says that the end of a line in prog means Python's $ without flag m:
	// the end of the text, or before a newline there.
	dollar bool
	// slots is how many offsets a match has, also for groups that Simplify removed.
	slots int
}

// thread is an instruction that waits for a character, and the captures on the
// way to it, which others may share.
type thread struct {
	pc   uint32
	caps []int
}

// run is a text being searched.
type run struct {
	*machine
	text  string
	steps int
	// The threads at this place and at the next, the first wins; seen has the
	// generation of the list that an instruction was last put on.
	now, next  []thread
	seen       []int
	generation int
	flags      syntax.EmptyOp // what holds at the place that is put on a list
}

func (m *machine) run(text string) *run {
	return &run{machine: m, text: text, seen: make([]int, len(m.prog.Inst))}
}

// find returns the first match at or after a place, as pairs of offsets; nil if
// there is none. With nonEmpty an empty match at the place itself does not count.
func (r *run) find(from int, nonEmpty bool) ([]int, error) {
	var found []int
	r.now = r.now[:0]
	r.begin(from)
	for at := from; ; {
		if found == nil {
			caps := make([]int, r.slots)
			for i := range caps {
				caps[i] = -1
			}
			caps[0] = at
			r.now = r.add(r.now, uint32(r.prog.Start), at, caps)
		}
		if r.steps += len(r.now); r.steps > maxSteps {
			return nil, tooManySteps(r.text)
		}
		c, width := utf8.DecodeRuneInString(r.text[at:])
		r.begin(at + max(width, 1))
		r.next = r.next[:0]
		for _, t := range r.now {
			inst := &r.prog.Inst[t.pc]
			if inst.Op == syntax.InstMatch {
				if nonEmpty && at == from {
					continue
				}
				found = slices.Clone(t.caps)
				found[1] = at
				break // what follows has less priority
			}
			if width > 0 && inst.MatchRune(c) {
				r.next = r.add(r.next, inst.Out, at+width, t.caps)
			}
		}
		r.now, r.next = r.next, r.now
		if width == 0 || found != nil && len(r.now) == 0 {
			return found, nil
		}
		at += width
	}
}

// begin prepares for putting threads of a place on a list.
func (r *run) begin(at int) {
	r.generation++
	if at > len(r.text) {
		return
	}
	before, after := rune(-1), rune(-1)
	if at > 0 {
		before, _ = utf8.DecodeLastRuneInString(r.text[:at])
	}
	if at < len(r.text) {
		after, _ = utf8.DecodeRuneInString(r.text[at:])
	}
	r.flags = syntax.EmptyOpContext(before, after)
	if r.dollar && after == '\n' && at+1 < len(r.text) {
		r.flags &^= syntax.EmptyEndLine
	}
	if r.text == "" { // no \B there, up to Python 3.13
		r.flags &^= syntax.EmptyNoWordBoundary
	}
}

// add puts an instruction on a list, or what it leads to without a character.
func (r *run) add(list []thread, pc uint32, at int, caps []int) []thread {
	if r.seen[pc] == r.generation {
		return list
	}
	r.seen[pc] = r.generation
	r.steps++
	inst := &r.prog.Inst[pc]
	switch inst.Op {
	case syntax.InstFail:
		return list
	case syntax.InstAlt, syntax.InstAltMatch:
		return r.add(r.add(list, inst.Out, at, caps), inst.Arg, at, caps)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(inst.Arg)&^r.flags != 0 {
			return list
		}
	case syntax.InstCapture:
		caps = slices.Clone(caps)
		caps[inst.Arg] = at
	case syntax.InstNop:
	default:
		return append(list, thread{pc, caps})
	}
	return r.add(list, inst.Out, at, caps)
}
