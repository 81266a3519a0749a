package ldap

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/proxy"
)

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

// A client that leaves while its bind waits for a worker is no overload.
func TestLeavingWhileABindWaits(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.Workers = 1 })
	r.holding(r.dial(t), 1)
	w := r.dial(t)
	w.send(simpleBind(1, aliceDN, "good"))
	eventually(t, "the bind is read", func() bool {
		busy := 0
		r.each(func(c *conn) {
			if c.working() {
				busy++
			}
		})
		return busy == 2
	})
	w.Close()
	eventually(t, "the login ends", func() bool {
		_, reason := r.fake.last()
		return reason == proxy.ReasonCanceled
	})
	close(r.fake.release)
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
		_, _ = nc.Write(testenv.Unhex(t, "160301"))
		(&wire{Conn: nc, tb: t}).expectClosed()
		w := r.dial(t)
		w.send(request(1, extendedOp(oidStartTLS)))
		w.expect(1, respExtended, success)
		w.expectClosed()
	})
	t.Run("never reads", func(t *testing.T) {
		r := newRig(t, func(cfg *config.Config, o *Options, l *limits) {
			short(cfg, o, l)
			l.message = time.Minute // what the client sends comes in fits and starts
		})
		w := r.dial(t)
		_ = w.Conn.(*net.TCPConn).SetReadBuffer(4096)
		flood := bytes.Repeat(request(1, searchOp("", 0, anyObject, "*", "+")), 1000)
		var client sync.WaitGroup
		defer client.Wait()
		defer w.Close()
		client.Go(func() { // the end of the connection may not reach a client that never reads
			for {
				if _, err := w.Write(flood); err != nil {
					return
				}
			}
		})
		eventually(t, "it is counted", func() bool { return r.faults(causeUnwritten) == 1 })
		eventually(t, "the connection is gone", func() bool { return r.Stats().Open == 0 })
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

// More binds at once than goroutines are kept: nobody waits for another, and
// what was held is answered.
func TestMoreBindsThanKeptWorkers(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.Workers = keptWorkers + 16 })
	clients := make([]*wire, keptWorkers+8)
	for i := range clients {
		clients[i] = r.dial(t)
		r.holding(clients[i], 1)
	}
	r.works(t)
	close(r.fake.release)
	for _, w := range clients {
		w.expect(1, respBind, success)
	}
	r.works(t)
}
