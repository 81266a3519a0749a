package radius

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestServeDrains(t *testing.T) {
	h := newDirectory()
	s := NewServer(mustTable(t, app("127.0.0.1/32", "", ""), h), Options{})
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	stop := serve(t, s)
	c := dial(t, s)
	slow := kit{1}.signed(str(1, "slow"), kit{1}.pap("slow-pw"))
	c.send(slow)
	eventually(t, "the login", func() bool { return len(h.attempts()) == 1 })
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	select {
	case <-ended:
		t.Fatal("serve ended with a login in flight")
	case <-time.After(20 * time.Millisecond):
	}
	close(h.release)
	if c.must(slow) != 2 {
		t.Error("the login in flight was not answered")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Serve(context.Background()); err == nil {
		t.Error("served twice")
	}
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err == nil {
		t.Error("listened after the end")
	}
}

// TestServeGivesUp ends a server whose logins do not: they are cut off after
// the drain and not answered, not even where an outage is a Reject.
func TestServeGivesUp(t *testing.T) {
	h := newDirectory()
	s := NewServer(mustTable(t, app("127.0.0.1/32", "", "reject"), h),
		Options{Drain: 30 * time.Millisecond, RADIUS: config.RADIUS{Workers: 1}})
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	stop := serve(t, s)
	c := dial(t, s)
	c.send(kit{1}.signed(str(1, "slow"), kit{1}.pap("slow-pw")))
	eventually(t, "the login", func() bool { return len(h.attempts()) == 1 })
	c.send(kit{2}.good())
	eventually(t, "a queued one", func() bool { return s.Stats().Queued == 1 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	st := s.Stats()
	if st.Silent != 1 || st.Discarded["queued_too_long"] != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

func TestListenErrors(t *testing.T) {
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), newDirectory()), Options{})
	taken := s.Addrs()[0]
	other := NewServer(nil, Options{})
	err := other.Listen(config.ListenAddr{AddrPort: taken})
	if err == nil || !strings.Contains(err.Error(), taken.String()) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port in use: %v", err)
	}
	absent := config.ListenAddr{AddrPort: netip.MustParseAddrPort("192.0.2.1:0")}
	if err := other.Listen(absent); err == nil || !strings.Contains(err.Error(), "192.0.2.1:0") {
		t.Errorf("an address of another machine: %v", err)
	}
	absent.Optional = true
	if err := other.Listen(absent); err != nil {
		t.Errorf("an optional address of another machine: %v", err)
	}
	if n := len(other.Addrs()); n != 0 {
		t.Errorf("%d sockets", n)
	}
	if err := other.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// TestUse swaps the table under a login: it keeps client and handler.
func TestUse(t *testing.T) {
	old, next := newDirectory(), newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), old), Options{})
	c := dial(t, s)
	slow := kit{1}.signed(str(1, "slow"), kit{1}.pap("slow-pw"))
	c.send(slow)
	eventually(t, "the login", func() bool { return len(old.attempts()) == 1 })
	cfg := app("127.0.0.0/8", "", "")
	cfg.Applications["vpn"].RADIUS.Secret = config.NewSecret("another secret")
	s.Use(mustTable(t, cfg, next))
	close(old.release)
	if c.must(slow) != 2 { // signed with the old secret
		t.Error("not accepted")
	}
	c.send(kit{2}.good())
	if st := c.settled(2); st.Discarded["wrong_message_authenticator"] != 1 {
		t.Errorf("the new secret does not count: %v", st.Discarded)
	}
	if len(next.attempts()) != 0 {
		t.Error("the new handler was asked")
	}
}

func TestWildcardAnswersFromTheAddressThatWasAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux, where all of 127.0.0.0/8 is local")
	}
	for listen, ask := range map[string][]string{
		"0.0.0.0:0": {"127.0.0.1", "127.0.0.2", "127.1.2.3"},
		"[::]:0":    {"::1"},
	} {
		cfg := app("127.0.0.0/8", "", "")
		rad := cfg.Applications["vpn"].RADIUS
		rad.Clients = append(rad.Clients, netip.MustParsePrefix("::1/128"))
		s := NewServer(mustTable(t, cfg, newDirectory()), Options{})
		err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort(listen), Optional: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Addrs()) == 0 {
			continue // no IPv6 here
		}
		serve(t, s)
		for n, host := range ask {
			to := netip.AddrPortFrom(netip.MustParseAddr(host), s.Addrs()[0].Port())
			// A connected socket takes answers from this one address only.
			conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
			if err != nil {
				t.Log(err)
				continue
			}
			defer func() { _ = conn.Close() }()
			c := &nas{UDPConn: conn, t: t, s: s}
			for range 2 { // the second is a replay
				c.send(kit{n}.good())
				if c.must(kit{n}.good()) != 2 {
					t.Errorf("%s: not accepted", host)
				}
			}
		}
		if n := s.Stats().Replayed; n != uint64(len(ask)) {
			t.Errorf("%s: %d of %d replayed", listen, n, len(ask))
		}
	}
}

