package testenv

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// RelayMode is what a relay does to the connections through it.
type RelayMode uint8

// The modes. A change is felt by connections that are open already.
const (
	// Pass forwards.
	Pass RelayMode = iota
	// Refuse closes all connections and the listener.
	Refuse
	// Reset sends a TCP reset on every connection, old or new.
	Reset
	// ResetAnswer forwards half of the next piece of an answer, then resets.
	ResetAnswer
	// Half forwards half of the next piece of an answer, then closes in order.
	Half
	// Stall takes connections and forwards nothing. What is held back goes on
	// its way when the mode changes.
	Stall
	// Trickle forwards answers at TrickleRate.
	Trickle
	// Garbage replaces answers by as many random bytes.
	Garbage
)

// TrickleRate is how many bytes a second Trickle lets through.
const TrickleRate = 10

// relayLimit bounds the connections; a further one is reset.
const relayLimit = 1024

// String names the mode for subtests.
func (m RelayMode) String() string {
	names := [...]string{"pass", "refuse", "reset", "reset_answer", "half", "stall", "trickle", "garbage"}
	if int(m) < len(names) {
		return names[m]
	}
	return fmt.Sprintf("mode %d", m)
}

// Relay forwards TCP connections to a server and disturbs them on demand.
type Relay struct {
	// Addr is where it listens, host:port; it stays the same in all modes.
	Addr string

	target string
	wg     sync.WaitGroup

	mu       sync.Mutex
	mode     RelayMode
	changed  chan struct{} // closed at the next change of mode
	listener net.Listener  // nil while refusing
	conns    map[*relayConn]struct{}
	accepted int
	stopped  bool
}

// StartRelay starts a relay to target, host:port, that ends with the test.
func StartRelay(t testing.TB, target string) *Relay {
	t.Helper()
	r := &Relay{
		Addr: fmt.Sprintf("127.0.0.1:%d", freePort(t)), target: target,
		changed: make(chan struct{}), conns: map[*relayConn]struct{}{},
	}
	if err := r.Set(Pass); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// Set changes the mode. It fails only when the port is no longer to be had
// after Refuse.
func (r *Relay) Set(mode RelayMode) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = mode
	close(r.changed)
	r.changed = make(chan struct{})
	if mode == Refuse || mode == Reset {
		for c := range r.conns {
			c.end(mode == Reset)
		}
	}
	if mode == Refuse {
		r.closeListenerLocked()
		return nil
	}
	if r.listener != nil || r.stopped {
		return nil
	}
	l, err := net.Listen("tcp", r.Addr)
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	r.listener = l
	r.wg.Go(func() { r.accept(l) })
	return nil
}

func (r *Relay) closeListenerLocked() {
	if r.listener != nil {
		r.listener.Close()
		r.listener = nil
	}
}

// Open is the number of connections that clients hold open.
func (r *Relay) Open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// Accepted is the number of connections so far.
func (r *Relay) Accepted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

func (r *Relay) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		if c := r.admit(conn.(*net.TCPConn)); c != nil {
			r.wg.Go(func() {
				c.run()
				r.forget(c)
			})
		}
	}
}

func (r *Relay) admit(client *net.TCPConn) *relayConn {
	c := newRelayConn(r, client)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted++
	if r.stopped || r.mode == Reset || r.mode == Refuse || len(r.conns) >= relayLimit {
		c.end(true)
		return nil
	}
	r.conns[c] = struct{}{}
	return c
}

func (r *Relay) forget(c *relayConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// state returns the mode and what is closed when it changes.
func (r *Relay) state() (RelayMode, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode, r.changed
}

func (r *Relay) stop() {
	r.mu.Lock()
	r.stopped = true
	r.closeListenerLocked()
	for c := range r.conns {
		c.end(true)
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// dialRelayTarget bounds how long a server may take to accept.
const dialRelayTarget = 5 * time.Second
