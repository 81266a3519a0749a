package ldap

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy"
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

// A client that asks more than it may have outstanding is made to wait, not
// served from ever more memory.
func TestBackPressure(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	r.holding(w, 1)
	const n = 500
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for id := int32(2); id < n; id++ {
			w.send(whoAmI(id))
		}
	}()
	r.waiting(t, maxQueue)
	close(r.fake.release)
	w.expect(1, respBind, success)
	for id := int32(2); id < n; id++ {
		w.expect(id, respExtended, success)
	}
	<-sent
}

func TestStartTLSRules(t *testing.T) {
	startTLS := func(id int32) []byte { return request(id, extendedOp(oidStartTLS)) }
	t.Run("outstanding operations", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		r.holding(w, 1)
		w.send(startTLS(2), whoAmI(3), startTLS(4))
		r.waiting(t, 3)
		close(r.fake.release)
		w.expect(1, respBind, success)
		w.expect(2, respExtended, operationsError)
		w.expect(3, respExtended, success)
		w.expect(4, respExtended, operationsError)
	})
	t.Run("twice", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dialTLS(t)
		w.send(startTLS(1), whoAmI(2))
		w.expect(1, respExtended, operationsError)
		w.expect(2, respExtended, success)
	})
	t.Run("critical control", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(request(1, extendedOp(oidStartTLS), control("1.2.3", true)), whoAmI(2))
		w.expect(1, respExtended, unavailableCriticalExtension)
		w.expect(2, respExtended, success)
	})
	for name, injected := range map[string][]byte{
		"bind":      simpleBind(2, aliceDN, "good"),
		"search":    request(2, searchOp("", 0, anyObject)),
		"one octet": {0x30},
		"hello":     unhex(t, "1603010000"),
	} {
		t.Run("plain text behind it: "+name, func(t *testing.T) {
			r := newRig(t, nil)
			w := r.dial(t)
			w.send(startTLS(1), injected)
			w.expect(1, respExtended, success)
			w.expectClosed()
			if a, _ := r.fake.last(); a != nil {
				t.Error("an injected bind was made")
			}
			if r.faults(causePlaintext) != 1 {
				t.Error("it was not counted")
			}
			r.works(t)
		})
	}
	t.Run("plain text instead of a handshake", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(startTLS(1))
		w.expect(1, respExtended, success)
		w.send(simpleBind(2, aliceDN, "good"))
		_, _ = io.Copy(io.Discard, w) // an alert of TLS, then the end
		if a, _ := r.fake.last(); a != nil {
			t.Error("the bind was made")
		}
		if r.faults(causeHandshake) != 1 {
			t.Error("it was not counted")
		}
	})
	t.Run("unbind in clear text at the end", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(startTLS(1))
		w.expect(1, respExtended, success)
		secure := tls.Client(w.Conn, &tls.Config{RootCAs: r.ca, ServerName: "127.0.0.1"})
		inner := &wire{Conn: secure, tb: t}
		inner.send(simpleBind(2, aliceDN, "good"))
		inner.expect(2, respBind, success)
		w.send(request(3, []byte{opUnbind, 0}))
		eventually(t, "the connection is gone", func() bool { return r.Stats().Open == 0 })
	})
	t.Run("required", func(t *testing.T) {
		r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.RequireTLS = true })
		w := r.dial(t)
		w.send(simpleBind(1, aliceDN, "good"), simpleBind(2, aliceDN, ""), simpleBind(3, "", ""))
		w.expect(1, respBind, confidentialityRequired)
		w.expect(2, respBind, unwillingToPerform)
		w.expect(3, respBind, success)
	})
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

// With all workers busy a bind waits for its deadline and hears "unavailable",
// never "wrong password".
func TestWorkersAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) {
		cfg.LDAP.Workers = 2
		cfg.Login.Timeout = 50 * time.Millisecond
	})
	for range 2 {
		r.holding(r.dial(t), 1)
	}
	w := r.dial(t)
	w.send(simpleBind(1, aliceDN, "good"))
	w.expect(1, respBind, unavailable)
	if _, reason := r.fake.last(); reason != proxy.ReasonOverloaded {
		t.Errorf("reason %q", reason)
	}
	close(r.fake.release)
	eventually(t, "a worker is free", func() bool { return len(r.slots) == 0 })
	r.works(t)
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ total, peer int }{"total": {3, 0}, "per_address": {10, 3}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) {
				cfg.LDAP.MaxConnections, cfg.LDAP.MaxConnectionsPerAddress = c.total, c.peer
			})
			var kept []*wire
			for range 3 {
				w := r.dial(t)
				w.send(whoAmI(1))
				w.expect(1, respExtended, success)
				kept = append(kept, w)
			}
			r.dial(t).expectClosed()
			if n := r.Stats().Refused[name]; n != 1 {
				t.Errorf("%d refused", n)
			}
			kept[0].Close()
			eventually(t, "there is room again", func() bool { return r.Stats().Open == 2 })
			r.works(t)
		})
	}
}

