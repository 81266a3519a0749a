package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"
)

// overloaded is the type of ErrOverloaded.
type overloaded struct{}

// Error implements error.
func (overloaded) Error() string { return "too many password checks at once" }

// Overloaded tells a caller who does not know this package what the error means.
func (overloaded) Overloaded() bool { return true }

// ErrOverloaded says that a check was dropped because others kept the processors
// busy. It has a method Overloaded() bool that returns true, for errors.As with
// an interface of that method.
var ErrOverloaded error = overloaded{}

var errClosed = errors.New("the directory is closed")

const (
	// patience is how long a check waits for its turn. The asking side has
	// given up or retransmits by then (RFC 5080 section 2.2.1).
	patience = 3 * time.Second
	// maxWaiting bounds the checks that wait: more than a machine can compute
	// within patience.
	maxWaiting = 1024
)

// pool computes checks, a few at a time. Of those that wait it takes the newest
// first: under overload the old ones are lost anyway, and serving them in order
// would make everybody late. Equal checks become one.
type pool struct {
	size int // checks that run at once

	mu      sync.Mutex
	flights map[flightKey]*flight // waiting and running
	waiting []*flight             // newest last
	workers int
	closed  bool

	running sync.WaitGroup
}

type flightKey [sha256.Size]byte

// flight is one check that somebody waits for.
type flight struct {
	key     flightKey
	check   func() bool
	waiters int
	started bool

	done  chan struct{} // closed when right and err are set
	right bool
	err   error
}

func newPool(size int) *pool {
	return &pool{size: size, flights: make(map[flightKey]*flight)}
}

// match returns what check returns, or what an equal check that is in flight
// does. The check goes on while anybody waits for it, whoever came first.
func (p *pool) match(ctx context.Context, key flightKey, check func() bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	f, err := p.join(key, check)
	if err != nil {
		return false, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.right, f.err
	case <-timer.C:
		if p.leave(f, false) {
			return false, ErrOverloaded
		}
	case <-ctx.Done():
		p.leave(f, true)
		return false, ctx.Err()
	}
	select { // it runs
	case <-f.done:
		return f.right, f.err
	case <-ctx.Done():
		p.leave(f, true)
		return false, ctx.Err()
	}
}

// join finds or makes the flight of a check and puts it in front of the others.
func (p *pool) join(key flightKey, check func() bool) (*flight, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	f := p.flights[key]
	if f == nil {
		f = &flight{key: key, check: check, done: make(chan struct{})}
		p.flights[key] = f
	} else {
		p.unqueueLocked(f)
	}
	f.waiters++
	if f.started {
		return f, nil
	}
	if len(p.waiting) == maxWaiting {
		p.endLocked(p.waiting[0], false, ErrOverloaded)
	}
	p.waiting = append(p.waiting, f)
	if p.workers < p.size {
		p.workers++
		p.running.Go(p.work)
	}
	return f, nil
}

// leave takes one waiter away from a flight, and the flight itself if nobody
// else waits for it and it does not run yet. Unless anyway is set, a flight that
// runs is not left, and leave returns false.
func (p *pool) leave(f *flight, anyway bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.started && !anyway {
		return false
	}
	f.waiters--
	if f.waiters == 0 && !f.started {
		p.endLocked(f, false, ErrOverloaded) // nobody reads it
	}
	return true
}

// work computes checks until none waits.
func (p *pool) work() {
	for f := p.next(); f != nil; f = p.next() {
		right := f.check()
		p.mu.Lock()
		p.endLocked(f, right, nil)
		p.mu.Unlock()
	}
}

func (p *pool) next() *flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.workers--
		return nil
	}
	f := p.waiting[len(p.waiting)-1]
	p.unqueueLocked(f)
	f.started = true
	return f
}

// endLocked forgets a flight and tells those who wait for it, once.
func (p *pool) endLocked(f *flight, right bool, err error) {
	if p.flights[f.key] != f {
		return
	}
	delete(p.flights, f.key)
	p.unqueueLocked(f)
	f.right, f.err, f.check = right, err, nil
	close(f.done)
}

func (p *pool) unqueueLocked(f *flight) {
	if i := slices.Index(p.waiting, f); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
}

// close drops what waits and waits for what runs.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for len(p.waiting) > 0 {
		p.endLocked(p.waiting[0], false, errClosed)
	}
	p.mu.Unlock()
	p.running.Wait()
}
