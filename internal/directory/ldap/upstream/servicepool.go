package upstream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxInFlight bounds the searches on one connection. OpenLDAP closes an
	// anonymous connection with more than 100 (conn_max_pending).
	maxInFlight = 64
	// growAt is how many searches a connection has before another is opened.
	growAt = 8
)

// servicePool keeps the connections of the service account to one server.
type servicePool struct {
	server  *server
	permits *semaphore.Weighted // searches in flight, on all connections
	waiting atomic.Int64

	mu      sync.Mutex
	conns   []*serviceConn // neither condemned nor more than settings.searches
	leaving int            // condemned ones that are still in use
	retired bool
}

func newServicePool(s *server) *servicePool {
	return &servicePool{server: s, permits: semaphore.NewWeighted(int64(s.settings.searches) * maxInFlight)}
}

// enter takes a permit, and waits for one as long as an operation may take.
func (p *servicePool) enter(ctx context.Context) *fault {
	if p.permits.TryAcquire(1) {
		return nil
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	within, cancel := context.WithTimeout(ctx, p.server.timeout)
	defer cancel()
	if err := p.permits.Acquire(within, 1); err != nil {
		return exhausted(ctx, "search", p.server.settings.searches*maxInFlight, "searches are in flight", err)
	}
	f := p.server.gone()
	if f != nil {
		p.permits.Release(1)
	}
	return f
}

// pick chooses the connection with the fewest searches, and opens another when
// they are many and it may. Connections made before after are left out where
// there is another way.
func (p *servicePool) pick(after time.Time) *serviceConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range slices.Backward(p.conns) { // from the end, because some are taken out
		if c.broken() {
			p.condemnLocked(c)
		}
	}
	var best, old *serviceConn
	for _, c := range p.conns {
		switch {
		case c.born.Before(after):
			old = c
		case best == nil || c.load < best.load:
			best = c
		}
	}
	room := len(p.conns) < p.server.settings.searches
	switch {
	case best == nil && !room:
		best = old
	case best == nil || best.load >= growAt && room:
		best = p.dialLocked()
	}
	best.load++
	return best
}

// dialLocked begins a new connection. It belongs to nobody in particular: whoever
// gives up waiting does not end it for the others.
func (p *servicePool) dialLocked() *serviceConn {
	c := &serviceConn{ready: make(chan struct{}), born: time.Now(), paged: semaphore.NewWeighted(1)}
	p.conns = append(p.conns, c)
	p.server.running.Go(func() {
		ctx, cancel := context.WithTimeoutCause(context.Background(), p.server.timeout, errTook)
		defer cancel()
		defer close(c.ready)
		l, f := p.server.open(ctx)
		if f != nil {
			c.fault = f
			return
		}
		c.wire = &wire{link: l, timeout: p.server.timeout}
		c.conn = newLDAP(c.wire)
	})
	return c
}

// finish ends a search on c.
func (p *servicePool) finish(c *serviceConn, failed bool) {
	p.permits.Release(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	c.load--
	c.used = time.Now()
	if c.condemned && c.load == 0 {
		p.leaving--
		p.closeLater(c)
	} else if failed || p.retired {
		p.condemnLocked(c)
	}
}

// condemnLocked keeps searches from c, and closes it if it has none.
func (p *servicePool) condemnLocked(c *serviceConn) {
	if c.condemned {
		return
	}
	c.condemned = true
	if i := slices.Index(p.conns, c); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	if c.load == 0 {
		p.closeLater(c)
	} else {
		p.leaving++
	}
}

// closeLater closes c as soon as it is made, outside of the lock.
func (p *servicePool) closeLater(c *serviceConn) {
	p.server.running.Go(func() {
		<-c.ready
		c.close()
	})
}

// drop closes the idle connections that were not used since before.
func (p *servicePool) drop(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range slices.Backward(p.conns) {
		if c.load == 0 && c.used.Before(before) {
			p.condemnLocked(c)
		}
	}
}

// retire condemns all connections, now and in future.
func (p *servicePool) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	for _, c := range slices.Backward(p.conns) {
		p.condemnLocked(c)
	}
}

func (p *servicePool) status() PoolStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PoolStatus{Open: len(p.conns) + p.leaving, InUse: p.leaving, Waiting: int(p.waiting.Load())}
	for _, c := range p.conns {
		if c.load == 0 {
			s.Idle++
		} else {
			s.InUse++
		}
	}
	return s
}
