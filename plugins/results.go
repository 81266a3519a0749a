package plugins

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/sallyport-auth/sallyport/internal/fresh"
)

const (
	maxResults = 4096    // that one program's cache holds
	maxResult  = 4 << 10 // bytes of one, with its arguments and facts
)

// result is an answer that is kept.
type result struct {
	value any
	until time.Time // zero: for as long as there is room
	gone  atomic.Bool
}

// Current implements fresh.Source.
func (r *result) Current() bool {
	return !r.gone.Load() && (r.until.IsZero() || time.Now().Before(r.until))
}

var _ fresh.Source = (*result)(nil)

// results are the answers that one program gave, by function, arguments and facts.
// It is safe for concurrent use.
type results struct {
	mu  sync.Mutex
	lru *simplelru.LRU[string, *result]
}

func newResults() *results {
	lru, err := simplelru.NewLRU(maxResults, func(_ string, r *result) { r.gone.Store(true) })
	if err != nil {
		panic(err) // of a size below one
	}
	return &results{lru: lru}
}

// get finds an answer that still counts.
func (c *results) get(key []byte) *result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.lru.Get(string(key))
	if !ok || !r.Current() {
		return nil
	}
	return r
}

// keep remembers an answer, for ttl or, without one, for as long as there is room.
// Of two that were asked for at the same time the first counts: it returns that.
func (c *results) keep(key []byte, value any, ttl time.Duration) *result {
	fresh := &result{value: value}
	if ttl > 0 {
		fresh.until = time.Now().Add(ttl)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name := string(key)
	if before, ok := c.lru.Peek(name); ok {
		if before.Current() {
			return before
		}
		c.lru.Remove(name)
	}
	c.lru.Add(name, fresh)
	return fresh
}

// forget drops everything.
func (c *results) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Purge()
}

func (c *results) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len()
}
