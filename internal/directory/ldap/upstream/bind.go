package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/sync/semaphore"
)

// bindConn is a connection on which users are bound, one at a time. It has no
// goroutine: who binds writes the request and reads the answer.
type bindConn struct {
	link    *link
	buf     []byte
	id      int32
	used    time.Time
	spoiled bool // not to be used again
}

// exchange binds once, within timeout of begin. Whatever goes wrong spoils the
// connection.
func (c *bindConn) exchange(ctx context.Context, begin time.Time, timeout time.Duration, dn, password string) (result, *fault) {
	deadline := begin.Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := c.link.SetDeadline(deadline); err != nil {
		return c.spoil(ctx, timeout, 0, err)
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { _ = c.link.SetDeadline(past()) })
	}
	message, got, err := c.talk(dn, password)
	if !stop() {
		c.spoiled = true // its deadline may change under the next request
	}
	if err != nil {
		return c.spoil(ctx, timeout, got, err)
	}
	r, err := parseResult(message, c.id, opBindResponse)
	if err != nil {
		if note, ok := errors.AsType[*notice](err); ok {
			note.text = discreet(note.text, password)
		}
		return c.spoil(ctx, timeout, got, err)
	}
	return r, nil
}

// talk writes the request and reads the answer, with one buffer for both. The
// password does not stay in it.
func (c *bindConn) talk(dn, password string) (message []byte, got int, err error) {
	if need := len(dn) + len(password) + requestRoom; cap(c.buf) < need {
		c.buf = make([]byte, 0, max(need, 512))
	}
	c.id = nextID(c.id)
	request := appendBind(c.buf[:0], c.id, dn, password)
	_, err = c.link.Write(request)
	clear(request)
	if err != nil {
		return nil, 0, err
	}
	message, behind, got, err := readMessage(c.link, c.buf[:0])
	if len(behind) > 0 { // whatever it is, nobody asked for it
		c.spoiled = true
	}
	return message, got, err
}

// spoil makes a fault of an error; got is how much of an answer had come.
func (c *bindConn) spoil(ctx context.Context, timeout time.Duration, got int, err error) (result, *fault) {
	c.spoiled = true
	if note, ok := errors.AsType[*notice](err); ok {
		f := &fault{outcome: OutcomeUnreachable, text: note.Error(), err: err, dead: true}
		if busy(note.code) {
			f.outcome = OutcomeBusy
		}
		return result{}, f
	}
	if isNetwork(err) {
		f := lost(ctx, "bind", timeout, err)
		f.dead = got == 0 && (f.outcome == OutcomeUnreachable || f.outcome == OutcomeTLS)
		return result{}, f
	}
	return result{}, &fault{outcome: OutcomeProtocol, text: "bind: " + err.Error(), err: err}
}

// busy reports whether a result says that the server cannot answer now, which is
// not about whoever asks.
func busy(code int) bool {
	return code == ldap.LDAPResultBusy || code == ldap.LDAPResultUnavailable
}

func busyFault(step string, code int, text string) *fault {
	return &fault{outcome: OutcomeBusy, text: step + ": " + resultText(code, text)}
}

// discreet makes what a server wrote to a bind fit for errors, which are logged:
// short, and without the password.
func discreet(text, password string) string {
	const longest = 500
	switch {
	case strings.Contains(text, password):
		return "(text withheld: it repeats the password)"
	case len(text) > longest:
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// resultText names a result for a log.
func resultText(code int, text string) string {
	name := "unknown"
	if code >= 0 && code < int(ldap.ErrorNetwork) {
		if known, ok := ldap.LDAPResultCodeMap[uint16(code)]; ok {
			name = known
		}
	}
	if text == "" {
		return fmt.Sprintf("result %d (%s)", code, name)
	}
	return fmt.Sprintf("result %d (%s): %q", code, name, text)
}

// bindPool keeps the connections for binds to one server: at most as many as
// there are permits, the one that was used last is used first.
type bindPool struct {
	server  *server
	permits *semaphore.Weighted
	waiting atomic.Int64
	inUse   atomic.Int64

	mu      sync.Mutex
	idle    []*bindConn // in the order in which they were used
	retired bool        // nothing is kept any more
}

func newBindPool(s *server) *bindPool {
	return &bindPool{server: s, permits: semaphore.NewWeighted(int64(s.settings.binds))}
}

// bind binds once at this server. A connection that was kept may have died in the
// meantime: then, if no octet of an answer came, a new one is tried.
func (p *bindPool) bind(ctx context.Context, dn, password string) (result, *fault) {
	if !p.permits.TryAcquire(1) {
		if f := p.wait(ctx); f != nil {
			return result{}, f
		}
	}
	defer p.permits.Release(1)
	begin := time.Now() // waiting for others is not the server's time
	p.inUse.Add(1)
	defer p.inUse.Add(-1)
	if c := p.take(); c != nil {
		r, f := c.exchange(ctx, begin, p.server.timeout, dn, password)
		p.give(c)
		if f == nil || !f.dead {
			return r, f
		}
	}
	return p.bindFresh(ctx, begin, dn, password)
}

func (p *bindPool) bindFresh(ctx context.Context, begin time.Time, dn, password string) (result, *fault) {
	s := p.server
	dialing, cancel := context.WithDeadlineCause(ctx, begin.Add(s.timeout), errTook)
	l, f := s.dial(dialing)
	cancel()
	if f != nil {
		return result{}, f
	}
	c := &bindConn{link: l}
	r, f := c.exchange(ctx, begin, s.timeout, dn, password)
	p.give(c)
	return r, f
}

// wait waits for a permit, as long as one operation may take.
func (p *bindPool) wait(ctx context.Context) *fault {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	within, cancel := context.WithTimeout(ctx, p.server.timeout)
	defer cancel()
	if err := p.permits.Acquire(within, 1); err != nil {
		return exhausted(ctx, "bind", p.server.settings.binds, "connections are in use", err)
	}
	f := p.server.gone()
	if f != nil {
		p.permits.Release(1)
	}
	return f
}

func exhausted(ctx context.Context, step string, limit int, what string, err error) *fault {
	if ended(ctx) != nil {
		return &fault{outcome: OutcomeCanceled, text: step + ": given up while waiting for a connection", err: err}
	}
	return &fault{outcome: OutcomeExhausted, text: fmt.Sprintf("%s: all %d %s", step, limit, what), err: err}
}

// take returns the connection that was used last, nil if there is none.
func (p *bindPool) take() *bindConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1], p.idle = nil, p.idle[:n-1]
	return c
}

// give takes a connection back, or closes it.
func (p *bindPool) give(c *bindConn) {
	if c.spoiled {
		_ = c.link.Close()
		return
	}
	c.used = time.Now()
	p.mu.Lock()
	keep := !p.retired
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.link.leave(nextID(c.id))
	}
}

// drop closes the idle connections that were not used since before.
func (p *bindPool) drop(before time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && p.idle[n].used.Before(before) {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.mu.Unlock()
	for _, c := range old {
		c.link.leave(nextID(c.id))
	}
}

// retire closes what is idle now, and what is in use afterwards.
func (p *bindPool) retire() {
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	p.drop(time.Now().Add(time.Second))
}

func (p *bindPool) status() PoolStatus {
	p.mu.Lock()
	idle := len(p.idle)
	p.mu.Unlock()
	inUse := int(p.inUse.Load())
	return PoolStatus{Open: idle + inUse, Idle: idle, InUse: inUse, Waiting: int(p.waiting.Load())}
}
