package radius

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory is a Handler with a mind of its own: the name decides what
// happens, the password of NAME is NAME-pw.
type directory struct {
	release chan struct{} // what a login of "slow" waits for

	mu     sync.Mutex
	logins []*proxy.Attempt
}

func newDirectory() *directory { return &directory{release: make(chan struct{})} }

func refusal(r proxy.Reason) proxy.Outcome {
	return proxy.Outcome{Verdict: proxy.Reject, Reason: r, Messages: []string{"Access denied."}}
}

func (d *directory) Refuse(_ context.Context, _ *proxy.Attempt, r proxy.Reason) proxy.Outcome {
	return refusal(r)
}

func (d *directory) Login(ctx context.Context, a *proxy.Attempt) proxy.Outcome {
	d.mu.Lock()
	d.logins = append(d.logins, a)
	d.mu.Unlock()
	p, ok := a.Credential.(identity.Password)
	if !ok {
		return refusal(proxy.ReasonUnsupportedMethod)
	}
	if p.Reveal() != a.Username+"-pw" {
		return refusal(proxy.ReasonBadPassword)
	}
	switch a.Username {
	case "slow":
		select {
		case <-d.release:
		case <-ctx.Done():
			return refusal(proxy.ReasonTimeout)
		}
	case "panic":
		panic("a handler's bug")
	case "outage":
		return refusal(proxy.ReasonUpstreamUnavailable)
	case "drop":
		return proxy.Outcome{Verdict: proxy.Drop}
	case "challenge":
		return proxy.Outcome{Verdict: proxy.Challenge, State: []byte("round two"), Messages: []string{"Enter OTP"}}
	case "attributes":
		return proxy.Outcome{Verdict: proxy.Accept, Reason: proxy.ReasonOK, Attributes: []proxy.Attribute{
			{Name: "Class", Value: "staff"}, {Name: "Session-Timeout", Value: "3600"}, {Name: "No-Such", Value: "x"},
		}}
	case "misfit":
		return proxy.Outcome{Verdict: proxy.Accept, Reason: proxy.ReasonOK, Attributes: []proxy.Attribute{
			{Name: "Filter-Id", Value: strings.Repeat("x", 254)},
		}}
	}
	return proxy.Outcome{Verdict: proxy.Accept, Reason: proxy.ReasonOK, Messages: []string{"Welcome."}}
}

func (d *directory) attempts() []*proxy.Attempt {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.logins)
}

// app is a configuration with one application of one client network.
func app(network, signing, outage string) *config.Config {
	return &config.Config{Applications: map[string]*config.Application{"vpn": {RADIUS: &config.ApplicationRADIUS{
		Clients:              []netip.Prefix{netip.MustParsePrefix(network)},
		Secret:               config.NewSecret(testSecret),
		MessageAuthenticator: signing,
		OnOutage:             outage,
	}}}}
}

func mustTable(t testing.TB, cfg *config.Config, h Handler) *Table {
	t.Helper()
	table, err := NewTable(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// start serves on a free port of the loopback until the test ends.
func start(t testing.TB, table *Table, o Options) *Server {
	t.Helper()
	s := NewServer(table, o)
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

// serve runs Serve until the test ends, or until the function that it returns
// is called, which returns what Serve returned.
func serve(t testing.TB, s *Server) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-done
		})
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return stop
}

// nas is one client socket.
type nas struct {
	*net.UDPConn
	t testing.TB
	s *Server
	// answered is how many answers the server had given when the last case of
	// the corpus was judged.
	answered uint64
}

func dial(t testing.TB, s *Server) *nas {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Addrs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &nas{UDPConn: conn, t: t, s: s}
}

func (c *nas) send(packet []byte) {
	c.t.Helper()
	if _, err := c.Write(packet); err != nil {
		c.t.Fatal(err)
	}
}

// answer waits for one answer; nil means that none came in time.
func (c *nas) answer(within time.Duration) []byte {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 8192)
	n, err := c.Read(buf)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return buf[:n]
}

// must waits for an answer that is in order, and returns its code.
func (c *nas) must(request []byte) byte {
	c.t.Helper()
	b := c.answer(5 * time.Second)
	if b == nil {
		c.t.Fatal("no answer")
	}
	if err := checkAnswer(request, b); err != nil {
		c.t.Fatal(err)
	}
	return b[0]
}

// settled waits until every one of n datagrams has met its fate.
func (c *nas) settled(n uint64) Stats {
	c.t.Helper()
	var st Stats
	eventually(c.t, "the server to be done", func() bool {
		st = c.s.Stats()
		fates := st.Silent + st.Joined + st.Replayed
		for v := range maps.Values(st.Discarded) {
			fates += v
		}
		for v := range maps.Values(st.Answered) {
			fates += v
		}
		return st.Received >= n && fates >= st.Received
	})
	return st
}

// eventually polls until a condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Microsecond) {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
