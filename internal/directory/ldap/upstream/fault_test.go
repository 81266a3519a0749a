package upstream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// notices are what servers say before they hang up.
func noticeOf(code int32, text string) []byte {
	return encodeResult(0, opExtendedResponse, code, text)
}

// TestBadAnswers: whatever a server does instead of answering is an outage with
// the right outcome, ends in time, and costs the connection.
func TestBadAnswers(t *testing.T) {
	ok := func(id int32) []byte { return encodeResult(id, opBindResponse, 0, "") }
	for _, c := range []struct {
		name    string
		answer  func(p *peer, m message)
		outcome string
		text    string
	}{
		{"none", func(*peer, message) {}, OutcomeTimeout, "no answer within 200ms"},
		{"trickles", func(p *peer, m message) {
			for _, o := range encodeResult(m.id, opBindResponse, 0, strings.Repeat("x", 100)) {
				if _, err := p.Write([]byte{o}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, OutcomeTimeout, "no answer within 200ms"},
		{"garbage", func(p *peer, _ message) { p.send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, OutcomeProtocol, "not encoded"},
		{"oversize", func(p *peer, _ message) { p.send([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}) }, OutcomeProtocol, "more than 65536"},
		{"indefinite", func(p *peer, _ message) { p.send([]byte{0x30, 0x80, 0, 0}) }, OutcomeProtocol, "not encoded"},
		{"five length octets", func(p *peer, _ message) { p.send([]byte{0x30, 0x85, 0, 0, 0, 0, 1, 0}) }, OutcomeProtocol, "not encoded"},
		{"wrong id", func(p *peer, m message) { p.send(ok(m.id + 1)) }, OutcomeProtocol, "the answer is for request"},
		{"id 0", func(p *peer, _ message) { p.send(ok(0)) }, OutcomeProtocol, "the answer is for request 0"},
		{"other operation", func(p *peer, m message) { p.result(m.id, 0x65, 0, "") }, OutcomeProtocol, "another operation"},
		{"a search's entry", func(p *peer, m message) { p.entry(m.id, "cn=x") }, OutcomeProtocol, "another operation"},
		{"half of it, then the end", func(p *peer, m message) { p.send(ok(m.id)[:5]); p.raw.Close() }, OutcomeUnreachable, "closed the connection"},
		{"the end", func(p *peer, _ message) { p.raw.Close() }, OutcomeUnreachable, "closed the connection"},
		{"reset", func(p *peer, _ message) { _ = p.raw.(*net.TCPConn).SetLinger(0); p.raw.Close() }, OutcomeUnreachable, "reset"},
		{"notice: stopping", func(p *peer, _ message) { p.send(noticeOf(ldap.LDAPResultUnavailable, "bye")) }, OutcomeBusy, `"bye"`},
		{"notice: protocol error", func(p *peer, _ message) { p.send(noticeOf(ldap.LDAPResultProtocolError, "what?")) }, OutcomeUnreachable, `"what?"`},
		{"busy", func(p *peer, m message) { p.result(m.id, opBindResponse, ldap.LDAPResultBusy, "later") }, OutcomeBusy, `result 51 (Busy): "later"`},
		{"unavailable", func(p *peer, m message) { p.result(m.id, opBindResponse, ldap.LDAPResultUnavailable, "") }, OutcomeBusy, "result 52"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, func(f *fake) {
				f.answer = func(p *peer, m message) bool {
					if m.name != aliceDN {
						return false
					}
					c.answer(p, m)
					return true
				}
			})
			honest := newFake(t, nil)
			cfg := settingsOf(f.url())
			cfg.Timeout = 200 * time.Millisecond
			cluster := open(t, cfg, Options{})
			begin := time.Now()
			_, err := bindAlice(t, cluster, "right")
			o := outage(t, err, c.outcome)
			if !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "bind at "+f.url()) {
				t.Errorf("error: %v", err)
			}
			if errors.Is(err, context.DeadlineExceeded) || o.Unwrap() != nil {
				t.Errorf("%v can be taken for a deadline of the caller's", err)
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
			if s := cluster.Status()[0]; c.outcome != OutcomeBusy && s.Binds.Open != 0 || s.Error == "" {
				t.Errorf("status: %+v", s)
			}
			// With another server the same bind succeeds, well within its deadline.
			cfg = settingsOf(f.url(), honest.url())
			cfg.Timeout = 200 * time.Millisecond
			if r, err := bindAlice(t, open(t, cfg, Options{}), "right"); err != nil || r.Server != honest.url() {
				t.Errorf("with another server: %+v, %v", r, err)
			}
		})
	}
}

// nested is that many sequences in one another.
func nested(levels int) []byte {
	var e ber.Encoder
	var starts []int
	for range levels {
		starts = append(starts, e.Open(ber.TagSequence))
	}
	for _, start := range slices.Backward(starts) {
		e.Close(start)
	}
	return e.B
}

// TestBadSearchAnswers is the same for searches, which the library reads.
func TestBadSearchAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  func(p *peer, m message)
		outcome string
	}{
		{"none", func(*peer, message) {}, OutcomeTimeout},
		{"entries without end", func(p *peer, m message) {
			for range 200 {
				p.entry(m.id, "cn=x")
				time.Sleep(5 * time.Millisecond)
			}
		}, OutcomeTimeout},
		{"garbage", func(p *peer, _ message) { p.send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, OutcomeProtocol},
		{"oversize", func(p *peer, _ message) { p.send([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}) }, OutcomeProtocol},
		{"nested too deep", func(p *peer, _ message) { p.send(append(bytes.Repeat([]byte{0x30, 0x80}, 100), make([]byte, 200)...)) }, OutcomeProtocol},
		{"nested too deep, lengths given", func(p *peer, _ message) { p.send(nested(100)) }, OutcomeProtocol},
		{"no result", func(p *peer, m message) { p.send([]byte{0x30, 0x05, 0x02, 0x01, byte(m.id), 0x65, 0x00}) }, OutcomeProtocol},
		{"an entry of a number", func(p *peer, m message) {
			p.send([]byte{0x30, 0x08, 0x02, 0x01, byte(m.id), 0x64, 0x03, 0x02, 0x01, 0x05})
		}, OutcomeProtocol},
		{"the end", func(p *peer, _ message) { p.raw.Close() }, OutcomeUnreachable},
		{"busy", func(p *peer, m message) { p.result(m.id, 0x65, ldap.LDAPResultBusy, "") }, OutcomeBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, func(f *fake) {
				f.answer = func(p *peer, m message) bool {
					if m.base != "cn=x" {
						return false
					}
					c.answer(p, m)
					return true
				}
			})
			cfg := settingsOf(f.url())
			cfg.Timeout = 200 * time.Millisecond
			cluster := open(t, cfg, Options{})
			_, err := cluster.Search(t.Context(), search("cn=x"))
			outage(t, err, c.outcome)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v can be taken for a deadline of the caller's", err)
			}
			if c.outcome == OutcomeBusy {
				return
			}
			within(t, 2*time.Second, func() bool { return cluster.Status()[0].Searches.Open == 0 })
		})
	}
}

