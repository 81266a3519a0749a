package testenv

import (
	"crypto/rand"
	"net"
	"sync"
	"time"
)

// relayConn is one connection through a relay.
type relayConn struct {
	relay  *Relay
	client *net.TCPConn

	once sync.Once
	gone chan struct{} // closed by end
}

// pieces bounds what is read ahead in each direction while nothing is
// forwarded: a piece has up to 4 KiB.
const pieces = 256

func newRelayConn(r *Relay, client *net.TCPConn) *relayConn {
	return &relayConn{relay: r, client: client, gone: make(chan struct{})}
}

// end closes the connection, with a reset or in order. Only the first call
// counts.
func (c *relayConn) end(reset bool) {
	c.once.Do(func() {
		if reset {
			_ = c.client.SetLinger(0)
		}
		c.client.Close()
		close(c.gone)
	})
}

// run forwards until either side ends.
func (c *relayConn) run() {
	defer c.end(false)
	var wg sync.WaitGroup
	defer wg.Wait()

	requests, answers := make(chan []byte, pieces), make(chan []byte, pieces)
	wg.Go(func() {
		c.read(c.client, requests)
		if mode, _ := c.relay.state(); mode == Stall {
			c.end(false) // the requests wait for nobody
		}
	})
	if !c.unstalled() {
		return
	}
	server, err := net.DialTimeout("tcp", c.relay.target, dialRelayTarget)
	if err != nil {
		c.end(true)
		return
	}
	wg.Go(func() {
		<-c.gone
		server.Close()
	})
	wg.Go(func() { c.read(server, answers) })
	wg.Go(func() {
		c.forward(server, requests)
		c.end(false)
	})
	for piece := range answers {
		if !c.answer(piece) {
			break
		}
	}
	c.end(false)
}

// read hands on what a side sends, until it ends.
func (c *relayConn) read(from net.Conn, to chan<- []byte) {
	defer close(to)
	for {
		piece := make([]byte, 4096)
		n, err := from.Read(piece)
		if n > 0 {
			select {
			case to <- piece[:n]:
			case <-c.gone:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// unstalled waits until the relay forwards, and reports false when the
// connection ends before.
func (c *relayConn) unstalled() bool {
	for {
		mode, changed := c.relay.state()
		if mode != Stall {
			return true
		}
		select {
		case <-changed:
		case <-c.gone:
			return false
		}
	}
}

func (c *relayConn) forward(to net.Conn, from <-chan []byte) {
	for piece := range from {
		if !c.unstalled() {
			return
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

// answer forwards a piece of an answer as the mode wants it, and reports
// whether the connection goes on.
func (c *relayConn) answer(piece []byte) bool {
	if !c.unstalled() {
		return false
	}
	mode, changed := c.relay.state()
	switch mode {
	case Half, ResetAnswer:
		_, _ = c.client.Write(piece[:len(piece)/2])
		c.end(mode == ResetAnswer)
		return false
	case Garbage:
		_, _ = rand.Read(piece) // never fails
	case Trickle:
		select {
		case <-time.After(time.Second / TrickleRate):
		case <-changed:
		case <-c.gone:
			return false
		}
		if _, err := c.client.Write(piece[:1]); err != nil {
			return false
		}
		return len(piece) == 1 || c.answer(piece[1:])
	}
	_, err := c.client.Write(piece)
	return err == nil
}
