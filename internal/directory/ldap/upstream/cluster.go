package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
)

// Options are what a Cluster is given by those who run it.
type Options struct {
	// Log takes changes of the servers' state.
	Log *slog.Logger
	// Observer is told of each operation; nil for nobody.
	Observer Observer
	// Resolve looks up SRV records by their full name; nil asks the system.
	Resolve func(ctx context.Context, name string) ([]*net.SRV, error)
	// Trial makes Open check everything and then leave the network alone: nothing
	// is watched, and all operations fail.
	Trial bool
}

// Observer is told of each operation at a server, once, and must be quick. The
// operation is "search", "bind", "connect" or "probe"; the outcome is one of the
// constants of this package.
type Observer interface {
	Observe(server, operation, outcome string, took time.Duration)
}

// Control is a control of an answer (RFC 4511 section 4.1.11).
type Control struct {
	OID   string
	Value []byte // nil if absent
}

// BindResult is what a server answered to a bind.
type BindResult struct {
	// Server is the URL of the server that answered.
	Server string
	// Code is the result code (RFC 4511 appendix A), 0 for success. A success is
	// not all: see Controls.
	Code int
	// Text is the server's diagnostic message, as it came.
	Text string
	// Controls has the answer of a password policy, if there is one: with it the
	// success may be that of a password that must be changed.
	Controls []Control
}

// Cluster is the connections to the servers of one directory. It is safe for
// concurrent use.
type Cluster struct {
	*settings
	stop     context.CancelFunc
	servers  atomic.Pointer[[]*server]
	resolver *resolver // nil with fixed URLs

	mu     sync.RWMutex
	closed bool
}

