package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what one connection may have outstanding: beyond them nothing more
// is read from it until something is answered.
const (
	maxQueue      = 16
	maxQueueBytes = 64 << 10
)

// conn is one client connection. Its reader is the goroutine that runs serve;
// while a bind is worked on, a second goroutine answers what is outstanding, in
// order, and the reader only takes in, so that abandon, unbind and a hang-up are
// seen. At any time exactly one of the two answers.
type conn struct {
	s    *Server
	raw  net.Conn // the TCP connection
	peer netip.Addr
	in   reader

	// What the answering goroutine owns.
	out     encoder
	nc      net.Conn // raw, or TLS over it
	tls     string   // version of TLS, empty without
	bound   string   // the DN of the last successful bind, empty when anonymous
	failed  bool     // the connection is over, and a notice was sent if one was due
	workers sync.WaitGroup
	over    atomic.Bool // the worker has failed: the reader is to end

	mu      sync.Mutex
	changed sync.Cond // the queue got shorter or busy ended
	queue   []*pdu
	queued  int // bytes in queue
	busy    bool
	settled bool // the operation that is being worked on has its answer
	flight  flight
}

// flight is the bind that is being worked on.
type flight struct {
	id        int32              // 0: there is none
	cancel    context.CancelFunc // nil until somebody is asked
	abandoned bool
}

func newConn(s *Server, raw net.Conn, peer netip.Addr) *conn {
	c := &conn{s: s, raw: raw, nc: raw, peer: peer}
	c.changed.L = &c.mu
	c.in = reader{nc: raw, pool: &s.pool, deadline: c.messageDeadline}
	return c
}

// serve reads until the connection is over. ctx ends when the server gives up
// on the logins in flight.
func (c *conn) serve(ctx context.Context, implicitTLS bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer c.workers.Wait()
	defer func() { _ = c.raw.Close() }()
	defer cancel()
	defer c.recovered()
	err := c.read(ctx, implicitTLS)
	c.s.log.Debug("ldap: connection ends", "client", c.peer, "cause", err)
	c.end(err, cancel)
}

// read is the reader's loop. It returns why the connection ends.
func (c *conn) read(ctx context.Context, implicitTLS bool) error {
	if implicitTLS {
		if err := c.handshake(c.s.table.Load().tls); err != nil {
			return err
		}
	}
	for {
		p, err := c.next()
		if err != nil {
			return err
		}
		if err := c.dispatch(ctx, p); err != nil {
			return err
		}
	}
}

// Why a connection ends without anybody's fault.
var (
	errUnbind = errors.New("unbind")
	errEnding = errors.New("the server ends it")
	errIdle   = errors.New("idle")
)

// next reads one message.
func (c *conn) next() (*pdu, error) {
	for !c.in.buffered() {
		if err := c.readDeadline(c.s.limits.idle); err != nil {
			return nil, err
		}
		err := c.in.fill()
		switch {
		case err == nil:
		case c.ending():
			return nil, errEnding
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		case !c.working():
			return nil, errIdle
		}
	}
	if c.ending() {
		return nil, errEnding
	}
	p, err := c.in.message()
	if err != nil && c.ending() {
		return nil, errEnding
	}
	return p, err
}

// dispatch starts, queues or answers a message, or acts on it when no answer is
// due.
func (c *conn) dispatch(ctx context.Context, p *pdu) error {
	switch p.kind {
	case kindUnbind:
		return c.unbind(p)
	case kindAbandon:
		return c.abandon(p)
	}
	if c.enqueue(p) {
		return nil
	}
	if p.kind == kindBind {
		c.workers.Go(func() { c.work(ctx, p) })
		return nil
	}
	return c.perform(ctx, p)
}

func (c *conn) unbind(p *pdu) error {
	defer c.s.pool.put(p)
	if len(p.body) != 0 {
		return errMalformed
	}
	c.s.count(kindUnbind, success)
	return errUnbind
}

