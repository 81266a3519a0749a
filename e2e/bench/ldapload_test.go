package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// ldapLoad binds on width connections, one bind after the other on each, until n
// have been sent.
func ldapLoad(s *server, width, n int) (sample, error) {
	var left atomic.Int64
	left.Store(int64(n))
	samples := make([]sample, width)
	var clients errgroup.Group
	for i := range width {
		conn, err := net.Dial("tcp4", s.LDAP)
		if err != nil {
			return sample{}, errors.Join(err, clients.Wait())
		}
		c := &client{conn: conn, left: &left, user: i, step: width}
		clients.Go(func() error {
			defer conn.Close()
			err := c.run()
			samples[i] = c.sample
			return err
		})
	}
	err := clients.Wait()
	var all sample
	for _, one := range samples {
		all.add(one)
	}
	return all, err
}

// client is one LDAP connection.
type client struct {
	conn       net.Conn
	left       *atomic.Int64
	user, step int // no two clients bind as the same user
	sample
	out, in []byte
}

const (
	// firstID is a message ID of four octets, as are all that follow it.
	firstID = 0x01000000
	// hung is after how long at least a bind without an answer ends the run: over
	// TCP nothing may get lost.
	hung = 15 * time.Second
)

func (c *client) run() error {
	var deadline time.Time
	for id := uint32(firstID); c.left.Add(-1) >= 0; id++ {
		c.out = bindRequest(c.out[:0], id, "uid="+login(c.user)+",ou=users,"+baseDN, password(c.user))
		c.user += c.step
		sent := time.Now()
		if deadline.Sub(sent) < hung { // not for each bind: it costs
			deadline = sent.Add(2 * hung)
			if err := c.conn.SetDeadline(deadline); err != nil {
				return err
			}
		}
		if _, err := c.conn.Write(c.out); err != nil {
			return err
		}
		code, err := c.result(id)
		if err != nil {
			return fmt.Errorf("bind %d: %w", id-firstID, err)
		}
		if code == 0 {
			c.latencies = append(c.latencies, time.Since(sent))
		} else {
			c.refused++
		}
	}
	return nil
}

// bindRequest writes a simple bind (RFC 4511 section 4.2). All lengths stay
// below 128.
func bindRequest(b []byte, id uint32, dn, password string) []byte {
	op := 3 + 2 + len(dn) + 2 + len(password)
	b = append(b, 0x30, byte(6+2+op), 0x02, 4)
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, 0x60, byte(op), 0x02, 1, 3)
	b = append(append(b, 0x04, byte(len(dn))), dn...)
	return append(append(b, 0x80, byte(len(password))), password...)
}

// result reads one message and returns the result code of the bind with this
// message ID.
func (c *client) result(id uint32) (byte, error) {
	if c.in == nil {
		c.in = make([]byte, 2+127)
	}
	n, err := io.ReadAtLeast(c.conn, c.in, 2)
	if err != nil {
		return 0, err
	}
	whole := 2 + int(c.in[1])
	if whole > len(c.in) || n > whole {
		return 0, fmt.Errorf("not one short message: % x", c.in[:n])
	}
	if _, err := io.ReadFull(c.conn, c.in[n:whole]); err != nil {
		return 0, err
	}
	return bindResult(c.in[:whole], id)
}

// bindResult takes the code from a BindResponse.
func bindResult(b []byte, id uint32) (byte, error) {
	want := binary.BigEndian.AppendUint32([]byte{0x30, byte(len(b) - 2), 0x02, 4}, id)
	want = append(want, 0x61, byte(len(b)-10), 0x0a, 1)
	if len(b) <= len(want) || !bytes.HasPrefix(b, want) {
		return 0, fmt.Errorf("not the response to bind %#x: % x", id, b)
	}
	return b[len(want)], nil
}

func TestBindResult(t *testing.T) {
	right := []byte{0x30, 15, 2, 4, 1, 0, 0, 5, 0x61, 7, 0x0a, 1, 49, 4, 0, 4, 0}
	if code, err := bindResult(right, 0x01000005); code != 49 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if _, err := bindResult(right, 0x01000006); err == nil {
		t.Error("the answer to another bind is taken")
	}
	right[8] = 0x65
	if _, err := bindResult(right, 0x01000005); err == nil {
		t.Error("the answer to another operation is taken")
	}
	if _, err := bindResult(nil, 1); err == nil {
		t.Error("an empty answer is taken")
	}
}
