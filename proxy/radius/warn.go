package radius

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	warnEvery    = time.Minute
	warnSubjects = 1024
	// warnBudget bounds the warnings of a minute, whoever causes them: sources
	// of UDP packets are easily forged.
	warnBudget = 60
)

// subject is what a warning is about: an address, or a name.
type subject struct {
	what string
	addr netip.Addr
}

// limiter lets one warning per subject and minute through, and a bounded
// number per minute in all.
type limiter struct {
	mu    sync.Mutex
	last  *simplelru.LRU[subject, time.Time]
	since time.Time // begin of the minute that spent counts
	spent int
}

func newLimiter() *limiter {
	last, _ := simplelru.NewLRU[subject, time.Time](warnSubjects, nil) // fails for sizes below 1 only
	return &limiter{last: last}
}

// allow reports whether a warning may be written now.
func (l *limiter) allow(s subject, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.last.Peek(s); ok && now.Sub(last) < warnEvery {
		return false
	}
	if now.Sub(l.since) >= warnEvery {
		l.since, l.spent = now, 0
	}
	if l.spent >= warnBudget {
		return false
	}
	l.spent++
	l.last.Add(s, now)
	return true
}
