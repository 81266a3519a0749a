package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func TestBindAndSearch(t *testing.T) {
	ppolicy := Control{OID: ControlPasswordPolicy, Value: []byte{0x30, 0x03, 0x81, 0x01, 0x02}}
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			switch {
			case m.secret == "right, but to be changed":
				p.send(encodeResult(m.id, opBindResponse, 0, "", ppolicy))
			case m.base == "cn=nobody":
				p.result(m.id, 0x65, ldap.LDAPResultNoSuchObject, "not there")
			case m.base == "cn=many":
				for range 3 {
					p.entry(m.id, m.base)
				}
				p.result(m.id, 0x65, 0, "")
			default:
				return false
			}
			return true
		}
	})
	var seen observed
	c := open(t, settingsOf(f.url()), Options{Observer: &seen})
	if r, err := bindAlice(t, c, "right"); err != nil || r.Code != 0 || r.Server != f.url() {
		t.Errorf("right password: %+v, %v", r, err)
	}
	if r, err := bindAlice(t, c, "wrong"); err != nil || r.Code != ldap.LDAPResultInvalidCredentials || r.Text != "no" {
		t.Errorf("wrong password: %+v, %v", r, err)
	}
	r, err := bindAlice(t, c, "right, but to be changed")
	if err != nil || len(r.Controls) != 1 || r.Controls[0].OID != ppolicy.OID || string(r.Controls[0].Value) != string(ppolicy.Value) {
		t.Errorf("with a control: %+v, %v", r, err)
	}
	res, err := c.Search(t.Context(), search(aliceDN))
	if err != nil || len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("dn") != aliceDN {
		t.Errorf("search: %+v, %v", res, err)
	}
	for base, code := range map[string]uint16{"cn=nobody": ldap.LDAPResultNoSuchObject, "cn=many": ldap.LDAPResultSizeLimitExceeded} {
		q := search(base)
		q.SizeLimit = 2
		if _, err := c.Search(t.Context(), q); !ldap.IsErrorWithCode(err, code) {
			t.Errorf("search for %s: %v", base, err)
		}
	}
	var answer *ldap.Error
	q := search(aliceDN)
	q.Filter = "(no filter"
	if _, err := c.Search(t.Context(), q); err == nil || errors.As(err, &answer) {
		t.Errorf("a search without a filter: %v", err)
	}
	if s := c.Status()[0]; s.State != StateUp || s.Error != "" || s.Binds.Open != 1 || s.Binds.Idle != 1 {
		t.Errorf("status: %+v", s)
	}
	for key, want := range map[string]int{"bind ok": 2, "bind refused": 1, "search ok": 1, "search refused": 2, "probe ok": 1} {
		if seen.count(key) != want {
			t.Errorf("%s was seen %d times, not %d", key, seen.count(key), want)
		}
	}
}

