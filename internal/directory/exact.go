package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Revised is a directory that knows at little cost whether it has changed.
type Revised interface {
	Lookup(ctx context.Context, login string) (*identity.User, error)
	// Find is as in Directory.
	Find(ctx context.Context, f filter.Filter) (*identity.User, error)
	// Revision is another one after each change of users and groups.
	Revision(ctx context.Context) (int64, error)
}

const (
	// maxExact is how many answers of one revision are remembered.
	maxExact = 10_000
	// revisionLimit is how long Current waits for the revision.
	revisionLimit = time.Second
)

// Exact answers from memory as long as the directory has not changed, and never
// otherwise. Its methods may be called by several goroutines.
type Exact struct {
	inner   Revised
	flights *flights

	mu  sync.Mutex
	now *generation // the newest
}

// generation are the answers of one revision.
type generation struct {
	inner    Revised
	revision int64
	answers  *lru.Cache[string, *identity.User] // nil is nobody
}

// NewExact makes an Exact. Limit bounds one look-up. Close it in the end.
func NewExact(inner Revised, limit time.Duration) *Exact {
	return &Exact{inner: inner, flights: newFlights(limit)}
}

// Close ends the look-ups at work and waits for them. Further ones fail.
func (e *Exact) Close() error {
	e.flights.close()
	return nil
}

// UserByLogin finds a user by login, and notes for how long the answer stands.
func (e *Exact) UserByLogin(ctx context.Context, login string) (*identity.User, error) {
	return e.answer(ctx, "login "+login, func(ctx context.Context) (*identity.User, error) {
		return e.inner.Lookup(ctx, login)
	})
}

// FindUser finds a user by a filter, and notes for how long the answer stands.
func (e *Exact) FindUser(ctx context.Context, f filter.Filter) (*identity.User, error) {
	return e.answer(ctx, "find "+f.Key(), func(ctx context.Context) (*identity.User, error) {
		return e.inner.Find(ctx, f)
	})
}

func (e *Exact) answer(ctx context.Context, key string, look func(context.Context) (*identity.User, error)) (*identity.User, error) {
	g, err := e.generation(ctx)
	if err != nil {
		fresh.Never(ctx, "a look-up of a user failed")
		return nil, err
	}
	u, known := g.answers.Get(key)
	if !known {
		// The directory is asked after its revision: an answer can be newer than
		// the generation that it goes into, which is over then, but not older.
		r, _, err := e.flights.do(ctx, strconv.FormatInt(g.revision, 10)+" "+key, func(ctx context.Context) (*remembered, error) {
			u, err := look(ctx)
			if err != nil && !errors.Is(err, identity.ErrNotFound) {
				return nil, err
			}
			g.answers.Add(key, u)
			return &remembered{user: u}, nil
		})
		if err != nil {
			fresh.Never(ctx, "a look-up of a user failed")
			return nil, fmt.Errorf("find user: %w", err)
		}
		u = r.user
	}
	fresh.Note(ctx, g)
	if u == nil {
		return nil, fmt.Errorf("find user: %w", identity.ErrNotFound)
	}
	return u, nil
}

// generation is that of the present revision.
func (e *Exact) generation(ctx context.Context) (*generation, error) {
	revision, err := e.inner.Revision(ctx)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now != nil && e.now.revision == revision {
		return e.now, nil
	}
	g := &generation{inner: e.inner, revision: revision}
	g.answers, _ = lru.New[string, *identity.User](maxExact) // fails only for a size below one
	if e.now == nil || e.now.revision < revision {
		e.now = g
	}
	return g, nil
}

// Current reports whether the directory still has the revision of the answers. All
// look-ups of one revision are one source.
func (g *generation) Current() bool {
	ctx, cancel := context.WithTimeout(context.Background(), revisionLimit)
	defer cancel()
	now, err := g.inner.Revision(ctx)
	return err == nil && now == g.revision
}

var _ fresh.Source = (*generation)(nil)
