package pyregex

import (
	"context"
	"time"

	"github.com/dlclark/regexp2"
)

// searchLimit is how long one Match or Replace may search by backtracking. The
// time is wall time, and on a loaded machine a harmless search, which takes
// microseconds, can stand still for some hundred milliseconds; below a second such
// a login would be refused now and then. It is half of what a policy has by
// default, and a deadline of the caller that is earlier counts.
const searchLimit = time.Second

// maxRounds bounds what a search remembers to come back to, and so its memory, to
// about 100 MB: counted repetitions, multiplied, times the octets of the value.
const maxRounds = 1 << 21

// backtracker searches with regexp2. Neither expression is ever run: a copy of it
// is, with a limit of its own, because the limit is a field that all users of an
// expression share.
type backtracker struct {
	re *regexp2.Regexp
	// strict is re without empty matches at the place where the search begins,
	// which regexp2 calls \G.
	strict *regexp2.Regexp
	rounds int // counted repetitions, multiplied
}

func newBacktracker(w *writer) (*backtracker, error) {
	text := w.String()
	re, err := regexp2.Compile(text, regexp2.None)
	if err == nil {
		var strict *regexp2.Regexp
		if strict, err = regexp2.Compile("(?:"+text+`)(?!\G)`, regexp2.None); err == nil {
			return &backtracker{re, strict, w.rounds}, nil
		}
	}
	return nil, &Error{Class: BadPattern, Reason: "the backtracking engine refuses it: " + err.Error(), Offset: -1}
}

// finder returns a function that finds the matches of a text in turn. All
// calls together end at the limit, or at the deadline of ctx.
func (b *backtracker) finder(ctx context.Context, text string) finder {
	until := time.Now().Add(searchLimit)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	chars := []rune(text)
	octets := make([]int, 0, len(chars)+1) // offset of each character and of the end
	for at := range text {
		octets = append(octets, at)
	}
	octets = append(octets, len(text))
	end := 0 // of the last match, in characters
	return func(nonEmpty bool) ([]int, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		re := b.re
		if nonEmpty {
			re = b.strict
		}
		m, err := search(re, chars, end, until)
		if m == nil || err != nil {
			return nil, err
		}
		end = m.Index + m.Length
		groups := m.Groups()
		found := make([]int, 0, 2*len(groups))
		for _, g := range groups {
			if len(g.Captures) == 0 {
				found = append(found, -1, -1)
				continue
			}
			found = append(found, octets[g.Index], octets[g.Index+g.Length])
		}
		return found, nil
	}
}

// search runs a copy of an expression until it matches, or a time is over. The
// clock of regexp2 ticks every 100 ms and can be ahead when the machine is busy:
// only our own counts, and a search that it ended too early begins again.
func search(re *regexp2.Regexp, text []rune, from int, until time.Time) (*regexp2.Match, error) {
	for {
		left := time.Until(until)
		if left <= 0 {
			return nil, ErrTimeout
		}
		limited := *re
		limited.MatchTimeout = left
		if m, err := limited.FindRunesMatchStartingAt(text, from); err == nil {
			return m, nil
		}
	}
}

// StopClock ends the goroutine that measures the time of backtracking searches. It
// ends by itself about two seconds after the last search; tests that count
// goroutines cannot wait for that. No search may be going on.
func StopClock() { regexp2.StopTimeoutClock() }
