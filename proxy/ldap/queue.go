package ldap

import (
	"context"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// Bounds of what one connection may have outstanding: beyond them nothing more
// is read from it until something is answered.
const (
	maxQueue      = 16
	maxQueueBytes = 64 << 10
)

// flight is the bind that is being worked on.
type flight struct {
	id        int32              // 0: there is none
	cancel    context.CancelFunc // nil until somebody is asked
	abandoned bool
}

// abandon gives up the bind in flight or one that waits. There is never an
// answer, and a message that is not outstanding is no fault (RFC 4511 section
// 4.11).
func (c *conn) abandon(p *pdu) error {
	defer c.s.pool.put(p)
	id, err := ber.IntegerValue(p.body)
	if err != nil || id < 0 {
		return ber.ErrMalformed
	}
	c.s.count(kindAbandon, success)
	c.mu.Lock()
	defer c.mu.Unlock()
	if id != 0 && c.flight.id == id {
		c.flight.abandoned = true
		if c.flight.cancel != nil {
			c.flight.cancel()
		}
		return nil
	}
	for i, waiting := range c.queue {
		if waiting.id == id {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			c.queued -= cap(waiting.buf)
			c.s.pool.put(waiting)
			return nil
		}
	}
	return nil
}

// enqueue puts p behind what is outstanding and waits where that is too much.
// It returns false when nothing is outstanding: then p is the caller's, and for
// a bind the connection is busy from now on.
func (c *conn) enqueue(p *pdu) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A client may be faster with its next request than the worker is with ending
	// after its answer.
	for c.busy && c.settled && len(c.queue) == 0 {
		c.changed.Wait()
	}
	if !c.busy {
		if p.kind == kindBind {
			c.busy, c.settled, c.flight = true, false, flight{id: p.id}
		}
		return false
	}
	p.late = true
	c.queue = append(c.queue, p)
	c.queued += cap(p.buf)
	for c.busy && (len(c.queue) >= maxQueue || c.queued >= maxQueueBytes) {
		c.changed.Wait()
	}
	return true
}

// work answers p and then whatever was queued meanwhile.
func (c *conn) work(ctx context.Context, p *pdu) {
	defer c.recovered()
	for p != nil {
		if err := c.perform(ctx, p); err != nil {
			c.fail(err)
			c.over.Store(true)
			c.dropQueue()
			c.wake()
			return
		}
		p = c.dequeue(ctx)
	}
}

// dequeue returns what waits next. After nil the connection is not busy.
func (c *conn) dequeue(ctx context.Context) *pdu {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 || ctx.Err() != nil || c.ending() {
		c.dropQueueLocked()
		return nil
	}
	p := c.queue[0]
	c.queue = append(c.queue[:0], c.queue[1:]...)
	c.queued -= cap(p.buf)
	c.settled, c.flight = false, flight{}
	if p.kind == kindBind {
		c.flight.id = p.id
	}
	c.changed.Signal()
	return p
}

func (c *conn) dropQueue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropQueueLocked()
}

// dropQueueLocked forgets what will not be answered any more and lets the
// reader go on.
func (c *conn) dropQueueLocked() {
	for _, p := range c.queue {
		c.s.pool.put(p)
	}
	c.queue, c.queued, c.busy = nil, 0, false
	c.changed.Signal()
}

// settle says that the answer of the operation at hand is about to be written:
// it is not outstanding any more.
func (c *conn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled = true
}

// working reports whether anything is outstanding.
func (c *conn) working() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy
}
