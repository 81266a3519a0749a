package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/internal/ber"
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
	bound   string   // the name of the last successful bind, empty when anonymous
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
	c.s.log.Debug("ldap: connection ends", "peer", c.peer, "cause", err)
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
		c.workers.Add(1)
		c.s.run(func() {
			defer c.workers.Done()
			c.work(ctx, p)
		})
		return nil
	}
	return c.perform(ctx, p)
}

func (c *conn) unbind(p *pdu) error {
	defer c.s.pool.put(p)
	if len(p.body) != 0 {
		return ber.ErrMalformed
	}
	c.s.count(kindUnbind, success)
	return errUnbind
}

// write sends what is in the encoder.
func (c *conn) write() error {
	b := c.out.B
	if cap(b) > smallMessage {
		c.out.B = nil
	} else {
		c.out.B = b[:0]
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
// at once: the flag is looked at after the deadline was set, and who sets the
// flag wakes the reader afterwards, so that no connection is missed.
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
		c.s.log.Debug("ldap: TLS handshake failed", "peer", c.peer, "error", err)
		return errHandshake
	}
	c.nc, c.in.nc = secure, secure
	c.tls = tls.VersionName(secure.ConnectionState().Version)[len("TLS "):]
	c.bound = ""
	return nil
}
