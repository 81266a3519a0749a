package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Directory is what is wrapped.
type Directory interface {
	Lookup(ctx context.Context, login string) (*identity.User, error)
	Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error)
	VerifyNobody(ctx context.Context, login string, c identity.Credential) error
}

// maxFlights bounds the look-ups at work. Each has a goroutine of its own, which
// goes on when whoever asked first has left.
const maxFlights = 1024

// overloaded says that too many look-ups are at work. It satisfies the interface
// by which a login learns that this is no outage.
type overloaded struct{}

// Error implements error.
func (overloaded) Error() string { return "too many look-ups at once" }

// Overloaded tells a caller who does not know this package what the error means.
func (overloaded) Overloaded() bool { return true }

// Cached is a Directory that remembers users. Its methods may be called by
// several goroutines.
//
// What is remembered makes logins that succeed quicker, not those that fail: else
// the clock would tell which logins exist, and which were used lately. A refusal
// that follows from memory takes as long as the look-up did.
type Cached struct {
	inner Directory
	cfg   config.DirectoryCache
	limit time.Duration

	users   *lru.Cache[string, remembered] // nil: none are remembered
	nobody  *lru.Cache[string, remembered] // logins that are nobody's; nil likewise
	flights singleflight.Group
	slots   chan struct{}
	stats   counters

	mu sync.Mutex
	// origins finds what to forget when a user's password was refused.
	origins map[*identity.User]origin
	closed  bool

	closing context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

var errClosed = errors.New("the directory is closed")

// remembered is the answer to a look-up: a user, or nobody.
type remembered struct {
	user  *identity.User // as whoever asked the directory got it
	again *identity.User // a copy for those who come later, so that Verify can tell
	until time.Time
	took  time.Duration // how long the directory was asked
}

// origin is where a user comes from.
type origin struct {
	login string
	saved time.Duration // what memory spared this login, 0 if the directory was asked
}

// NewCached wraps a directory. Limit bounds one look-up as a whole. Close it in
// the end.
func NewCached(inner Directory, cfg config.DirectoryCache, limit time.Duration) *Cached {
	c := &Cached{
		inner: inner, cfg: cfg, limit: limit,
		slots: make(chan struct{}, maxFlights), origins: make(map[*identity.User]origin),
	}
	// Users who are unknown have a cache of their own: names that somebody makes
	// up must not drive out those who exist. New fails only for a size below one.
	if cfg.Entries > 0 && cfg.TTL > 0 {
		c.users, _ = lru.NewWithEvict(cfg.Entries, c.forgotten)
	}
	if cfg.Entries > 0 && cfg.NegativeTTL > 0 {
		c.nobody, _ = lru.New[string, remembered](cfg.Entries)
	}
	c.closing, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends the look-ups at work and waits for them. Further ones fail.
func (c *Cached) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	return nil
}

// Lookup finds a user by login: one that is remembered, or who the directory
// answers to whoever asks for the same login at this moment.
//
// Logins are compared octet by octet. Directories that ignore case answer each
// spelling, and one that does not is not misunderstood.
func (c *Cached) Lookup(ctx context.Context, login string) (*identity.User, error) {
	if r, known := c.recall(login); known {
		if r.user == nil {
			if err := c.spend(ctx, r.took); err != nil {
				return nil, fmt.Errorf("look up %q: %w", login, err)
			}
			return nil, fmt.Errorf("look up %q: %w (remembered)", login, identity.ErrNotFound)
		}
		return r.again, nil
	}
	flight := c.flights.DoChan(login, func() (any, error) { return c.fly(login) })
	select {
	case r := <-flight:
		if r.Shared {
			c.stats.shared.Add(1)
		}
		user, _ := r.Val.(*identity.User)
		return user, r.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("look up %q: %w", login, ctx.Err())
	}
}

// recall is what is remembered of a login; one without a user is nobody's.
func (c *Cached) recall(login string) (r remembered, known bool) {
	now := time.Now()
	if c.users != nil {
		if r, ok := c.users.Get(login); ok && now.Before(r.until) {
			c.stats.hits.Add(1)
			return r, true
		}
	}
	if c.nobody != nil {
		if r, ok := c.nobody.Get(login); ok && now.Before(r.until) {
			c.stats.negative.Add(1)
			return r, true
		}
	}
	return remembered{}, false
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
	case <-c.closing.Done():
		return errClosed
	}
}

// fly asks the directory and remembers the answer. It does not depend on the
// context of whoever asked first: others may have joined, and a client that
// leaves must not undo their work.
func (c *Cached) fly(login string) (user *identity.User, err error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return nil, overloaded{}
	}
	if !c.begin() {
		return nil, errClosed
	}
	defer c.running.Done()
	defer func() { // in a goroutine of its own, a panic would end the process
		if v := recover(); v != nil {
			user, err = nil, fmt.Errorf("look up: panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(c.closing, c.limit)
	defer cancel()
	c.stats.misses.Add(1)
	asked := time.Now()
	user, err = c.inner.Lookup(ctx, login)
	switch {
	case err == nil && c.users != nil:
		c.remember(login, user, asked)
	case errors.Is(err, identity.ErrNotFound) && c.nobody != nil:
		c.nobody.Add(login, remembered{until: asked.Add(c.cfg.NegativeTTL), took: time.Since(asked)})
	}
	return user, err
}

// begin counts a look-up that Close waits for, unless it is too late.
func (c *Cached) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// remember keeps a user. The time counts from when the directory was asked.
func (c *Cached) remember(login string, user *identity.User, asked time.Time) {
	again := *user
	r := remembered{user, &again, asked.Add(c.cfg.TTL), time.Since(asked)}
	c.mu.Lock()
	c.origins[r.user], c.origins[r.again] = origin{login, 0}, origin{login, r.took}
	c.mu.Unlock()
	if c.nobody != nil {
		c.nobody.Remove(login)
	}
	c.users.Remove(login) // replacing would not tell forgotten
	c.users.Add(login, r)
}

// forgotten is told of users that the cache has dropped.
func (c *Cached) forgotten(_ string, r remembered) {
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