// Open prepares the connections to the servers of the directory that is called
// name, and begins to watch them. It does not wait for the network: a server
// that is down is not a fault. It reads the files of cfg.TLS.
func Open(name string, cfg *config.LDAPDirectory, o Options) (*Cluster, error) {
	limitLibrary()
	base, err := loadTLS(cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", name, err)
	}
	c := &Cluster{settings: newSettings(name, cfg, o)}
	var servers []*server
	for _, text := range cfg.URLs {
		e, err := parseEndpoint(text, cfg.StartTLS != "off", base)
		if err != nil {
			return nil, fmt.Errorf("directory %s: urls: %w", name, err)
		}
		servers = append(servers, newServer(c.settings, e))
	}
	if cfg.SRV != "" {
		if c.resolver, err = newResolver(cfg.SRV, cfg.StartTLS != "off", base, o.Resolve); err != nil {
			return nil, fmt.Errorf("directory %s: srv: %w", name, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.servers.Store(&[]*server{})
	if o.Trial {
		return c, c.Close()
	}
	c.use(ctx, servers)
	c.running.Go(func() { c.sweep(ctx) })
	if c.resolver != nil {
		c.running.Go(func() { c.resolve(ctx) })
	}
	return c, nil
}

func newSettings(name string, cfg *config.LDAPDirectory, o Options) *settings {
	s := &settings{
		timeout: cfg.Timeout, idle: cfg.Pool.Idle, health: cfg.HealthInterval,
		binds: cfg.Pool.Binds, searches: cfg.Pool.Searches,
		bindDN: cfg.BindDN, bindPassword: cfg.BindPassword.Reveal(),
		log:     slog.New(slog.DiscardHandler),
		observe: func(string, string, string, time.Duration) {},
		links:   &registry{all: map[uint64]func(){}},
		running: new(sync.WaitGroup),
	}
	if o.Log != nil {
		s.log = o.Log.With("directory", name)
	}
	if o.Observer != nil {
		s.observe = o.Observer.Observe
	}
	return s
}

// use takes servers into use, in this order, and begins to watch the new ones.
func (c *Cluster) use(ctx context.Context, servers []*server) {
	for _, s := range servers {
		if s.unwatch == nil {
			var watched context.Context
			watched, s.unwatch = context.WithCancel(ctx)
			c.running.Go(func() { s.watch(watched) })
		}
	}
	c.servers.Store(&servers)
}

// sweep closes connections that nobody has used for long.
func (c *Cluster) sweep(ctx context.Context) {
	t := time.NewTicker(min(max(c.idle/4, 250*time.Millisecond), 30*time.Second))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			for _, s := range *c.servers.Load() {
				s.binds.drop(now.Add(-c.idle))
				s.searches.drop(now.Add(-c.idle))
			}
		}
	}
}

// begin counts an operation, so that Close can wait for it.
func (c *Cluster) begin() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

// Search asks the first server that answers, as the service account. Another
// result than success is an *ldap.Error, with the entries that came before it,
// and is an answer: no other server is asked. More entries than r.SizeLimit are
// LDAPResultSizeLimitExceeded, whoever does the counting. Without an answer the
// error is an *Outage. What r refers to must not change afterwards, even when
// ctx ended the search.
func (c *Cluster) Search(ctx context.Context, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if _, err := ldap.CompileFilter(r.Filter); err != nil {
		return nil, fmt.Errorf("search: %s", err.Error()) // not wrapped: it is no answer
	}
	var found *ldap.SearchResult
	err := c.each(ctx, "search", func(s *server) (outcome string, err error) {
		found, err = s.searches.search(ctx, r)
		if _, ok := errors.AsType[*ldap.Error](err); ok {
			return OutcomeRefused, err
		}
		return OutcomeOK, err
	})
	return found, err
}

// Bind asks the first server that answers whether password is that of dn. Any
// result that a server gives is a BindResult, apart from busy and unavailable:
// those send the bind to the next server. An empty name or password, and one
// with NUL, are ErrNotSent. Without an answer the error is an *Outage.
func (c *Cluster) Bind(ctx context.Context, dn, password string) (BindResult, error) {
	if err := sendable(dn, password); err != nil {
		return BindResult{}, fmt.Errorf("bind: %w", err)
	}
	var res BindResult
	err := c.each(ctx, "bind", func(s *server) (string, error) {
		r, f := s.binds.bind(ctx, dn, password)
		if f == nil && busy(r.code) {
			f = busyFault("bind", r.code, discreet(r.text, password))
		}
		if f != nil {
			return f.outcome, f
		}
		res = BindResult{Server: s.url, Code: r.code, Text: r.text, Controls: r.controls}
		if r.code != 0 {
			return OutcomeRefused, nil
		}
		return OutcomeOK, nil
	})
	return res, err
}

// each asks server after server until one answers. An error that is no *fault
// is an answer.
func (c *Cluster) each(ctx context.Context, operation string, ask func(*server) (string, error)) error {
	if !c.begin() {
		return fmt.Errorf("%s: %w", operation, ErrClosed)
	}
	defer c.running.Done()
	if c.resolver != nil {
		c.resolver.wait(ctx)
	}
	var failures []Failure
	for _, s := range c.order() {
		if ended(ctx) != nil {
			break
		}
		done, ok := s.admit(false)
		if !ok {
			failures = append(failures, s.down())
			continue
		}
		begin := time.Now()
		outcome, err := ask(s)
		f, failed := errors.AsType[*fault](err)
		if failed {
			f = c.excuse(ctx, f)
			outcome = f.outcome
		}
		s.settle(done, f)
		c.observe(s.url, operation, outcome, time.Since(begin))
		if !failed {
			return err
		}
		if errors.Is(f.err, ErrClosed) {
			return fmt.Errorf("%s: %w", operation, ErrClosed)
		}
		failures = append(failures, Failure{s.url, f.outcome, strings.TrimPrefix(f.text, operation+": ")})
	}
	out := &Outage{Operation: operation, Failures: failures, cause: ended(ctx)}
	if c.resolver != nil && out.cause == nil {
		c.resolver.hurry()
		out.Failures = append(out.Failures, c.resolver.failures()...)
	}
	return out
}

// order is the servers as they are to be asked. One that failed to answer comes
// after the others until it does: what a login has paid for once, at the search,
// it need not pay for again at the bind.
func (c *Cluster) order() []*server {
	servers := *c.servers.Load()
	if !slices.ContainsFunc(servers, (*server).suspected) {
		return servers
	}
	var trusted, suspects []*server
	for _, s := range servers {
		if s.suspected() {
			suspects = append(suspects, s)
		} else {
			trusted = append(trusted, s)
		}
	}
	return append(trusted, suspects...)
}

// excuse turns a fault into one that is not the server's where it is ours: the
// caller's deadline, which may pass a moment before the context says so, and
// Close.
func (c *Cluster) excuse(ctx context.Context, f *fault) *fault {
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch {
	case c.closed:
		return closedFault()
	case f.outcome == OutcomeTimeout && ended(ctx) != nil:
		return &fault{outcome: OutcomeCanceled, text: f.text, err: f.err}
	}
	return f
}

// Close ends the operations that are under way, with an error, and closes all
// connections. It waits until nothing is left of either.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.links.close()
	for _, s := range *c.servers.Load() {
		s.retire()
	}
	c.running.Wait()
	return nil
}
