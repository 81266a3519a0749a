package pyregex

import "math"

// op is what a node of a pattern does.
type op uint8

const (
	opChar      op = iota // one character of chars
	opAssert              // assert holds here; matches nothing
	opConcat              // all of subs
	opAlternate           // the first of subs that fits
	opRepeat              // subs[0], min to max times
	opGroup               // subs[0], in parentheses that capture nothing
	opCapture             // subs[0], kept as a group
	opAtomic              // subs[0], and never another way
	opLook                // subs[0] fits here, or before, or does not; matches nothing
	opBackref             // the text of a group again
	opCondition           // subs[0] if a group took part, else subs[1]
)

// assertion is a condition on a place of the text.
type assertion uint8

const (
	textBegin       assertion = iota // \A, and ^ without flag m
	lineBegin                        // ^ with m
	textEnd                          // \Z
	lineEnd                          // $ with m
	dollar                           // $ without m: the end, or before a newline there
	boundary                         // \b
	noBoundary                       // \B
	asciiBoundary                    // \b with flag a
	noASCIIBoundary                  // \B with flag a
)

// node is a part of a pattern.
type node struct {
	op     op
	at     int // where it begins, in code points
	subs   []*node
	chars  charset
	assert assertion
	// min and max count repetitions, and are the width of an opCapture; max is
	// unlimited or a number.
	min, max         int
	lazy, possessive bool
	behind, negative bool // of opLook
	group            int  // of opCapture, opBackref and opCondition
	fold             bool // of opBackref: without case
}

// unlimited is the max of * and +.
const unlimited = math.MaxInt32

// width returns how many code points a node can match, at least and at most;
// unlimited stands for everything above. The widths of groups are by number.
func (n *node) width(groups []*node) (low, high int) {
	switch n.op {
	case opChar:
		return 1, 1
	case opConcat:
		for _, sub := range n.subs {
			l, h := sub.width(groups)
			low, high = clip(int64(low)+int64(l)), clip(int64(high)+int64(h))
		}
		return low, high
	case opAlternate, opCondition:
		low = unlimited
		for _, sub := range n.subs {
			l, h := sub.width(groups)
			low, high = min(low, l), max(high, h)
		}
		return low, high
	case opRepeat:
		l, h := n.subs[0].width(groups)
		return clip(int64(l) * int64(n.min)), clip(int64(h) * int64(n.max))
	case opGroup, opAtomic:
		return n.subs[0].width(groups)
	case opCapture:
		return n.min, n.max
	case opBackref:
		return groups[n.group].width(groups)
	}
	return 0, 0
}

// unsteady tells whether a repetition of a node that can match nothing shows in
// which round it did: the node may prefer nothing to something, or holds a group.
func (n *node) unsteady(groups []*node) bool {
	if n.op == opCapture || n.op == opRepeat && n.lazy {
		return true
	}
	for i, sub := range n.subs {
		low, _ := sub.width(groups)
		if low == 0 && n.op == opAlternate && i+1 < len(n.subs) || sub.unsteady(groups) {
			return true
		}
	}
	return false
}

func clip(n int64) int { return int(min(n, unlimited)) }
