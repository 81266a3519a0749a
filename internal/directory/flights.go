package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

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

var errClosed = errors.New("the directory is closed")

// flights are the look-ups at work, of which equal ones are one.
type flights struct {
	group singleflight.Group
	slots chan struct{}
	limit time.Duration // of one look-up

	mu     sync.Mutex
	closed bool

	closing context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newFlights(limit time.Duration) *flights {
	f := &flights{slots: make(chan struct{}, maxFlights), limit: limit}
	f.closing, f.cancel = context.WithCancel(context.Background())
	return f
}

// close ends the look-ups at work and waits for them. Further ones fail.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
}

// ask is a look-up. What it finds is never nil, unless it fails for another reason
// than that there is nobody.
type ask func(ctx context.Context) (*remembered, error)

// do looks up, together with whoever does the same at this moment.
func (f *flights) do(ctx context.Context, key string, look ask) (r *remembered, shared bool, err error) {
	flight := f.group.DoChan(key, func() (any, error) { return f.fly(look) })
	select {
	case done := <-flight:
		r, _ := done.Val.(*remembered)
		return r, done.Shared, done.Err
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// fly does not depend on the context of whoever asked first: others may have
// joined, and a client that leaves must not undo their work.
func (f *flights) fly(look ask) (r *remembered, err error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return nil, overloaded{}
	}
	if !f.begin() {
		return nil, errClosed
	}
	defer f.running.Done()
	defer func() { // in a goroutine of its own, a panic would end the process
		if v := recover(); v != nil {
			r, err = nil, fmt.Errorf("look up: panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(f.closing, f.limit)
	defer cancel()
	return look(ctx)
}

// begin counts a look-up that close waits for, unless it is too late.
func (f *flights) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.running.Add(1)
	}
	return !f.closed
}