// Deadlines end what would go on forever.
func TestSlowClients(t *testing.T) {
	short := func(_ *config.Config, _ *Options, l *limits) {
		*l = limits{idle: 300 * time.Millisecond, handshake: 100 * time.Millisecond, message: 100 * time.Millisecond, write: 100 * time.Millisecond, linger: 10 * time.Millisecond}
	}
	good := simpleBind(1, aliceDN, "good")
	t.Run("drip", func(t *testing.T) { // a message has one deadline, not one per octet
		r := newRig(t, short)
		var clients sync.WaitGroup
		for range 50 {
			w := r.dial(t)
			clients.Go(func() {
				for i := range good {
					if _, err := w.Write(good[i : i+1]); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
				t.Error("a drip was taken to its end")
			})
		}
		clients.Wait()
		if r.faults(causeSlow) == 0 {
			t.Error("it was not counted")
		}
		r.works(t)
	})
	t.Run("half a header", func(t *testing.T) {
		r := newRig(t, short)
		w := r.dial(t)
		w.send([]byte{0x30, 0x84, 0})
		w.expectClosed()
	})
	t.Run("idle", func(t *testing.T) {
		r := newRig(t, short)
		w := r.dial(t)
		w.send(good)
		w.expect(1, respBind, success)
		w.expectClosed()
	})
	t.Run("a login in flight is not idle", func(t *testing.T) {
		r := newRig(t, short)
		w := r.dial(t)
		r.holding(w, 1)
		time.Sleep(500 * time.Millisecond)
		close(r.fake.release)
		w.expect(1, respBind, success)
	})
	t.Run("handshake never finished", func(t *testing.T) {
		r := newRig(t, short)
		nc, err := net.Dial("tcp", r.tls)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_, _ = nc.Write(unhex(t, "160301"))
		(&wire{Conn: nc, tb: t}).expectClosed()
		w := r.dial(t)
		w.send(request(1, extendedOp(oidStartTLS)))
		w.expect(1, respExtended, success)
		w.expectClosed()
	})
	t.Run("never reads", func(t *testing.T) {
		r := newRig(t, short)
		w := r.dial(t)
		_ = w.Conn.(*net.TCPConn).SetReadBuffer(4096)
		flood := bytes.Repeat(request(1, searchOp("", 0, anyObject, "*", "+")), 1000)
		_ = w.SetWriteDeadline(time.Now().Add(15 * time.Second))
		for {
			if _, err := w.Write(flood); err != nil {
				break
			}
		}
		eventually(t, "the connection is gone", func() bool { return r.Stats().Open == 0 })
		if r.faults(causeUnwritten) != 1 {
			t.Error("it was not counted")
		}
		r.works(t)
	})
}

// Large messages share a budget; small ones are served while it is used up.
func TestLargeMessagesShareABudget(t *testing.T) {
	r := newRig(t, nil)
	before := heap()
	head := []byte{0x30, 0x83, 3, 0xff, 0xff}
	var held []*wire
	for range 300 {
		w := r.dial(t)
		w.send(head, make([]byte, 200<<10))
		held = append(held, w)
	}
	eventually(t, "the budget is used up", func() bool { return r.faults(causeMemory) > 0 })
	if grown := heap() - before; grown > 150<<20 {
		t.Errorf("%d MiB are held", grown>>20)
	}
	r.works(t)
	for _, w := range held {
		w.Close()
	}
	eventually(t, "the memory is given back", func() bool { return r.pool.large.Load() == 0 })
	large := r.dial(t)
	large.send(request(1, extendedOp(string(make([]byte, 200<<10)))))
	large.expect(1, respExtended, protocolError)
}

func TestFloods(t *testing.T) {
	r := newRig(t, nil)
	before := heap()
	good, bad := simpleBind(1, aliceDN, "good"), simpleBind(1, aliceDN, "bad")
	for name, send := range map[string][]byte{
		"binds":     bytes.Repeat(bad, 2000),
		"abandons":  bytes.Repeat(request(1, abandonOp(1)), 20000),
		"searches":  bytes.Repeat(request(1, searchOp("", 0, anyObject, "*", "+")), 2000),
		"anonymous": bytes.Repeat(simpleBind(1, "", ""), 5000),
		"writes":    bytes.Repeat(request(1, str(opDelete, aliceDN)), 5000),
	} {
		t.Run(name, func(t *testing.T) {
			var clients sync.WaitGroup
			for range 4 {
				w := r.dial(t)
				done := make(chan struct{})
				clients.Go(func() { defer close(done); _, _ = io.Copy(io.Discard, w) })
				clients.Go(func() {
					w.send(send, request(2, []byte{opUnbind, 0}))
					<-done
				})
			}
			r.works(t)
			clients.Wait()
		})
	}
	t.Run("connections", func(t *testing.T) {
		for range 1000 {
			w := r.dial(t)
			w.send(good)
			w.Close()
		}
		r.works(t)
	})
	eventually(t, "all connections are gone", func() bool { return r.Stats().Open == 0 })
	if after := heap(); after > before+16<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
}

// Whatever arrives: no panic, no bind that should not have succeeded, and the
// next client is served.
func TestSeededMutations(t *testing.T) {
	r := newRig(t, func(_ *config.Config, _ *Options, l *limits) { l.linger = time.Millisecond })
	random := rand.New(rand.NewPCG(1, 2))
	var seeds [][]byte
	for _, s := range samples() {
		seeds = append(seeds, bytes.ReplaceAll(request(testID, s.send, control("1.2.3", false, str(tagOctetString, "v"))), []byte("good"), []byte("evil")))
	}
	for i := range 3000 {
		b := bytes.Clone(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(4) {
			switch at := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b[at] = byte(random.Uint32())
			case 1:
				b[at] ^= 1 << random.IntN(8)
			case 2:
				b = append(b[:at], b[min(len(b), at+1+random.IntN(4)):]...)
			case 3:
				b = append(b[:at], append([]byte{byte(random.Uint32())}, b[at:]...)...)
			}
			if len(b) == 0 {
				b = []byte{0}
			}
		}
		w := r.dial(t)
		w.send(b)
		_ = w.Conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, w)
		w.Close()
		if i%500 == 0 {
			r.works(t)
		}
	}
	r.works(t)
	if n := r.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

func TestManyIdleConnections(t *testing.T) {
	r := newRig(t, nil)
	const n = 2000
	before := heap()
	for range n {
		w := r.dial(t)
		w.send(simpleBind(1, aliceDN, "good"))
		w.expect(1, respBind, success)
	}
	// The clients of the test live in the same heap, so this is an upper bound.
	perConn := (heap() - before) / n
	t.Logf("%d bytes of heap per connection, both ends", perConn)
	if perConn > 8<<10 {
		t.Errorf("%d bytes per idle connection", perConn)
	}
	r.works(t)
	begin := time.Now()
	r.end(t)
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("idle connections held up the end for %s", took)
	}
}

