package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Directory is what is wrapped.
type Directory interface {
	Lookup(ctx context.Context, login string) (*identity.User, error)
	Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error)
	VerifyNobody(ctx context.Context, login string, c identity.Credential) error
	// Find returns that user of those whom the filter fits whose login comes first;
	// identity.ErrNotFound if it fits none.
	Find(ctx context.Context, f filter.Filter) (*identity.User, error)
}

// Cached is a Directory that remembers users. Its methods may be called by
// several goroutines.
//
// What is remembered makes logins that succeed quicker, not those that fail: else
// the clock would tell which logins exist, and which were used lately. A refusal
// that follows from memory takes as long as the look-up did.
type Cached struct {
	inner Directory
	cfg   config.DirectoryCache

	users   *lru.Cache[string, *remembered] // by login; nil: none are remembered
	nobody  *lru.Cache[string, *remembered] // logins that are nobody's; nil likewise
	found   *lru.Cache[string, *remembered] // by filter: users, and nobody; nil likewise
	flights *flights
	stats   counters

	mu sync.Mutex
	// origins finds what to forget when a user's password was refused.
	origins map[*identity.User]origin
}

// remembered is the answer to a look-up: a user, or nobody.
type remembered struct {
	user  *identity.User // as whoever asked the directory got it
	again *identity.User // a copy for those who come later, so that Verify can tell
	until time.Time
	took  time.Duration // how long the directory was asked
	// in is where it is kept, by the key; nil: nowhere.
	in  *lru.Cache[string, *remembered]
	key string
}

// origin is where a user comes from.
type origin struct {
	login string
	saved time.Duration // what memory spared this login, 0 if the directory was asked
}

// NewCached wraps a directory. Limit bounds one look-up as a whole. Close it in
// the end.
func NewCached(inner Directory, cfg config.DirectoryCache, limit time.Duration) *Cached {
	c := &Cached{inner: inner, cfg: cfg, flights: newFlights(limit), origins: make(map[*identity.User]origin)}
	// Users who are unknown have a cache of their own: names that somebody makes
	// up must not drive out those who exist. New fails only for a size below one.
	if cfg.Entries > 0 && cfg.TTL > 0 {
		c.users, _ = lru.NewWithEvict(cfg.Entries, c.forgotten)
	}
	if cfg.Entries > 0 && cfg.NegativeTTL > 0 {
		c.nobody, _ = lru.New[string, *remembered](cfg.Entries)
	}
	if cfg.Entries > 0 {
		c.found, _ = lru.New[string, *remembered](cfg.Entries)
	}
	return c
}

// Close ends the look-ups at work and waits for them. Further ones fail, and
// nothing is remembered any more.
func (c *Cached) Close() error {
	c.flights.close()
	for _, cache := range []*lru.Cache[string, *remembered]{c.users, c.nobody, c.found} {
		if cache != nil {
			cache.Purge()
		}
	}
	return nil
}

// Lookup finds a user by login: one that is remembered, or who the directory
// answers to whoever asks for the same login at this moment.
//
// Logins are compared octet by octet. Directories that ignore case answer each
// spelling, and one that does not is not misunderstood.
func (c *Cached) Lookup(ctx context.Context, login string) (*identity.User, error) {
	if r := c.recall(login); r != nil {
		if r.user == nil {
			if err := c.spend(ctx, r.took); err != nil {
				return nil, fmt.Errorf("look up %q: %w", login, err)
			}
			return nil, fmt.Errorf("look up %q: %w (remembered)", login, identity.ErrNotFound)
		}
		return r.again, nil
	}
	r, err := c.lookUp(ctx, login)
	if err != nil {
		return nil, err
	}
	return r.user, nil
}

// lookUp asks the directory for a login.
func (c *Cached) lookUp(ctx context.Context, login string) (*remembered, error) {
	r, err := c.join(ctx, "login "+login, func(ctx context.Context) (*remembered, error) {
		c.stats.misses.Add(1)
		asked := time.Now()
		user, err := c.inner.Lookup(ctx, login)
		r := &remembered{user: user, took: time.Since(asked), key: login}
		switch {
		case err == nil && c.users != nil:
			r.in, r.until = c.users, asked.Add(c.cfg.TTL)
			c.remember(r)
		case errors.Is(err, identity.ErrNotFound) && c.nobody != nil:
			r.in, r.until = c.nobody, asked.Add(c.cfg.NegativeTTL)
			c.nobody.Add(login, r)
		}
		return r, err
	})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("look up %q: %w", login, err)
	}
	return r, err
}

