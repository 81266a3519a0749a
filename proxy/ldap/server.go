package ldap

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy"
)

// Options are what a Server keeps for its life.
type Options struct {
	// LDAP holds the bounds of connections and workers. Zero numbers stand for the
	// defaults of the configuration, except IdleTimeout, where 0 is never.
	LDAP config.LDAP
	// Log gets faults of ours at Error and malformed input at Debug. Nil discards.
	Log *slog.Logger
	// Drain is how long binds in flight may take once Serve is told to end; 0
	// stands for 5 s.
	Drain time.Duration
}

// limits are the deadlines of one connection.
type limits struct {
	idle, handshake, message, write, linger time.Duration
}

// Server answers LDAP on its listeners. Listen first, then Serve, once.
type Server struct {
	table  atomic.Pointer[Table]
	log    *slog.Logger
	limits limits
	drain  time.Duration
	slots  chan struct{} // one per login that is being decided
	jobs   chan func()   // to the workers that are kept
	pool   pool
	stats  counters

	draining atomic.Bool
	ids      *proxy.IDs

	listeners []listener
	maxConns  int
	maxPeer   int

	mu    sync.Mutex
	conns map[*conn]struct{}
	peers map[netip.Addr]int
}

// NewServer makes a Server that listens nowhere yet.
func NewServer(t *Table, o Options) *Server {
	s := &Server{
		log:   cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		drain: cmp.Or(o.Drain, 5*time.Second),
		slots: make(chan struct{}, cmp.Or(o.LDAP.Workers, 256)),
		jobs:  make(chan func()),
		limits: limits{
			idle:      o.LDAP.IdleTimeout,
			handshake: 10 * time.Second,
			message:   15 * time.Second,
			write:     15 * time.Second,
			linger:    500 * time.Millisecond,
		},
		maxConns: cmp.Or(o.LDAP.MaxConnections, 16384),
		maxPeer:  o.LDAP.MaxConnectionsPerAddress,
		ids:      proxy.NewIDs(),
		conns:    make(map[*conn]struct{}),
		peers:    make(map[netip.Addr]int),
	}
	s.table.Store(t)
	return s
}

// Use makes t the table of every operation that begins from now on. Addresses
// and Options stay what they are.
func (s *Server) Use(t *Table) { s.table.Store(t) }

// Serve answers until ctx ends. Then the listeners are closed at once, idle
// connections get a notice of disconnection and are closed, and binds in flight
// are finished and answered for at most Options.Drain. When Serve returns,
// nothing of the server is left. The error says which listener broke.
func (s *Server) Serve(ctx context.Context) error {
	// Logins outlive ctx by the drain.
	logins, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	accepting, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	var kept, accepts, conns sync.WaitGroup
	for range keptWorkers {
		kept.Go(s.work)
	}
	for _, l := range s.listeners {
		accepts.Go(func() {
			if err := s.accept(accepting, logins, l, &conns); err != nil {
				stop(err)
			}
		})
	}
	<-accepting.Done()
	_ = s.Close()
	accepts.Wait()

	s.draining.Store(true)
	s.each((*conn).wake)
	drained := make(chan struct{})
	go func() {
		conns.Wait()
		close(drained)
	}()
	timer := time.NewTimer(s.drain)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
		s.each(func(c *conn) { _ = c.raw.Close() })
		giveUp()
		<-drained
	}
	close(s.jobs)
	kept.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(accepting)
}

// keptWorkers is how many goroutines are kept for binds. Their stacks have grown
// already; a new one spends as much as a fifth of a login on growing its own.
const keptWorkers = 256

// work runs jobs until there are no more connections.
func (s *Server) work() {
	for job := range s.jobs {
		job()
	}
}

// run runs a job in a goroutine that is kept, or in a new one when all of those
// are busy.
func (s *Server) run(job func()) {
	select {
	case s.jobs <- job:
	default:
		go job()
	}
}

// each calls f for every open connection.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}

// admit enters a new connection, or says which bound refuses it.
func (s *Server) admit(raw net.Conn) (*conn, int, bool) {
	peer := peerAddr(raw.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.maxConns {
		return nil, refusedTotal, false
	}
	if s.maxPeer > 0 && s.peers[peer] >= s.maxPeer {
		return nil, refusedPerAddress, false
	}
	c := newConn(s, raw, peer)
	s.conns[c] = struct{}{}
	s.peers[peer]++
	s.stats.accepted.Add(1)
	s.stats.open.Add(1)
	return c, 0, true
}

// leave forgets a connection.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.peers[c.peer]--; s.peers[c.peer] <= 0 {
		delete(s.peers, c.peer)
	}
	s.stats.open.Add(-1)
}

// peerAddr is the address of the other side, IPv4 as IPv4.
func peerAddr(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