func TestEndOfTheServer(t *testing.T) {
	r := newRig(t, nil)
	idle, secure, busy, waiting := r.dial(t), r.dialTLS(t), r.dial(t), r.dial(t)
	for _, w := range []*wire{idle, secure} {
		w.send(simpleBind(1, aliceDN, "good"))
		w.expect(1, respBind, success)
	}
	half := r.dial(t)
	half.send([]byte{0x30, 0x20, 0x02})
	r.holding(busy, 1)
	r.holding(waiting, 1)
	waiting.send(whoAmI(2))
	r.stop()
	idle.expectNotice(unavailable)
	secure.expectNotice(unavailable)
	half.expectNotice(unavailable)
	if nc, err := net.Dial("tcp", r.plain); err == nil {
		nc.Close()
		t.Error("the listener is still open")
	}
	close(r.fake.release) // a bind in flight is finished and answered
	busy.expect(1, respBind, success)
	busy.expectNotice(unavailable)
	waiting.expect(1, respBind, success)
	waiting.expectNotice(unavailable)
	r.end(t)
}

func TestDrainIsBounded(t *testing.T) {
	r := newRig(t, func(_ *config.Config, o *Options, _ *limits) { o.Drain = 100 * time.Millisecond })
	w := r.dial(t)
	r.holding(w, 1)
	begin := time.Now()
	r.end(t)
	if took := time.Since(begin); took < 100*time.Millisecond || took > 3*time.Second {
		t.Errorf("the drain took %s", took)
	}
	w.expectClosed()
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