// TestBlockedWrite: a peer that takes connections and never reads.
func TestBlockedWrite(t *testing.T) {
	var deaf atomic.Bool
	stop := make(chan struct{})
	f := newFake(t, func(f *fake) {
		f.greet = func(c net.Conn) bool {
			if deaf.Load() {
				_ = c.(*net.TCPConn).SetReadBuffer(1024)
				<-stop
				return false
			}
			return true
		}
	})
	t.Cleanup(func() { close(stop) })
	cfg := settingsOf(f.url())
	cfg.Timeout, cfg.BindDN = 300*time.Millisecond, ""
	c := open(t, cfg, Options{})
	deaf.Store(true)
	big := search("cn=x")
	big.BaseDN = strings.Repeat("x", 16<<20)
	begin := time.Now()
	_, err := c.Search(t.Context(), big)
	outage(t, err, OutcomeTimeout)
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
	_, err = bindAlice(t, c, "right")
	outage(t, err, OutcomeTimeout)
}

// TestTimeoutCondemns: a connection on which a search timed out is not used
// again, and those that share it are answered.
func TestTimeoutCondemns(t *testing.T) {
	var mu sync.Mutex
	used := map[*peer][]string{}
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			if m.op != 0x63 || m.base == "" {
				return false
			}
			mu.Lock()
			used[p] = append(used[p], m.base)
			mu.Unlock()
			if m.base == "cn=late" {
				time.AfterFunc(200*time.Millisecond, func() { p.result(m.id, 0x65, 0, "") })
			}
			return strings.HasPrefix(m.base, "cn=")
		}
	})
	cfg := settingsOf(f.url())
	cfg.Timeout, cfg.Pool.Searches = 300*time.Millisecond, 1
	c := open(t, cfg, Options{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.Search(t.Context(), search("cn=never"))
		outage(t, err, OutcomeTimeout)
	})
	time.Sleep(200 * time.Millisecond)
	wg.Go(func() {
		if _, err := c.Search(t.Context(), search("cn=late")); err != nil {
			t.Errorf("the search that shares the connection: %v", err)
		}
	})
	within(t, 2*time.Second, func() bool { return c.Status()[0].Searches.InUse == 1 && len(c.Status()[0].Error) > 0 })
	if _, err := c.Search(t.Context(), search("dc=after")); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for p, bases := range used {
		if bases[0] == "cn=never" && len(bases) != 2 || bases[0] != "cn=never" && len(bases) != 1 {
			t.Errorf("%p: %v", p, bases)
		}
	}
	within(t, 2*time.Second, func() bool { return c.Status()[0].Searches.Open == 1 })
}

