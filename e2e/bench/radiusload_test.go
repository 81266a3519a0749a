package bench

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// perSocket is how many logins one UDP socket has in flight at most.
	perSocket = 16
	// patience is after how long a login without an answer is lost. It is longer
	// than Sallyport keeps a check waiting.
	patience = 4 * time.Second
)

// radiusLoad keeps width logins in flight (a power of two) until n have been sent. Every request
// is a login of its own (a new Request Authenticator), never a retransmission.
func radiusLoad(s *server, width, n int) (sample, error) {
	var left atomic.Int64
	left.Store(int64(n))
	sockets := max(1, width/perSocket)
	samples := make([]sample, sockets)
	var senders errgroup.Group
	for i := range sockets {
		conn, err := net.Dial("udp4", s.RADIUS)
		if err != nil {
			return sample{}, errors.Join(err, senders.Wait())
		}
		first := i * perSocket
		g := &gateway{
			codec: newCodec(uint64(i)), conn: conn, left: &left, bare: s.LDAP == "",
			lanes: make([]lane, min(perSocket, width-first)),
		}
		for l := range g.lanes {
			g.lanes[l] = lane{id: byte(l), user: first + l, step: width}
		}
		senders.Go(func() error {
			defer conn.Close()
			err := g.run()
			samples[i] = g.sample
			return err
		})
	}
	err := senders.Wait()
	var all sample
	for _, one := range samples {
		all.add(one)
	}
	return all, err
}

// gateway is a NAS with one socket.
type gateway struct {
	*codec
	conn  net.Conn
	left  *atomic.Int64
	bare  bool
	lanes []lane
	busy  int
	sample
	out, in [4096]byte
}

// lane is a place for one login in flight. Lanes share neither users nor
// identifiers: an identifier belongs to the lane that is its remainder.
type lane struct {
	id         byte
	user, step int
	auth       [16]byte
	sent       time.Time // zero when nothing is in flight
}

func (g *gateway) run() error {
	for l := range g.lanes {
		if err := g.send(l); err != nil {
			return err
		}
	}
	var check time.Time
	for g.busy > 0 {
		if now := time.Now(); now.After(check) {
			if err := g.giveUp(now); err != nil {
				return err
			}
			check = now.Add(patience / 8)
			if err := g.conn.SetReadDeadline(check); err != nil {
				return err
			}
		}
		n, err := g.conn.Read(g.in[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return err
		}
		if err := g.answer(g.in[:n]); err != nil {
			return err
		}
	}
	return nil
}

// send starts a login in a lane, if one is left.
func (g *gateway) send(l int) error {
	if g.left.Add(-1) < 0 {
		return nil
	}
	x := &g.lanes[l]
	x.id += byte(len(g.lanes))
	x.user += x.step
	var b []byte
	b, x.auth = g.request(g.out[:], x.id, login(x.user), password(x.user))
	x.sent = time.Now()
	g.busy++
	_, err := g.conn.Write(b)
	return err
}

// answer judges an answer and uses the lane again.
func (g *gateway) answer(b []byte) error {
	if len(b) < headerLength {
		return fmt.Errorf("an answer of %d octets", len(b))
	}
	l := int(b[1]) % len(g.lanes)
	x := &g.lanes[l]
	if x.id != b[1] || x.sent.IsZero() {
		return nil // the answer to a login that was given up
	}
	code, err := g.judge(b, x.auth, g.bare)
	if err != nil {
		return err
	}
	if code == accessAccept {
		g.latencies = append(g.latencies, time.Since(x.sent))
	} else {
		g.refused++
	}
	x.sent = time.Time{}
	g.busy--
	return g.send(l)
}

// giveUp counts the logins that had no answer for too long, and uses their
// lanes again.
func (g *gateway) giveUp(now time.Time) error {
	for l := range g.lanes {
		x := &g.lanes[l]
		if x.sent.IsZero() || now.Sub(x.sent) < patience {
			continue
		}
		g.lost++
		x.sent = time.Time{}
		g.busy--
		if err := g.send(l); err != nil {
			return err
		}
	}
	return nil
}
