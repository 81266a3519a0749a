package radius

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestRetransmissionJoinsTheLoginInFlight(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{})
	c := dial(t, s)
	slow := kit{1}.signed(str(1, "slow"), kit{1}.pap("slow-pw"))
	for range 3 {
		c.send(slow)
	}
	eventually(t, "two copies to join", func() bool { return s.Stats().Joined == 2 })
	if n := s.Stats().InFlight; n != 1 {
		t.Errorf("%d logins in flight", n)
	}
	close(h.release)
	if c.must(slow) != 2 {
		t.Error("not accepted")
	}
	if c.answer(30*time.Millisecond) != nil {
		t.Error("one login had two answers")
	}
	if n := len(h.attempts()); n != 1 {
		t.Errorf("the login ran %d times", n)
	}
}

func TestRetransmissionGetsTheSameAnswer(t *testing.T) {
	for _, name := range []string{"alice", "challenge", "nobody"} {
		h := newDirectory()
		s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{})
		c := dial(t, s)
		request := kit{2}.access(str(1, name), kit{2}.pap(name+"-pw"), num(5, 1))
		c.send(request)
		first := c.answer(5 * time.Second)
		c.send(request)
		if second := c.answer(5 * time.Second); first == nil || !bytes.Equal(first, second) {
			t.Errorf("%s: % x, then % x", name, first, second)
		}
		if n := len(h.attempts()); n != 1 {
			t.Errorf("%s: the login ran %d times", name, n)
		}
		// Another port is another client program: nothing is known of it.
		other := dial(t, s)
		other.send(request)
		other.must(request)
		if n := len(h.attempts()); n != 2 {
			t.Errorf("%s: %d logins after one from another port", name, n)
		}
	}
}

// What was seen outlives a reload: the new configuration decides logins, not
// retransmissions of those that it has not seen begin.
func TestRetransmissionAcrossAReload(t *testing.T) {
	old, next := newDirectory(), newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), old), Options{})
	c := dial(t, s)
	answered, slow := kit{1}.good(), kit{2}.signed(str(1, "slow"), kit{2}.pap("slow-pw"))
	c.send(answered)
	first := c.answer(5 * time.Second)
	c.send(slow)
	eventually(t, "the slow login", func() bool { return len(old.attempts()) == 2 })
	s.Use(mustTable(t, app("127.0.0.1/32", "", ""), next))
	c.send(answered)
	if again := c.answer(5 * time.Second); first == nil || !bytes.Equal(first, again) {
		t.Errorf("% x, then % x", first, again)
	}
	c.send(slow)
	eventually(t, "the copy to join", func() bool { return s.Stats().Joined == 1 })
	close(old.release)
	if c.must(slow) != 2 {
		t.Error("not accepted")
	}
	if n := len(next.attempts()); n != 0 {
		t.Errorf("%d logins ran again", n)
	}
	// A client that the new configuration does not know gets nothing at all.
	s.Use(mustTable(t, app("192.0.2.0/24", "", ""), next))
	c.send(answered)
	c.settled(5)
	if c.answer(20*time.Millisecond) != nil {
		t.Error("a stranger was answered")
	}
}

func TestOtherBytesAreAnotherLogin(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{})
	c := dial(t, s)
	right := kit{3}.access(str(1, "alice"), kit{3}.pap("alice-pw"))
	wrong := kit{3}.access(str(1, "alice"), kit{3}.pap("wrong")) // same identifier and authenticator
	padded := append(bytes.Clone(right), 0)
	for i, step := range []struct {
		packet []byte
		code   byte
		logins int
	}{{right, 2, 1}, {wrong, 3, 2}, {wrong, 3, 2}, {right, 2, 3}, {padded, 2, 4}, {padded, 2, 4}} {
		c.send(step.packet)
		if got := c.must(step.packet); got != step.code {
			t.Errorf("step %d: code %d", i, got)
		}
		if n := len(h.attempts()); n != step.logins {
			t.Errorf("step %d: %d logins", i, n)
		}
	}
}

func TestReplacedLoginIsAnsweredToo(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{})
	c := dial(t, s)
	slow := kit{4}.access(str(1, "slow"), kit{4}.pap("slow-pw"))
	c.send(slow)
	eventually(t, "the slow login", func() bool { return len(h.attempts()) == 1 })
	quick := kit{4}.access(str(1, "alice"), kit{4}.pap("wrong"))
	c.send(quick)
	if c.must(quick) != 3 {
		t.Error("the new login got the old one's answer")
	}
	close(h.release)
	if c.must(slow) != 2 {
		t.Error("the older login got another answer than its own")
	}
	c.settled(2)
	if n := s.Stats(); n.InFlight != 0 || n.Remembered != 1 {
		t.Errorf("in flight %d, remembered %d", n.InFlight, n.Remembered)
	}
}

