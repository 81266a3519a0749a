package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/sync/semaphore"
)

const (
	// maxInFlight bounds the searches on one connection. OpenLDAP closes an
	// anonymous connection with more than 100 (conn_max_pending).
	maxInFlight = 64
	// growAt is how many searches a connection has before another is opened.
	growAt = 8
)

// serviceConn is a connection of the service account; searches share it.
type serviceConn struct {
	ready chan struct{} // closed when conn or fault is set
	conn  *ldap.Conn
	wire  *wire
	fault *fault
	born  time.Time // when dialling began

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
	return nil
}

// pick chooses the connection with the fewest searches, and opens another when
// they are many and it may. Connections made before after are left out where
// there is another way.
func (p *servicePool) pick(after time.Time) *serviceConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.conns) - 1; i >= 0; i-- {
		if p.conns[i].broken() {
			p.condemnLocked(p.conns[i])
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
	c := &serviceConn{ready: make(chan struct{}), born: time.Now()}
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
		c.wire.allow()
		res, err := searchSafely(c.conn, &query)
		err = p.server.judge(c.wire, err)
		var f *fault
		p.finish(c, errors.As(err, &f) && f.outcome != OutcomeBusy)
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
func (s *server) judge(w *wire, err error) error {
	if err == nil {
		return nil
	}
	var answer *ldap.Error
	if errors.As(err, &answer) {
		switch {
		case busy(int(answer.ResultCode)):
			return busyFault("search", int(answer.ResultCode), answer.Err.Error())
		case answer.ResultCode < ldap.ErrorNetwork:
			return answer
		case errors.Is(err, ldap.ErrSizeLimitExceeded):
			return &ldap.Error{ResultCode: ldap.LDAPResultSizeLimitExceeded, Err: errors.New("more entries than asked for")}
		}
	}
	if broke := w.broke(); broke != nil {
		f := lost(context.Background(), "search", s.timeout, broke)
		f.dead = f.outcome == OutcomeUnreachable
		return f
	}
	return &fault{outcome: OutcomeProtocol, text: "search: " + err.Error(), err: err}
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

// drop condemns the connections that were not used since before, and all that
// are older when a server went down.
func (p *servicePool) drop(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.conns) - 1; i >= 0; i-- {
		if c := p.conns[i]; c.load == 0 && c.used.Before(before) {
			p.condemnLocked(c)
		}
	}
}

// retire condemns all connections, now and in future.
func (p *servicePool) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	for i := len(p.conns) - 1; i >= 0; i-- {
		p.condemnLocked(p.conns[i])
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

// inFlight counts the searches that have a permit.
func (p *servicePool) inFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.conns {
		n += c.load
	}
	return n
}