// TestIdleClose: connections that the server closed while nobody used them are
// replaced without anybody noticing.
func TestIdleClose(t *testing.T) {
	for name, end := range map[string]func(*fake){"closed": (*fake).hangUp, "reset": (*fake).reset} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, nil)
			c := open(t, settingsOf(f.url()), Options{})
			for i := range 3 {
				if r, err := bindAlice(t, c, "right"); err != nil || r.Code != 0 {
					t.Fatalf("bind %d: %+v, %v", i, r, err)
				}
				if _, err := c.Search(t.Context(), search(aliceDN)); err != nil {
					t.Fatalf("search %d: %v", i, err)
				}
				end(f)
				within(t, 2*time.Second, func() bool { return f.open.Load() == 0 })
			}
			if s := c.Status()[0]; s.Error != "" || s.State != StateUp {
				t.Errorf("status: %+v", s)
			}
		})
	}
}

// TestNoticeWhileIdle: the server says goodbye to a connection that is kept.
func TestNoticeWhileIdle(t *testing.T) {
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			if m.name != aliceDN {
				return false
			}
			p.send(append(encodeResult(m.id, opBindResponse, 0, ""), noticeOf(ldap.LDAPResultUnavailable, "idle")...))
			return true
		}
	})
	c := open(t, settingsOf(f.url()), Options{})
	for i := range 3 {
		if r, err := bindAlice(t, c, "right"); err != nil || r.Code != 0 {
			t.Fatalf("bind %d: %+v, %v", i, r, err)
		}
	}
}

// TestIdleLimit: what nobody uses is closed.
func TestIdleLimit(t *testing.T) {
	f := newFake(t, nil)
	cfg := settingsOf(f.url())
	cfg.Pool.Idle = 100 * time.Millisecond
	c := open(t, cfg, Options{})
	if _, err := bindAlice(t, c, "right"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Search(t.Context(), search(aliceDN)); err != nil {
		t.Fatal(err)
	}
	if n := f.open.Load(); n == 0 {
		t.Fatal("nothing is kept")
	}
	within(t, 3*time.Second, func() bool { return f.open.Load() == 0 })
	if s := c.Status()[0]; s.Binds.Open+s.Searches.Open != 0 {
		t.Errorf("status: %+v", s)
	}
}

// TestExhausted: binds wait for a connection, no more of them than allowed, and
// a server that is asked too much is not a server that is down.
func TestExhausted(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			if m.name != aliceDN {
				return false
			}
			<-release
			return false
		}
	})
	cfg := settingsOf(f.url())
	cfg.Pool.Binds, cfg.Timeout = 2, time.Second
	c := open(t, cfg, Options{})
	before := f.accepted.Load()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if r, err := bindAlice(t, c, "right"); err != nil || r.Code != 0 {
				t.Errorf("bind: %+v, %v", r, err)
			}
		})
	}
	within(t, time.Second, func() bool { s := c.Status()[0].Binds; return s.InUse == 2 && s.Waiting == 4 })
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Bind(short, aliceDN, "right"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a waiter without time: %v", err)
	}
	close(release)
	wg.Wait()
	if n := f.accepted.Load() - before; n != 2 {
		t.Errorf("%d connections", n)
	}
	if s := c.Status()[0]; s.State != StateUp || s.Error != "" {
		t.Errorf("status: %+v", s)
	}
}

