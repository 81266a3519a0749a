package policyengine

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
)

// cache keeps results of the expression policies of one Engine, so that a reload
// begins with an empty one. It is exact: what it answers is what evaluating anew
// would give, through the same look-up caches.
//
// A result depends on two things. What the policy reads of the login is in the key,
// whole: a user who comes from the directory with another group, another attribute
// or another authenticator has another key, so nothing needs to be told of changes.
// What it looks up beyond that (other users, names in DNS, answers of helpers) are
// Sources: entries of caches that the result outlives by nothing. When a store or
// a directory drops or renews what it had answered, the result counts no more.
type cache struct {
	entries *lru.Cache[cacheKey, *cached] // nil: nothing is kept
	ttl     time.Duration
}

// cached is a kept result, which nobody changes.
type cached struct {
	result  Result
	sources *fresh.Sources
	until   time.Time
}

// cacheKey is a policy and the facts that it reads. Equal keys mean equal facts:
// facts holds them as they are or, where they are longer, their SHA-256. It has room
// for a user of 20 groups: copying that costs less than hashing it.
type cacheKey struct {
	policy, size uint32
	facts        [376]byte
}

func newCache(cfg config.PolicyCache) *cache {
	c := &cache{ttl: cfg.TTL}
	if cfg.Entries > 0 && cfg.TTL > 0 {
		c.entries, _ = lru.New[cacheKey, *cached](cfg.Entries) // fails only for a size below one
	}
	return c
}

// question is an expression policy as bindings ask it, all bindings together.
type question struct {
	Expression
	name string
	id   uint32
	// facts are what its keys are made of; never says why it has none.
	facts []fact
	never string
	// counts are by outcome.
	counts [outcomes]atomic.Uint64
}

// outcome is what the cache had for a question.
type outcome uint8

const (
	hit outcome = iota
	miss
	stale       // there was a result, and it had ended
	uncacheable // no result of it is kept, or not the one that it had
	outcomes
)

func newQuestion(id uint32, name string, x Expression) *question {
	q := &question{Expression: x, name: name, id: id}
	reads := x.Reads()
	if q.never = reads.Uncacheable; q.never == "" {
		q.facts, q.never = factsAt(reads.Paths)
	}
	return q
}

// fill writes what the question's policy reads of a login into a key that is empty.
// Nothing of it is on the heap but for logins of many facts.
func (k *cacheKey) fill(q *question, in *Input) {
	var room [1024]byte
	b := room[:0]
	for i := range q.facts {
		b = q.facts[i].append(b, in)
	}
	k.policy, k.size = q.id, uint32(len(b)) //nolint:gosec // facts of one login
	if len(b) <= len(k.facts) {
		copy(k.facts[:], b)
		return
	}
	sum := sha256.Sum256(b)
	copy(k.facts[:], sum[:])
}

// recall finds the result that a question has for a login. Otherwise it fills in the
// key, which must be empty, under which one can be kept.
func (c *cache) recall(k *cacheKey, q *question, in *Input, now time.Time) (*cached, outcome) {
	if q == nil || c.entries == nil || q.never != "" {
		return nil, uncacheable
	}
	k.fill(q, in)
	kept, ok := c.entries.Get(*k)
	switch {
	case !ok:
		return nil, miss
	case !now.Before(kept.until), !kept.sources.Current():
		return nil, stale
	}
	return kept, hit
}

// keep keeps a result of an evaluation that began at a time and was made from
// sources, if that can be; another one of the key is replaced. Only results count
// that came in time, and no errors.
func (c *cache) keep(ctx context.Context, k cacheKey, r Result, sources *fresh.Sources, began time.Time) (ok bool) {
	if fine, _ := sources.Keep(); !fine || !Effects(ctx) || weight(&r) > maxWeight {
		return false
	}
	c.entries.Add(k, &cached{result: r, sources: sources, until: began.Add(c.ttl)})
	return true
}

// maxWeight bounds what one entry holds, in octets and roughly.
const maxWeight = 16 << 10

func weight(r *Result) int {
	n := weightOf(r.Raw)
	for _, s := range r.Messages {
		n += len(s)
	}
	for _, s := range r.Notes {
		n += len(s)
	}
	for i := range r.Events {
		n += weightOf(r.Events[i].Context)
	}
	return n
}

// weightOf is the weight of a value. It does not look at all of one that is too
// heavy.
func weightOf(v any) int {
	const each = 16
	n := each
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for i := 0; i < len(v) && n <= maxWeight; i++ {
			n += weightOf(v[i])
		}
	case map[string]any:
		for key, value := range v {
			if n += len(key) + weightOf(value); n > maxWeight {
				break
			}
		}
	}
	return n
}

// CacheStats tells of the results that an Engine keeps.
type CacheStats struct {
	// Entries are how many there are now.
	Entries int
	// Policies are the expression policies that bindings ask, by name.
	Policies map[string]PolicyCacheStats
}

// PolicyCacheStats counts how often an expression policy was asked, by what the
// cache had for it: a result, none, one that had ended, or a result that cannot be
// kept.
type PolicyCacheStats struct {
	Hits, Misses, Stale, Uncacheable uint64
	// Reason says why no result of the policy can be kept; empty if they can.
	Reason string
}

// CacheStats returns the numbers since the Engine was made.
func (e *Engine) CacheStats() CacheStats {
	s := CacheStats{Policies: make(map[string]PolicyCacheStats, len(e.questions))}
	if e.cache.entries != nil {
		s.Entries = e.cache.entries.Len()
	}
	for name, q := range e.questions {
		s.Policies[name] = PolicyCacheStats{
			Hits: q.counts[hit].Load(), Misses: q.counts[miss].Load(),
			Stale: q.counts[stale].Load(), Uncacheable: q.counts[uncacheable].Load(), Reason: q.never,
		}
	}
	return s
}