// TestNotSent: no server may see these.
func TestNotSent(t *testing.T) {
	f := newFake(t, nil)
	c := open(t, settingsOf(f.url()), Options{})
	before := f.accepted.Load()
	for name, b := range map[string][2]string{
		"empty password":    {aliceDN, ""},
		"empty name":        {"", "right"},
		"NUL in password":   {aliceDN, "right\x00"},
		"NUL in name":       {aliceDN + "\x00", "right"},
		"name too long":     {strings.Repeat("x", maxName+1), "right"},
		"password too long": {aliceDN, strings.Repeat("x", maxPassword+1)},
	} {
		if _, err := c.Bind(t.Context(), b[0], b[1]); !errors.Is(err, ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.accepted.Load() != before {
		t.Error("something was sent")
	}
}

func TestFailover(t *testing.T) {
	first, second := newFake(t, nil), newFake(t, nil)
	var l logs
	c := open(t, settingsOf(first.url(), second.url()), Options{Log: l.logger()})
	asked := func() string {
		t.Helper()
		r, err := bindAlice(t, c, "right")
		if err != nil || r.Code != 0 {
			t.Fatalf("bind: %+v, %v", r, err)
		}
		return r.Server
	}
	if asked() != first.url() {
		t.Error("the preferred server is not asked")
	}
	first.stop()
	if asked() != second.url() {
		t.Error("the other server is not asked")
	}
	if s := c.Status(); s[0].State != StateDown || s[0].Error == "" || s[1].State != StateUp {
		t.Errorf("status: %+v", s)
	}
	second.stop()
	within(t, 5*time.Second, func() bool { _, err := bindAlice(t, c, "right"); return err != nil && c.Status()[1].State == StateDown })
	begin := time.Now()
	_, err := bindAlice(t, c, "right")
	o := outage(t, err, OutcomeDown)
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("without servers a bind takes %s", took)
	}
	if len(o.Failures) != 2 || !strings.Contains(err.Error(), first.url()+": down since ") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error: %v", err)
	}
	first.start()
	begin = time.Now()
	within(t, 2*time.Second, func() bool { r, err := bindAlice(t, c, "right"); return err == nil && r.Server == first.url() })
	t.Logf("back after %s", time.Since(begin))
	second.start()
	within(t, 2*time.Second, func() bool { return c.Status()[1].State == StateUp })
	if asked() != first.url() {
		t.Error("the preferred order does not apply again")
	}
	if down, up := l.count("directory server is down"), l.count("directory server is up"); down != 2 || up != 4 {
		t.Errorf("logged down %d times, up %d times:\n%s", down, up, l.b.String())
	}
}

