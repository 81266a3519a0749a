package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Current reports whether the answer is still the one that is remembered.
func (r *remembered) Current() bool {
	now, ok := r.in.Peek(r.key)
	return ok && now == r && time.Now().Before(r.until)
}

var _ fresh.Source = (*remembered)(nil)

// UserByLogin is Lookup for those who keep what they make of the answer: they learn
// for how long it stands (see package fresh). It is not for logins: who is nobody
// is told at once.
func (c *Cached) UserByLogin(ctx context.Context, login string) (*identity.User, error) {
	if r := c.recall(login); r != nil {
		fresh.Note(ctx, r)
		if r.user == nil {
			return nil, fmt.Errorf("look up %q: %w (remembered)", login, identity.ErrNotFound)
		}
		return r.again, nil
	}
	r, err := c.lookUp(ctx, login)
	return told(ctx, r, err)
}

// FindUser finds a user by a filter: the one that is remembered, or who the
// directory answers to whoever asks the same at this moment. How long the answer
// stands is noted.
func (c *Cached) FindUser(ctx context.Context, f filter.Filter) (*identity.User, error) {
	if r := kept(c.found, f.Key()); r != nil {
		fresh.Note(ctx, r)
		if r.user == nil {
			c.stats.negative.Add(1)
			return nil, fmt.Errorf("find user: %w (remembered)", identity.ErrNotFound)
		}
		c.stats.hits.Add(1)
		return r.user, nil
	}
	r, err := c.join(ctx, "find "+f.Key(), func(ctx context.Context) (*remembered, error) { return c.find(ctx, f) })
	if err != nil {
		err = fmt.Errorf("find user: %w", err)
	}
	return told(ctx, r, err)
}

// find asks the directory for a user by a filter.
func (c *Cached) find(ctx context.Context, f filter.Filter) (*remembered, error) {
	c.stats.misses.Add(1)
	asked := time.Now()
	user, err := c.inner.Find(ctx, f)
	ttl := c.cfg.TTL
	switch {
	case errors.Is(err, identity.ErrNotFound):
		// A group or an attribute that changes may give the filter its user.
		ttl = min(ttl, c.cfg.NegativeTTL)
	case err != nil:
		return nil, err
	}
	r := &remembered{user: user, until: asked.Add(ttl), key: f.Key()}
	if c.found != nil && ttl > 0 {
		r.in = c.found
		c.found.Add(r.key, r)
	}
	return r, err
}

// told is the answer of a look-up, after it was noted for how long it stands. What
// somebody makes of a failure cannot be kept: the next look-up may succeed.
func told(ctx context.Context, r *remembered, err error) (*identity.User, error) {
	switch {
	case err != nil && !errors.Is(err, identity.ErrNotFound) || r == nil:
		fresh.Never(ctx, "a look-up of a user failed")
		return nil, err
	case r.in == nil:
		fresh.Never(ctx, "the directory's cache is off")
	default:
		fresh.Note(ctx, r)
	}
	return r.user, err
}
