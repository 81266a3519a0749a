package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/sync/semaphore"
)

// serviceConn is a connection of the service account; searches share it.
type serviceConn struct {
	ready chan struct{} // closed when conn or fault is set
	conn  *ldap.Conn
	wire  *wire
	fault *fault
	born  time.Time           // when dialling began
	paged *semaphore.Weighted // one search in pages at a time

	// What follows is guarded by the pool's lock.
	load      int
	used      time.Time
	condemned bool // takes no more searches, and is closed with the last one
}

// connected reports whether the connection is made; false while it is dialled.
func (c *serviceConn) connected() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

// broken reports whether a connection that was made has ended, or said what
// nobody asked for (the notice of disconnection, RFC 4511 section 4.4.1).
func (c *serviceConn) broken() bool {
	return c.connected() && (c.fault != nil || c.conn.IsClosing() || c.conn.GetLastError() != nil)
}

// close ends the connection. The socket goes first: the library would wait for
// what it is writing.
func (c *serviceConn) close() {
	if c.wire != nil {
		_ = c.wire.Close()
		_ = c.conn.Close()
	}
}

// search searches at this server. When a connection that was kept turns out to
// be dead, a new one is tried.
func (p *servicePool) search(ctx context.Context, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if f := p.enter(ctx); f != nil {
		return nil, f
	}
	begin := time.Now()
	within, cancel := context.WithTimeoutCause(ctx, p.server.timeout, errTook)
	defer cancel()
	c := p.pick(time.Time{})
	kept := c.connected()
	res, err := p.searchOn(within, c, r)
	var f *fault
	if !kept || !errors.As(err, &f) || !f.dead {
		return res, err
	}
	if f := p.enter(within); f != nil {
		return nil, f
	}
	return p.searchOn(within, p.pick(begin), r)
}

// newLDAP hands a connection to the library. The library's own deadline comes
// after ours, so that it is always known why a search ended.
func newLDAP(w *wire) *ldap.Conn {
	c := ldap.NewConn(w, false) // TLS, where there is any, is on already
	c.SetTimeout(w.timeout + w.timeout/4)
	c.Start()
	return c
}

// searchOn makes one search on c, for which the caller has a permit. A caller
// whose context ends leaves; the search then ends by itself, when the answer
// comes or the time is up, and keeps its permit until then. Answers carry the
// number of their request, so nothing is wrong with the connection: it is
// condemned when the server has taken too long, not when a caller has no time.
func (p *servicePool) searchOn(ctx context.Context, c *serviceConn, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		p.finish(c, false)
		return nil, lost(ctx, "connect", p.server.timeout, ctx.Err())
	}
	if c.fault != nil {
		p.finish(c, true)
		return nil, c.fault
	}
	query := *r
	query.EnforceSizeLimit = r.SizeLimit > 0
	type found struct {
		res *ldap.SearchResult
		err error
	}
	answer := make(chan found, 1)
	p.server.running.Go(func() {
		res, err := c.search(ctx, &query)
		err = p.server.judge(ctx, c.wire, err)
		var f *fault
		p.finish(c, errors.As(err, &f) && f.outcome != OutcomeBusy && f.outcome != OutcomeCanceled)
		answer <- found{res, err}
	})
	select {
	case a := <-answer:
		return a.res, a.err
	case <-ctx.Done():
		f := lost(ctx, "search", p.server.timeout, ctx.Err())
		if f.outcome == OutcomeTimeout {
			p.mu.Lock()
			p.condemnLocked(c)
			p.mu.Unlock()
		}
		return nil, f
	}
}

// searchSafely keeps an answer that the library cannot bear from ending the
// program.
func searchSafely(c *ldap.Conn, r *ldap.SearchRequest) (res *ldap.SearchResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, fmt.Errorf("the answer cannot be decoded: %v", p)
		}
	}()
	return c.Search(r)
}

// judge sorts what the library returns into answers, which stay *ldap.Error, and
// faults. The library calls failures of its own *ldap.Error too.
func (s *server) judge(ctx context.Context, w *wire, err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*ldap.Error](err); ok {
		switch {
		case busy(int(answer.ResultCode)):
			return busyFault("search", int(answer.ResultCode), answer.Err.Error())
		case answer.ResultCode < ldap.ErrorNetwork:
			return answer
		case errors.Is(err, ldap.ErrSizeLimitExceeded):
			return &ldap.Error{ResultCode: ldap.LDAPResultSizeLimitExceeded, Err: errors.New("more entries than asked for")}
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) { // between two pages
		return lost(ctx, "search", s.timeout, err)
	}
	if broke := w.broke(); broke != nil {
		f := lost(context.Background(), "search", s.timeout, broke)
		f.dead = f.outcome == OutcomeUnreachable || f.outcome == OutcomeTLS
		return f
	}
	return &fault{outcome: OutcomeProtocol, text: "search: " + err.Error(), err: err}
}
