package ldap

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"time"
)

// Why a connection ends without anybody's fault.
var (
	errUnbind = errors.New("unbind")
	errEnding = errors.New("the server ends it")
	errIdle   = errors.New("idle")
)

// recovered keeps a panic from ending the process: it ends the connection.
func (c *conn) recovered() {
	v := recover()
	if v == nil {
		return
	}
	c.s.stats.panics.Add(1)
	c.s.log.Error("ldap: panic while serving a connection; it was closed", "peer", c.peer, "panic", v, "stack", string(debug.Stack()))
	_ = c.raw.Close()
	c.dropQueue()
}

// end ends the connection for the reason that the reader came upon.
func (c *conn) end(err error, cancel context.CancelFunc) {
	f, faulty := asFault(err)
	switch {
	case errors.Is(err, errEnding):
		// What is in flight may finish; the server bounds the wait.
		c.workers.Wait()
		if !c.failed {
			c.notify(result{code: unavailable, text: "the server is shutting down"})
		}
	case faulty:
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
	f, ok := asFault(err)
	if !ok {
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