// TestClose: operations that are under way end, and nothing is left.
func TestClose(t *testing.T) {
	f := newFake(t, func(f *fake) {
		f.answer = func(_ *peer, m message) bool { return m.base == "cn=x" || m.name == aliceDN }
	})
	hanging := newFake(t, func(f *fake) { // for a dial that is under way
		f.greet = func(c net.Conn) bool {
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = c.Read(make([]byte, 1))
			return false
		}
	})
	cfg := settingsOf(f.url(), hanging.url())
	cfg.Timeout = 10 * time.Second
	c := openNow(t, cfg, Options{})
	within(t, 5*time.Second, func() bool { return c.Status()[0].State == StateUp })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := bindAlice(t, c, "right"); !errors.Is(err, ErrClosed) {
				t.Errorf("bind: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := c.Search(t.Context(), search("cn=x")); !errors.Is(err, ErrClosed) {
				t.Errorf("search: %v", err)
			}
		})
	}
	within(t, 5*time.Second, func() bool { return c.Status()[0].Binds.InUse == 3 && (*c.servers.Load())[0].searches.inFlight() == 3 })
	begin := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("close takes %s", took)
	}
	wg.Wait()
	within(t, 2*time.Second, func() bool { return f.open.Load()+hanging.open.Load() == 0 })
	if _, err := c.Bind(t.Context(), aliceDN, "right"); !errors.Is(err, ErrClosed) {
		t.Errorf("bind after close: %v", err)
	}
}

// TestServiceBind: a service account that is refused takes the server out of
// use, and is not tried over and over.
func TestServiceBind(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	cfg := settingsOf(f.url())
	cfg.BindPassword = configSecret("another-password")
	var l logs
	c := open(t, cfg, Options{Log: l.logger()})
	_, err := bindAlice(t, c, "right")
	outage(t, err, OutcomeDown)
	if !strings.Contains(err.Error(), "service bind as "+serviceDN+": result 49") {
		t.Errorf("error: %v", err)
	}
	time.Sleep(time.Second)
	if n := f.binds.Load(); n > 4 {
		t.Errorf("the service account was tried %d times in a second", n)
	}
	if l.count("another-password") > 0 {
		t.Error("the log has the password")
	}
}

// TestBreaker: a few failures in a row take a server out of use, an answer in
// between does not, and only a probe brings it back.
func TestBreaker(t *testing.T) {
	var silent, noProbe atomic.Bool
	f := newFake(t, func(f *fake) {
		f.answer = func(_ *peer, m message) bool {
			return m.name == aliceDN && silent.Load() || m.name == serviceDN && noProbe.Load()
		}
	})
	cfg := settingsOf(f.url())
	cfg.Timeout = 50 * time.Millisecond
	c := open(t, cfg, Options{})
	try := func() error { _, err := bindAlice(t, c, "right"); return err }
	for _, quiet := range []bool{true, true, false, true, true} {
		silent.Store(quiet)
		if err := try(); (err != nil) != quiet {
			t.Fatal(err)
		}
	}
	if s := c.Status()[0]; s.State != StateUp {
		t.Fatalf("down too early: %+v", s)
	}
	noProbe.Store(true)
	_ = try()
	if s := c.Status()[0]; s.State != StateDown {
		t.Fatalf("not down: %+v", s)
	}
	silent.Store(false)
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		before := f.binds.Load()
		if err := try(); err == nil {
			t.Fatal("a bind used a server that no probe found up")
		} else if outage(t, err, OutcomeDown); f.binds.Load() > before+1 {
			t.Fatal("binds reach a server that is down")
		}
	}
	noProbe.Store(false)
	begin := time.Now()
	within(t, 2*time.Second, func() bool { return try() == nil })
	if took := time.Since(begin); took > time.Second {
		t.Errorf("back after %s", took)
	}
}
