package main

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// visit is where somebody was let in, and when: seconds since 1970.
type visit struct {
	at   point
	unix int64
}

// places are the last visits of the users that were let in last. Its methods are
// safe for concurrent use.
type places struct {
	forget int64 // seconds after which a visit counts no more

	mu      sync.Mutex
	visits  *simplelru.LRU[string, visit]
	changed bool // since the last snapshot
}

func newPlaces(users int, forget time.Duration) *places {
	p := &places{forget: int64(forget.Seconds())}
	// The only error is that of a size that is not positive.
	p.visits, _ = simplelru.NewLRU[string, visit](users, nil)
	return p
}

// add remembers a visit, unless a later one is remembered.
func (p *places) add(user string, v visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.visits.Peek(user); ok && known.unix > v.unix {
		return
	}
	p.visits.Add(user, v)
	p.changed = true
}

// last is the last visit of a user, unless that is too long ago.
func (p *places) last(user string, now int64) (visit, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.visits.Peek(user)
	return v, ok && now-v.unix <= p.forget
}

// merge takes over what is later than what is remembered. Of too many users those
// stay that were let in last.
func (p *places) merge(saved map[string]visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.allLocked()
	for user, v := range saved {
		if known, ok := all[user]; !ok || v.unix > known.unix {
			all[user] = v
		}
	}
	p.visits.Purge()
	for _, user := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[a].unix, all[b].unix), cmp.Compare(a, b))
	}) {
		p.visits.Add(user, all[user])
	}
}

func (p *places) allLocked() map[string]visit {
	all := make(map[string]visit, p.visits.Len())
	for _, user := range p.visits.Keys() {
		all[user], _ = p.visits.Peek(user)
	}
	return all
}

// snapshot is all that counts at a time. The next change is one after it.
func (p *places) snapshot(now int64) map[string]visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = false
	all := p.allLocked()
	maps.DeleteFunc(all, func(_ string, v visit) bool { return now-v.unix > p.forget })
	return all
}

// isChanged reports whether anything was added since the last snapshot.
func (p *places) isChanged() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// again says that the last snapshot was not kept.
func (p *places) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = true
}