// abandon gives up the bind in flight or one that waits. There is never an
// answer, and a message that is not outstanding is no fault (RFC 4511 section
// 4.11).
func (c *conn) abandon(p *pdu) error {
	defer c.s.pool.put(p)
	id, err := integerValue(p.body)
	if err != nil || id < 0 {
		return errMalformed
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

// recovered keeps a panic from ending the process: it ends the connection.
func (c *conn) recovered() {
	v := recover()
	if v == nil {
		return
	}
	c.s.stats.panics.Add(1)
	c.s.log.Error("ldap: panic while serving a connection; it was closed", "client", c.peer, "panic", v, "stack", string(debug.Stack()))
	_ = c.raw.Close()
	c.dropQueue()
}

// write sends what is in the encoder.
func (c *conn) write() error {
	b := c.out.b
	if cap(b) > smallMessage {
		c.out.b = nil
	} else {
		c.out.b = b[:0]
	}
	if err := c.raw.SetWriteDeadline(time.Now().Add(c.s.limits.write)); err != nil {
		return err
	}
	if _, err := c.nc.Write(b); err != nil {
		return errUnwritten
	}
	return nil
}

// readDeadline sets when a read fails; 0 means never. During the drain it fails
// at once: the flag is looked at after the deadline was set, and Server.drain
// sets them in the other order, so that no connection is missed.
func (c *conn) readDeadline(d time.Duration) error {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	if err := c.raw.SetReadDeadline(at); err != nil {
		return err
	}
	if c.ending() {
		return c.raw.SetReadDeadline(past)
	}
	return nil
}

// ending reports whether our side wants the connection to end.
func (c *conn) ending() bool { return c.over.Load() || c.s.draining.Load() }

func (c *conn) messageDeadline() error { return c.readDeadline(c.s.limits.message) }

// past is a deadline that is over.
var past = time.Unix(1, 0)

// wake makes the reader's read fail.
func (c *conn) wake() { _ = c.raw.SetReadDeadline(past) }

// handshake makes the connection TLS.
func (c *conn) handshake(cfg *tls.Config) error {
	if cfg == nil { // a reload has taken the certificate away
		return errHandshake
	}
	if err := c.raw.SetWriteDeadline(time.Now().Add(c.s.limits.handshake)); err != nil {
		return err
	}
	if err := c.readDeadline(c.s.limits.handshake); err != nil {
		return err
	}
	secure := tls.Server(c.raw, cfg)
	if err := secure.Handshake(); err != nil {
		c.s.log.Debug("ldap: TLS handshake failed", "client", c.peer, "err", err)
		return errHandshake
	}
	c.nc, c.in.nc = secure, secure
	c.tls = tls.VersionName(secure.ConnectionState().Version)[len("TLS "):]
	c.bound = ""
	return nil
}

// end ends the connection for the reason that the reader came upon.
func (c *conn) end(err error, cancel context.CancelFunc) {
	var f *fault
	switch {
	case errors.Is(err, errEnding):
		// What is in flight may finish; the server bounds the wait.
		c.workers.Wait()
		if !c.failed {
			c.notify(result{code: unavailable, text: "the server is shutting down"})
		}
	case errors.As(err, &f):
		cancel()
		c.workers.Wait()
		c.fail(f)
	case errors.Is(err, errUnbind), errors.Is(err, errIdle), errors.Is(err, errDropped):
		cancel()
		c.workers.Wait()
	default: // the client has hung up: an answer in flight is not worth a wait
		return
	}
	c.hangUp()
}

// fail counts a fault and tells the client, once.
func (c *conn) fail(err error) {
	if c.failed {
		return
	}
	c.failed = true
	var f *fault
	if !errors.As(err, &f) {
		return
	}
	c.s.stats.faults[f.cause].Add(1)
	if !f.silent {
		c.notify(result{code: f.code, text: f.text})
	}
}

// notify sends a notice of disconnection.
func (c *conn) notify(r result) {
	c.out.notice(r)
	_ = c.write()
}

// hangUp closes the connection from our side. After a fault the client may still
// be sending; closing at once would make the kernel send a reset, which can
// overtake the notice, so a bounded rest is taken in first.
func (c *conn) hangUp() {
	if c.failed && !c.s.draining.Load() {
		half, ok := c.nc.(interface{ CloseWrite() error })
		if ok && half.CloseWrite() == nil && c.raw.SetReadDeadline(time.Now().Add(c.s.limits.linger)) == nil {
			_, _ = io.CopyN(io.Discard, c.raw, lingerBytes)
		}
	}
	_ = c.nc.Close()
}

// lingerBytes is how much of what a client sends after a fault is taken in.
const lingerBytes = 1 << 20