func TestWarnings(t *testing.T) {
	log := &testenv.Log{}
	h := newDirectory()
	s := start(t, mustTable(t, app("192.0.2.0/24", "", ""), h), Options{Log: log.Logger(slog.LevelInfo)})
	c := dial(t, s)
	for n := range 5 {
		c.send(kit{n}.good())
	}
	c.settled(5)
	s.Use(mustTable(t, app("127.0.0.1/32", "require", ""), h))
	bad := kit{9}.good()
	bad[25] ^= 1
	for range 5 {
		c.send(bad)
		c.send(kit{9}.plainGood())
	}
	c.settled(15)
	s.Use(mustTable(t, app("127.0.0.1/32", "limit", ""), h))
	for n := range 5 {
		b := kit{n}.plainGood()
		b[10] ^= 1 // another Request Authenticator: the password decrypts to garbage
		c.send(b)
	}
	c.settled(20)
	eventually(t, "all lines", func() bool { return strings.Count(log.String(), "\n") >= 4 }) // a packet is counted before it is logged
	text := log.String()
	for _, want := range []string{
		"cause=unknown_client", "cause=wrong_message_authenticator", "cause=missing_message_authenticator",
		"add 127.0.0.1 to applications.NAME.radius.clients",
		"the shared secret of 127.0.0.1 differs from applications.vpn.radius.secret",
		"relax applications.vpn.radius.message_authenticator",
		"most often the shared secret of 127.0.0.1 differs",
	} {
		if n := strings.Count(text, want); n != 1 && !strings.HasPrefix(want, "the shared") {
			t.Errorf("%q stands there %d times", want, n)
		} else if n == 0 {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(text, "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, text)
	}
	for _, secret := range []string{testSecret, "alice-pw"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was logged", secret)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter()
	now := time.Unix(1000, 0)
	allowed := 0
	for n := range 5000 {
		if l.allow(subject{"x", netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}, now) {
			allowed++
		}
	}
	if allowed != warnBudget {
		t.Errorf("%d warnings in one minute", allowed)
	}
	if l.allow(subject{"x", netip.AddrFrom4([4]byte{10, 0, 0, 0})}, now.Add(59*time.Second)) {
		t.Error("twice in a minute")
	}
	if !l.allow(subject{"x", netip.AddrFrom4([4]byte{10, 0, 0, 0})}, now.Add(time.Minute)) {
		t.Error("not even after a minute")
	}
	if n := l.last.Len(); n > warnSubjects {
		t.Errorf("%d subjects", n)
	}
}

func TestServeSaysThatASocketBroke(t *testing.T) {
	s := NewServer(mustTable(t, app("127.0.0.1/32", "", ""), newDirectory()), Options{})
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.Serve(context.Background())
	if err == nil || !strings.Contains(err.Error(), s.Addrs()[0].String()) {
		t.Errorf("%v", err)
	}
}

// TestEveryDiscardIsCounted also looks for the line at level debug.
func TestEveryDiscardIsCounted(t *testing.T) {
	log := &testenv.Log{}
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), newDirectory()), Options{Log: log.Logger(slog.LevelDebug)})
	c := dial(t, s)
	for want, packet := range map[string][]byte{
		"bad_length":                    {1, 2, 3},
		"unexpected_code":               kit{1}.packet(4),
		"malformed_attribute":           kit{1}.signed([]byte{1, 1}),
		"too_many_attributes":           kit{1}.signed(make2(201)),
		"bad_attribute_length":          kit{1}.signed(tlv(5, 1)),
		"malformed_vendor_attribute":    kit{1}.signed(vsa(311, 1)),
		"wrong_message_authenticator":   kit{1}.access(tlv(80, 1)),
		"missing_message_authenticator": kit{1}.packet(12),
		"unsigned_without_credential":   kit{1}.access(),
		"eap_with_password":             kit{1}.signed(tlv(79), kit{1}.pap("x")),
	} {
		before := s.Stats()
		c.send(packet)
		after := c.settled(before.Received + 1)
		if after.Discarded[want] != before.Discarded[want]+1 {
			t.Errorf("%s: %v", want, after.Discarded)
		}
		eventually(t, want+" to be logged", func() bool { return strings.Contains(log.String(), "cause="+want+" ") })
	}
	known := Causes()
	if st := s.Stats(); len(known) != len(st.Discarded) {
		t.Errorf("%d causes, %d counters", len(known), len(st.Discarded))
	}
	for _, name := range known {
		if _, ok := s.Stats().Discarded[name]; !ok || name == "" {
			t.Errorf("%q is not counted", name)
		}
	}
}