func TestSilenceMayBeAskedAgain(t *testing.T) {
	for _, tt := range []struct {
		name, outage string
		answered     byte
		logins       int
	}{
		{"outage", "silence", 0, 2},
		{"outage", "reject", 3, 1},
		{"panic", "silence", 0, 2},
		{"panic", "reject", 3, 1},
		{"drop", "silence", 0, 1},
		{"drop", "reject", 0, 1},
	} {
		t.Run(tt.name+" "+tt.outage, func(t *testing.T) {
			h := newDirectory()
			log := &testenv.Log{}
			s := start(t, mustTable(t, app("127.0.0.1/32", "", tt.outage), h), Options{Log: log.Logger(slog.LevelInfo)})
			c := dial(t, s)
			request := kit{5}.signed(str(1, tt.name), kit{5}.pap(tt.name+"-pw"))
			for n := range uint64(2) {
				c.send(request)
				c.settled(n + 1)
				got := c.answer(20 * time.Millisecond)
				if (got != nil) != (tt.answered != 0) || got != nil && got[0] != tt.answered {
					t.Errorf("answer % x", got)
				}
			}
			if n := len(h.attempts()); n != tt.logins {
				t.Errorf("the login ran %d times instead of %d", n, tt.logins)
			}
			if tt.name == "panic" {
				if s.Stats().Panics == 0 || !bytes.Contains([]byte(log.String()), []byte("a handler's bug")) {
					t.Errorf("the panic was not reported: %s", log)
				}
			}
			c.send(kit{6}.good())
			if c.must(kit{6}.good()) != 2 {
				t.Error("the server is not well after it")
			}
		})
	}
}

func TestAllIdentifiersInFlight(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{RADIUS: config.RADIUS{Workers: 300}})
	c := dial(t, s)
	requests := make(map[byte][]byte)
	for n := range 256 {
		b := kit{n}.signed(str(1, "slow"), kit{n}.pap("slow-pw"))
		requests[byte(n)] = b
		c.send(b)
		c.send(b)
	}
	eventually(t, "256 logins and their copies", func() bool {
		return len(h.attempts()) == 256 && s.Stats().Joined == 256
	})
	close(h.release)
	for range 256 {
		b := c.answer(5 * time.Second)
		if b == nil {
			t.Fatal("an answer is missing")
		}
		if err := checkAnswer(requests[b[1]], b); err != nil || b[0] != 2 {
			t.Error(b[0], err)
		}
		delete(requests, b[1])
	}
	if len(requests) != 0 {
		t.Errorf("%d logins have no answer", len(requests))
	}
}

func TestQueueIsBounded(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{RADIUS: config.RADIUS{Workers: 1, Queue: 2}})
	c := dial(t, s)
	c.send(kit{0}.signed(str(1, "slow"), kit{0}.pap("slow-pw")))
	eventually(t, "the worker to be busy", func() bool { return len(h.attempts()) == 1 })
	for n := 1; n <= 10; n++ {
		c.send(kit{n}.good())
	}
	eventually(t, "eight drops", func() bool { return s.Stats().Discarded["queue_full"] == 8 })
	if st := s.Stats(); st.Queued != 2 || st.InFlight != 3 {
		t.Errorf("queued %d, in flight %d", st.Queued, st.InFlight)
	}
	close(h.release)
	for range 3 {
		if c.answer(5*time.Second) == nil {
			t.Fatal("a queued login was not answered")
		}
	}
	// What was dropped is not remembered as seen.
	again := kit{10}.good()
	c.send(again)
	if c.must(again) != 2 {
		t.Error("a dropped login cannot be asked again")
	}
}

func TestStaleRequestsAreNotWorkedOn(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h),
		Options{RADIUS: config.RADIUS{Workers: 1}, LoginTimeout: time.Millisecond})
	c := dial(t, s)
	c.send(kit{0}.signed(str(1, "slow"), kit{0}.pap("slow-pw")))
	eventually(t, "the worker to be busy", func() bool { return len(h.attempts()) == 1 })
	c.send(kit{1}.good())
	eventually(t, "the second to be queued", func() bool { return s.Stats().Queued == 1 })
	time.Sleep(5 * time.Millisecond) // longer than its patience
	close(h.release)
	eventually(t, "it to be dropped", func() bool { return s.Stats().Discarded["queued_too_long"] == 1 })
	if n := len(h.attempts()); n != 1 {
		t.Errorf("%d logins ran", n)
	}
}

func TestDuplicatesForget(t *testing.T) {
	now := time.Unix(1000, 0)
	d := newDuplicates(5*time.Second, 3)
	k := func(n byte) key { return key{identifier: n} }
	digest := [32]byte{1}
	for n := range byte(5) {
		e, a := d.admit(k(n), digest, now)
		if a != fresh {
			t.Fatal(n, a)
		}
		d.finish(e, []byte{n}, now)
	}
	if _, kept := d.sizes(); kept != 3 {
		t.Errorf("%d answers kept", kept)
	}
	if e, a := d.admit(k(4), digest, now.Add(4999*time.Millisecond)); a != replayed || e.answer[0] != 4 {
		t.Error("forgotten too early", a)
	}
	e, a := d.admit(k(4), digest, now.Add(5*time.Second))
	if a != fresh {
		t.Error("remembered too long", a)
	}
	d.finish(e, nil, now.Add(5*time.Second))
	if _, kept := d.sizes(); kept != 1 {
		t.Errorf("%d answers kept after the window", kept)
	}
}

// TestDuplicatesAtOnce lets many readers ask for the same login: it runs once.
func TestDuplicatesAtOnce(t *testing.T) {
	d := newDuplicates(time.Second, 16)
	var wg sync.WaitGroup
	var mu sync.Mutex
	runs := 0
	for range 32 {
		wg.Go(func() {
			if _, a := d.admit(key{}, [32]byte{}, time.Unix(1, 0)); a == fresh {
				mu.Lock()
				runs++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if runs != 1 {
		t.Errorf("it ran %d times", runs)
	}
}