// TestCanceled: what the caller gave up is no outage, and nobody else suffers.
func TestCanceled(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			if m.base != "cn=slow" && m.secret != "right, slow" {
				return false
			}
			go func() {
				<-release
				if m.op == opBindRequest {
					p.result(m.id, opBindResponse, 0, "")
				} else {
					p.result(m.id, 0x65, 0, "")
				}
			}()
			return true
		}
	})
	cfg := settingsOf(f.url())
	cfg.Pool.Searches = 1
	c := open(t, cfg, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var errs [3]error
	wg.Go(func() { _, errs[0] = c.Search(ctx, search("cn=slow")) })
	wg.Go(func() { _, errs[1] = c.Bind(ctx, aliceDN, "right, slow") })
	wg.Go(func() { _, errs[2] = c.Search(t.Context(), search("cn=slow")) })
	within(t, 5*time.Second, func() bool {
		s := c.Status()[0]
		return s.Binds.InUse == 1 && (*c.servers.Load())[0].searches.inFlight() == 2
	})
	cancel()
	within(t, 5*time.Second, func() bool { return c.Status()[0].Binds.InUse == 0 })
	close(release)
	wg.Wait()
	for i, err := range errs[:2] {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if errs[2] != nil {
		t.Errorf("the other search: %v", errs[2])
	}
	if s := c.Status()[0]; s.State != StateUp || s.Error != "" {
		t.Errorf("status: %+v", s)
	}
	if s := c.Status()[0]; s.Binds.Open != 0 || s.Searches.Open != 1 {
		t.Errorf("the bind's connection must be closed, the searches' kept: %+v", s)
	}
	deadline, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := c.Bind(deadline, aliceDN, "right"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
}

// TestMultiplexing: searches share connections, and answers find their search.
func TestMultiplexing(t *testing.T) {
	var mu sync.Mutex
	var waiting []func()
	f := newFake(t, func(f *fake) {
		f.answer = func(p *peer, m message) bool {
			if !strings.HasPrefix(m.base, "cn=") {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			waiting = append(waiting, func() {
				p.entry(m.id, m.base)
				p.result(m.id, 0x65, 0, "")
			})
			return true
		}
	})
	c := open(t, settingsOf(f.url()), Options{})
	before := f.accepted.Load()
	const searches = 50
	var wg sync.WaitGroup
	for i := range searches {
		wg.Go(func() {
			dn := fmt.Sprintf("cn=%d", i)
			res, err := c.Search(t.Context(), search(dn))
			if err != nil || len(res.Entries) != 1 || res.Entries[0].DN != dn {
				t.Errorf("search for %s: %+v, %v", dn, res, err)
			}
		})
	}
	within(t, 5*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(waiting) == searches })
	for _, answer := range slices.Backward(waiting) { // the last one first
		answer()
	}
	wg.Wait()
	if n := f.accepted.Load() - before; n != 2 {
		t.Errorf("%d connections for %d searches", n, searches)
	}
}

func TestTrialLeavesTheNetworkAlone(t *testing.T) {
	f := newFake(t, nil)
	c := openNow(t, settingsOf(f.url()), Options{Trial: true})
	if _, err := c.Bind(t.Context(), aliceDN, "pw"); !errors.Is(err, ErrClosed) {
		t.Errorf("bind: %v", err)
	}
	if n := f.accepted.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestSuspect: a server that stopped answering costs a login its timeout once,
// not at each of its operations; and it is asked first again when it answers.
func TestSuspect(t *testing.T) {
	var stuck atomic.Bool
	first := newFake(t, func(f *fake) {
		f.answer = func(*peer, message) bool { return stuck.Load() }
	})
	second := newFake(t, nil)
	cfg := settingsOf(first.url(), second.url())
	cfg.Timeout = 300 * time.Millisecond
	c := open(t, cfg, Options{})
	stuck.Store(true)
	begin := time.Now()
	for range 3 {
		if _, err := c.Search(t.Context(), search(aliceDN)); err != nil {
			t.Fatal(err)
		}
		if r, err := bindAlice(t, c, "right"); err != nil || r.Server != second.url() {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if took := time.Since(begin); took > 2*cfg.Timeout {
		t.Errorf("three logins took %s", took)
	}
	stuck.Store(false)
	within(t, 2*time.Second, func() bool { r, err := bindAlice(t, c, "right"); return err == nil && r.Server == first.url() })
}

// TestWaitedForNothing: whoever waits for a connection to a server that goes
// down meanwhile does not wait for its answer as well.
func TestWaitedForNothing(t *testing.T) {
	var stuck atomic.Bool
	first := newFake(t, func(f *fake) {
		f.answer = func(*peer, message) bool { return stuck.Load() }
	})
	cfg := settingsOf(first.url())
	cfg.Timeout = time.Second
	c := open(t, cfg, Options{})
	s := (*c.servers.Load())[0]
	for name, pool := range map[string]struct {
		fill, free func()
		ask        func() error
	}{
		"bind": {
			func() { _ = s.binds.permits.Acquire(t.Context(), int64(cfg.Pool.Binds)) },
			func() { s.binds.permits.Release(int64(cfg.Pool.Binds)) },
			func() error { _, err := bindAlice(t, c, "right"); return err },
		},
		"search": {
			func() { _ = s.searches.permits.Acquire(t.Context(), int64(cfg.Pool.Searches)*maxInFlight) },
			func() { s.searches.permits.Release(int64(cfg.Pool.Searches) * maxInFlight) },
			func() error { _, err := c.Search(t.Context(), search(aliceDN)); return err },
		},
	} {
		t.Run(name, func(t *testing.T) {
			stuck.Store(false)
			within(t, 5*time.Second, func() bool { return c.Status()[0].State == StateUp })
			pool.fill()
			answer := make(chan error)
			go func() { answer <- pool.ask() }()
			within(t, 5*time.Second, func() bool { s := c.Status()[0]; return s.Binds.Waiting+s.Searches.Waiting == 1 })
			stuck.Store(true)
			for range tripAfter {
				done, ok := s.admit(false)
				if !ok {
					t.Fatal("the server is down too early")
				}
				s.settle(done, &fault{outcome: OutcomeTimeout, text: "bind: no answer"})
			}
			pool.free()
			outage(t, <-answer, OutcomeDown)
			// The permit was given back.
			pool.fill()
			pool.free()
		})
	}
}

// inFlight counts the searches that have a permit.
func (p *servicePool) inFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.conns {
		n += c.load
	}
	return n
}
