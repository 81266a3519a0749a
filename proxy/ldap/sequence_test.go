package ldap

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// holding starts a bind that stays in flight and returns when it has begun.
func (r *rig) holding(w *wire, id int32) {
	w.tb.Helper()
	w.send(simpleBind(id, aliceDN, "hold"))
	r.begun(w.tb)
}

func (r *rig) begun(tb testing.TB) {
	tb.Helper()
	select {
	case <-r.fake.held:
	case <-time.After(10 * time.Second):
		tb.Fatal("the login does not begin")
	}
}

// eventually waits for what happens without a sign on the wire.
func eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not within 10 s: %s", what)
		}
	}
}

// waiting waits until n operations are queued on the only connection.
func (r *rig) waiting(tb testing.TB, n int) {
	tb.Helper()
	eventually(tb, fmt.Sprintf("%d operations wait", n), func() bool {
		queued := 0
		r.each(func(c *conn) {
			c.mu.Lock()
			defer c.mu.Unlock()
			queued = len(c.queue)
		})
		return queued == n
	})
}

func (r *rig) faults(c cause) uint64 { return r.Stats().ProtocolErrors[c.String()] }

// Nothing is answered while a bind is in flight; afterwards everything is, in
// order.
func TestABindGoesFirst(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	r.holding(w, 1)
	w.send(whoAmI(2), simpleBind(3, aliceDN, "bad"), whoAmI(4), simpleBind(5, aliceDN, "good"), whoAmI(6))
	_ = w.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _ := w.Read(make([]byte, 1)); n > 0 {
		t.Error("an answer before the bind's")
	}
	close(r.fake.release)
	w.expect(1, respBind, success)
	if a := w.expect(2, respExtended, success); string(a.rest[2:]) != "dn:"+aliceDN {
		t.Errorf("after the first bind: % x", a.rest)
	}
	w.expect(3, respBind, invalidCredentials)
	if a := w.expect(4, respExtended, success); len(a.rest) != 2 {
		t.Errorf("after the failed bind: % x", a.rest)
	}
	w.expect(5, respBind, success)
	w.expect(6, respExtended, success)
}

func TestAbandon(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	for id := int32(1); id < 40; id += 4 { // abandon, then bind again at once
		r.holding(w, id)
		w.send(request(id+1, abandonOp(id)), whoAmI(id+2), simpleBind(id+3, aliceDN, "good"))
		if a := w.expect(id+2, respExtended, success); len(a.rest) != 2 {
			t.Errorf("after an abandoned bind: % x", a.rest)
		}
		w.expect(id+3, respBind, success)
	}
	w.send(request(50, abandonOp(49)), request(51, abandonOp(0)), request(52, abandonOp(51)), whoAmI(53)) // of nothing
	w.expect(53, respExtended, success)

	r.holding(w, 60) // what waits can be abandoned too
	w.send(whoAmI(61), simpleBind(62, aliceDN, "good"), whoAmI(63), request(64, abandonOp(62)), request(65, abandonOp(60)))
	w.expect(61, respExtended, success)
	if a := w.expect(63, respExtended, success); len(a.rest) != 2 {
		t.Errorf("an abandoned bind in the queue was made: % x", a.rest)
	}
	// In one segment the abandon may come before the login begins.
	for id := int32(100); id < 200; id += 3 {
		w.send(simpleBind(id, aliceDN, "hold"), request(id+1, abandonOp(id)), whoAmI(id+2))
		w.expect(id+2, respExtended, success)
	}
}

// A client that goes away takes its login with it.
func TestHangUp(t *testing.T) {
	for name, leave := range map[string]func(w *wire){
		"close":      func(w *wire) { w.Close() },
		"half close": func(w *wire) { _ = w.Conn.(*net.TCPConn).CloseWrite() },
		"reset":      func(w *wire) { _ = w.Conn.(*net.TCPConn).SetLinger(0); w.Close() },
		"unbind":     func(w *wire) { w.send(request(2, []byte{opUnbind, 0})) },
		"garbage":    func(w *wire) { w.send([]byte("garbage")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			w := r.dial(t)
			r.holding(w, 1)
			leave(w)
			eventually(t, "the connection is gone", func() bool { return r.Stats().Open == 0 })
			r.works(t)
		})
	}
}

// Who has spoken LDAP before is told what was wrong.
func TestGarbageBehindAGoodMessage(t *testing.T) {
	r := newRig(t, nil)
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00", "\x30\x80", "\x30\x00"} {
		w := r.dial(t)
		w.send(simpleBind(1, aliceDN, "good"), []byte(garbage))
		if a := w.receive(); a.id == 1 { // else the garbage came while the bind was in flight
			w.expectNotice(protocolError)
		}
	}
	r.works(t)
}

func TestHalfClosedIdleConnection(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	w.send(simpleBind(1, aliceDN, "good"))
	w.expect(1, respBind, success)
	_ = w.Conn.(*net.TCPConn).CloseWrite()
	w.expectClosed()
}

func TestNothingBehindAnUnbindCounts(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	w.send(request(1, []byte{opUnbind, 0}), simpleBind(2, aliceDN, "good"), []byte("garbage"))
	w.expectClosed()
	if a, _ := r.fake.last(); a != nil {
		t.Error("a bind behind the unbind was made")
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	r := newRig(t, nil)
	other := r.dial(t)
	r.holding(other, 1)
	for range 20 {
		w := r.dial(t)
		w.send(whoAmI(1), simpleBind(2, aliceDN, "panic"), whoAmI(3))
		w.expect(1, respExtended, success)
		w.expectClosed()
	}
	if n := r.Stats().Panics; n != 20 {
		t.Errorf("%d panics counted", n)
	}
	if n := len(r.slots); n != 1 {
		t.Errorf("%d workers are busy", n)
	}
	close(r.fake.release)
	other.expect(1, respBind, success)
}

func TestStats(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	w.send(simpleBind(1, aliceDN, "good"), simpleBind(2, aliceDN, "bad"), whoAmI(3), request(4, abandonOp(9)), request(5, extendedOp(oidStartTLS+".1")))
	w.expect(1, respBind, success)
	w.expect(2, respBind, invalidCredentials)
	w.expect(3, respExtended, success)
	w.expect(5, respExtended, protocolError)
	got := fmt.Sprint(r.Stats().Operations)
	if want := "[{bind 0 1} {bind 49 1} {abandon 0 1} {who_am_i 0 1} {extended 2 1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := r.Stats(); s.Open != 1 || s.Accepted != 1 {
		t.Errorf("open %d, accepted %d", s.Open, s.Accepted)
	}
}
