package main

import (
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// times are the last accepted logins of the users that logged in last, as seconds
// since 1970. Its methods are safe for concurrent use.
type times struct {
	most int // of one user

	mu        sync.Mutex
	users     *simplelru.LRU[string, []int64] // each sorted
	evicted   []int64                         // of the user that add has just forgotten
	forgotten bool
}

// newTimes remembers so many users, and so many logins of each.
func newTimes(users, most int) *times {
	t := &times{most: most}
	// The only error is that of a size that is not positive.
	t.users, _ = simplelru.NewLRU(users, func(_ string, kept []int64) { t.evicted, t.forgotten = kept, true })
	return t
}

// add remembers a login. When another user had to be forgotten for it, the result
// is the last login of that one.
func (t *times) add(user string, at int64) (last int64, forgotten bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, _ := t.users.Peek(user)
	i, _ := slices.BinarySearch(kept, at)
	kept = slices.Insert(kept, i, at)
	if len(kept) > t.most {
		kept = slices.Delete(kept, 0, 1)
	}
	t.forgotten = false
	t.users.Add(user, kept)
	if t.forgotten {
		last = t.evicted[len(t.evicted)-1]
	}
	return last, t.forgotten
}

// since counts the logins of a user that are remembered, from a moment on.
func (t *times) since(user string, from int64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, _ := t.users.Peek(user)
	i, _ := slices.BinarySearch(kept, from+1)
	return len(kept) - i
}
