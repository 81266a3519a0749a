package ldap

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// pace remembers how long something took the last times, so that it can be
// made to look as if it were done again. The zero value is ready.
type pace struct {
	mu    sync.Mutex
	last  [64]time.Duration
	count int // how many were ever added
}

// add remembers a duration in place of the oldest one.
func (p *pace) add(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[p.count%len(p.last)] = d
	p.count++
}

// draw returns one of the durations, zero before there are any.
func (p *pace) draw() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 {
		return 0
	}
	return p.last[rand.IntN(min(p.count, len(p.last)))]
}

// wait takes as long as one of the last times. Its error is the context's.
func (p *pace) wait(ctx context.Context) error {
	const tick = time.Millisecond // timers wait for the next one; the nearest is meant
	d := p.draw() - tick/2
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