// join looks up, and counts who had the look-up together.
func (c *Cached) join(ctx context.Context, key string, look ask) (*remembered, error) {
	r, shared, err := c.flights.do(ctx, key, look)
	if shared {
		c.stats.shared.Add(1)
	}
	return r, err
}

// recall is what is remembered of a login, nil if nothing; one without a user is
// nobody's.
func (c *Cached) recall(login string) *remembered {
	if r := kept(c.users, login); r != nil {
		c.stats.hits.Add(1)
		return r
	}
	if r := kept(c.nobody, login); r != nil {
		c.stats.negative.Add(1)
		return r
	}
	return nil
}

// kept is what a cache, if there is one, has for a key and is not too old.
func kept(cache *lru.Cache[string, *remembered], key string) *remembered {
	if cache != nil {
		if r, ok := cache.Get(key); ok && time.Now().Before(r.until) {
			return r
		}
	}
	return nil
}

// spend waits for the time that memory saved.
func (c *Cached) spend(ctx context.Context, saved time.Duration) error {
	const tick = time.Millisecond // timers wait for the next one; the nearest is meant
	if saved < tick/2 {
		return ctx.Err()
	}
	timer := time.NewTimer(saved - tick/2)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.flights.closing.Done():
		return errClosed
	}
}

// remember keeps a user.
func (c *Cached) remember(r *remembered) {
	again := *r.user
	r.again = &again
	c.mu.Lock()
	c.origins[r.user], c.origins[r.again] = origin{r.key, 0}, origin{r.key, r.took}
	c.mu.Unlock()
	if c.nobody != nil {
		c.nobody.Remove(r.key)
	}
	c.users.Remove(r.key) // replacing would not tell forgotten
	c.users.Add(r.key, r)
}

// forgotten is told of users that the cache has dropped.
func (c *Cached) forgotten(_ string, r *remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.origins, r.user)
	delete(c.origins, r.again)
}

// Verify asks the directory. A user whose credential it refuses is forgotten:
// what is remembered may be why (an entry that was moved, say).
func (c *Cached) Verify(ctx context.Context, u *identity.User, credential identity.Credential) (identity.Verdict, error) {
	c.mu.Lock()
	from, known := c.origins[u] // now: others may have the user forgotten meanwhile
	c.mu.Unlock()
	verdict, err := c.inner.Verify(ctx, u, credential)
	if err != nil || verdict == identity.Right || !known {
		return verdict, err
	}
	if c.users.Remove(from.login) {
		c.stats.evicted.Add(1)
	}
	_ = c.spend(ctx, from.saved) // the verdict stands, whoever has no time for it
	return verdict, nil
}

// VerifyNobody asks the directory.
func (c *Cached) VerifyNobody(ctx context.Context, login string, credential identity.Credential) error {
	return c.inner.VerifyNobody(ctx, login, credential)
}

type counters struct{ hits, negative, misses, shared, evicted atomic.Uint64 }

// Stats are the counters of a Cached since it was made.
type Stats struct {
	// Hits were answered from what is remembered: by a user, or by nobody. Misses
	// asked the directory; Shared are callers who had one look-up together. Evicted users
	// were forgotten for a refused credential.
	Hits, NegativeHits, Misses, Shared, Evicted uint64
	// Users and Nobody are how many are remembered now.
	Users, Nobody int
}

// Stats returns the counters.
func (c *Cached) Stats() Stats {
	s := Stats{
		Hits: c.stats.hits.Load(), NegativeHits: c.stats.negative.Load(), Misses: c.stats.misses.Load(),
		Shared: c.stats.shared.Load(), Evicted: c.stats.evicted.Load(),
	}
	if c.users != nil {
		s.Users = c.users.Len()
	}
	if c.nobody != nil {
		s.Nobody = c.nobody.Len()
	}
	return s
}
