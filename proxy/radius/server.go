package radius

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy"
)

// readersPerSocket is how many goroutines read one socket: while one inspects
// a packet, the other receives the next.
const readersPerSocket = 2

// Options tune a Server. A zero field takes the default of the configuration.
type Options struct {
	// RADIUS has the sizes of queue and duplicate cache and the number of
	// workers. What it says of clients is left to the Table.
	RADIUS config.RADIUS
	// LoginTimeout is how long a request may wait in the queue: the NAS has
	// given up on one that waited longer. Default 10s.
	LoginTimeout time.Duration
	// Drain is how long logins in flight may go on when Serve ends. Default 5s.
	Drain time.Duration
	// Log gets what is worth a line. Default: nothing.
	Log *slog.Logger
}

// Server answers RADIUS clients on its sockets. Use NewServer.
type Server struct {
	drain, patience time.Duration
	workers         int
	log             *slog.Logger

	table atomic.Pointer[Table]
	seen  *duplicates
	warn  *limiter
	count counters
	queue chan *request
	free  sync.Pool // of *request
	ids   *proxy.IDs

	mu      sync.Mutex
	sockets []*socket
	served  bool
}

// NewServer makes a server that listens nowhere yet.
func NewServer(t *Table, o Options) *Server {
	s := &Server{
		drain:    cmp.Or(o.Drain, 5*time.Second),
		patience: cmp.Or(o.LoginTimeout, 10*time.Second),
		workers:  cmp.Or(o.RADIUS.Workers, 256),
		log:      cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		seen:     newDuplicates(cmp.Or(o.RADIUS.DuplicateWindow, 5*time.Second), cmp.Or(o.RADIUS.DuplicateEntries, 65536)),
		warn:     newLimiter(),
		ids:      proxy.NewIDs(),
		queue:    make(chan *request, cmp.Or(o.RADIUS.Queue, 4096)),
	}
	s.free.New = func() any { return &request{avps: make([]avp, 0, 32)} }
	s.table.Store(t)
	return s
}

// Use makes t the table of all packets from now on. A packet that has arrived
// keeps the client and the handler of the table that it started with.
func (s *Server) Use(t *Table) { s.table.Store(t) }

// Listen binds an address now; Serve reads from it. The error names the
// address; errors.Is finds the system's reason in it.
func (s *Server) Listen(addr config.ListenAddr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served {
		return errors.New("the server is running already; a new address needs a restart")
	}
	sock, err := listen(context.Background(), addr, s.log)
	if err == nil && sock != nil {
		s.sockets = append(s.sockets, sock)
	}
	return err
}

// Addrs returns the addresses that are listened on, with the ports that the
// system chose where 0 was asked for.
func (s *Server) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addrs []netip.AddrPort
	for _, sock := range s.sockets {
		addrs = append(addrs, sock.local)
	}
	return addrs
}

// Close gives back the sockets of a server that is not going to be served.
// Serve closes them itself.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, sock := range s.sockets {
		if err := sock.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Serve answers requests until ctx ends. Then it stops reading at once, lets
// the logins in flight end and be answered for as long as Options.Drain, and
// returns with all sockets closed and all goroutines gone. It can be called
// once.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	if s.served {
		s.mu.Unlock()
		return errors.New("serve radius: the server was served before")
	}
	s.served = true
	sockets := s.sockets
	s.mu.Unlock()

	// Logins outlive ctx until the drain ends; a reader that fails ends all.
	reading, stop := context.WithCancelCause(ctx)
	logins, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()

	var readers, workers sync.WaitGroup
	for range s.workers {
		workers.Go(func() { s.work(logins) })
	}
	for _, sock := range sockets {
		for range readersPerSocket {
			readers.Go(func() {
				if err := s.read(reading, sock); err != nil {
					stop(err)
				}
			})
		}
	}
	<-reading.Done()
	for _, sock := range sockets {
		_ = sock.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the readers; writing goes on
	}
	readers.Wait()
	close(s.queue)
	timer := time.AfterFunc(s.drain, abort)
	workers.Wait()
	timer.Stop()

	err := s.Close()
	if cause := context.Cause(reading); ctx.Err() == nil {
		err = errors.Join(cause, err)
	}
	stop(nil)
	return err
}

// read takes requests from one socket until ctx ends.
func (s *Server) read(ctx context.Context, sock *socket) error {
	r := s.fetch()
	defer func() { s.free.Put(r) }()
	failures := 0
	for {
		err := sock.receive(r)
		switch {
		case err == nil:
			failures = 0
			r.received = time.Now()
			if s.take(r) {
				r = s.fetch()
			}
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("read from %s/udp: %w", sock.local, err)
		}
		// The kernel reports trouble of the network here, which passes; what
		// stays must not make a busy loop.
		failures++
		if s.warn.allow(subject{what: "read", addr: sock.local.Addr()}, time.Now()) {
			s.log.Warn("radius socket cannot be read", "address", sock.local.String(), "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(time.Duration(failures)*time.Millisecond, time.Second)):
		}
	}
}

// fetch returns a request from the pool.
func (s *Server) fetch() *request {
	r, _ := s.free.Get().(*request)
	return r
}
