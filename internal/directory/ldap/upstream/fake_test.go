package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serviceDN       = "cn=service,dc=example,dc=org"
	servicePassword = "service-password"
	aliceDN         = "uid=alice,ou=users,dc=example,dc=org"
)

// fake is an LDAP server with a mind of its own.
type fake struct {
	tb   testing.TB
	addr string

	// tls is for StartTLS, or for every connection if implicit is set.
	tls      *tls.Config
	implicit bool
	// greet may take a connection over before anything is read: false ends it.
	greet func(c net.Conn) bool
	// answer may take a request over: false leaves it to the fake.
	answer func(p *peer, m message) bool

	accepted, open atomic.Int64
	binds          atomic.Int64

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	running  sync.WaitGroup
}

// message is a request as it came.
type message struct {
	id           int32
	op           byte
	name, secret string // of a bind
	base         string // of a search
	body         []byte
}

// peer is a connection of the fake.
type peer struct {
	net.Conn
	raw net.Conn
	mu  sync.Mutex
}

// newFake makes a fake that listens on loopback; change alters it before.
func newFake(tb testing.TB, change func(f *fake)) *fake {
	tb.Helper()
	f := &fake{tb: tb, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	if change != nil {
		change(f)
	}
	f.start()
	tb.Cleanup(f.stop)
	return f
}

func (f *fake) start() {
	f.tb.Helper()
	var l net.Listener
	within(f.tb, 5*time.Second, func() bool { // the port may still be held by what is being closed
		var err error
		l, err = net.Listen("tcp", f.addr)
		return err == nil
	})
	f.addr = l.Addr().String()
	f.mu.Lock()
	f.listener = l
	f.mu.Unlock()
	f.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[c] = true
			f.mu.Unlock()
			f.accepted.Add(1)
			f.open.Add(1)
			f.running.Go(func() { f.serve(c) })
		}
	})
}

// stop is what kill -9 does: the port is closed and all connections are reset.
func (f *fake) stop() {
	f.mu.Lock()
	_ = f.listener.Close()
	f.mu.Unlock()
	f.reset()
	f.running.Wait()
}

// reset resets the connections.
func (f *fake) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

// hangUp closes the connections as a server does with idle ones.
func (f *fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func (f *fake) url() string {
	if f.implicit {
		return "ldaps://" + f.addr
	}
	return "ldap://" + f.addr
}

func (f *fake) serve(raw net.Conn) {
	p := &peer{Conn: raw, raw: raw}
	defer func() {
		_ = raw.Close()
		f.mu.Lock()
		delete(f.conns, raw)
		f.mu.Unlock()
		f.open.Add(-1)
	}()
	if f.greet != nil && !f.greet(raw) {
		return
	}
	if f.implicit {
		p.Conn = tls.Server(raw, f.tls)
	}
	for {
		m, err := p.read()
		if err != nil {
			return
		}
		if m.op == opBindRequest {
			f.binds.Add(1)
		}
		if f.answer != nil && f.answer(p, m) {
			continue
		}
		if !f.usual(p, m) {
			return
		}
	}
}

// usual is what an honest server does.
func (f *fake) usual(p *peer, m message) bool {
	switch m.op {
	case opBindRequest:
		switch {
		case m.name == serviceDN && m.secret == servicePassword, strings.HasPrefix(m.secret, "right"):
			p.result(m.id, opBindResponse, 0, "")
		default:
			p.result(m.id, opBindResponse, ldap.LDAPResultInvalidCredentials, "no")
		}
	case 0x63:
		p.entry(m.id, m.base)
		p.result(m.id, 0x65, 0, "")
	case opExtendedRequest:
		if f.tls == nil {
			p.result(m.id, opExtendedResponse, ldap.LDAPResultProtocolError, "unsupported extended operation")
			return true
		}
		p.result(m.id, opExtendedResponse, 0, "")
		p.Conn = tls.Server(p.raw, f.tls)
	default:
		return false
	}
	return true
}

// read reads a request.
func (p *peer) read() (message, error) {
	head := make([]byte, 6)
	if _, err := io.ReadFull(p, head[:2]); err != nil {
		return message{}, err
	}
	more := 0
	if head[1] >= 0x80 {
		more = int(head[1] & 0x7f)
		if _, err := io.ReadFull(p, head[2:2+more]); err != nil {
			return message{}, err
		}
	}
	length, _, err := ber.LengthOctets(head[1 : 2+more])
	if err != nil {
		return message{}, err
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(p, body); err != nil {
		return message{}, err
	}
	var m message
	if m.id, body, err = ber.Integer(body, ber.TagInteger); err != nil {
		return m, err
	}
	if m.op, m.body, _, err = ber.Element(body); err != nil {
		return m, err
	}
	switch m.op {
	case opBindRequest:
		_, rest, _ := ber.Integer(m.body, ber.TagInteger)
		name, rest, _ := ber.Expect(rest, ber.TagOctetString)
		secret, _, _ := ber.Expect(rest, tagSimple)
		m.name, m.secret = string(name), string(secret)
	case 0x63:
		base, _, _ := ber.Expect(m.body, ber.TagOctetString)
		m.base = string(base)
	}
	return m, nil
}

func (p *peer) send(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.Write(b)
}

func (p *peer) result(id int32, op byte, code int32, text string) {
	p.send(encodeResult(id, op, code, text))
}

func encodeResult(id int32, op byte, code int32, text string, controls ...Control) []byte {
	var e ber.Encoder
	m := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	o := e.Open(op)
	e.Integer(ber.TagEnumerated, code)
	e.Text(ber.TagOctetString, "")
	e.Text(ber.TagOctetString, text)
	e.Close(o)
	if len(controls) > 0 {
		list := e.Open(tagControls)
		for _, c := range controls {
			one := e.Open(ber.TagSequence)
			e.Text(ber.TagOctetString, c.OID)
			if c.Value != nil {
				e.Text(ber.TagOctetString, string(c.Value))
			}
			e.Close(one)
		}
		e.Close(list)
	}
	e.Close(m)
	return e.B
}

// entry sends an entry that has its DN as an attribute.
func (p *peer) entry(id int32, dn string) {
	var e ber.Encoder
	m := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	o := e.Open(0x64)
	e.Text(ber.TagOctetString, dn)
	list := e.Open(ber.TagSequence)
	for _, a := range [][2]string{{"dn", dn}, {"vendorName", "fake"}} {
		one := e.Open(ber.TagSequence)
		e.Text(ber.TagOctetString, a[0])
		set := e.Open(ber.TagSet)
		e.Text(ber.TagOctetString, a[1])
		e.Close(set)
		e.Close(one)
	}
	e.Close(list)
	e.Close(o)
	e.Close(m)
	p.send(e.B)
}

// search is a base search for dn.
func search(dn string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", nil, nil)
}

// settingsOf is a configuration with the usual values and quick timeouts.
func settingsOf(urls ...string) *config.LDAPDirectory {
	return &config.LDAPDirectory{
		URLs: urls, StartTLS: "off", BindDN: serviceDN, BindPassword: config.NewSecret(servicePassword),
		Timeout: 2 * time.Second, HealthInterval: time.Minute, TLS: config.UpstreamTLS{MinVersion: "1.2"},
		Pool: config.UpstreamPool{Binds: 4, Searches: 2, Idle: time.Minute},
	}
}

// open opens a cluster that is closed with the test, and waits until every
// server was probed once.
func open(tb testing.TB, cfg *config.LDAPDirectory, o Options) *Cluster {
	tb.Helper()
	c := openNow(tb, cfg, o)
	within(tb, 10*time.Second, func() bool {
		for _, s := range c.Status() {
			if s.State == StateProbing {
				return false
			}
		}
		return true
	})
	return c
}

func openNow(tb testing.TB, cfg *config.LDAPDirectory, o Options) *Cluster {
	tb.Helper()
	c, err := Open("corp", cfg, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
		if n := len(c.links.all); n != 0 {
			tb.Errorf("%d connections are left", n)
		}
	})
	return c
}

// within polls until ok.
func within(tb testing.TB, limit time.Duration, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			tb.Fatalf("not within %s", limit)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// outage checks that err is an outage with this outcome at its first server.
func outage(tb testing.TB, err error, outcome string) *Outage {
	tb.Helper()
	var o *Outage
	if !errors.As(err, &o) {
		tb.Fatalf("got %v (%T), want an outage", err, err)
	}
	if len(o.Failures) == 0 || o.Failures[0].Outcome != outcome {
		tb.Fatalf("got %+v, want outcome %s", o.Failures, outcome)
	}
	if _, ok := errors.AsType[*ldap.Error](err); ok {
		tb.Errorf("%v can be taken for an answer", err)
	}
	if strings.Contains(err.Error(), "right") || strings.Contains(err.Error(), servicePassword) {
		tb.Errorf("%v tells a password", err)
	}
	return o
}

// logs collects what is logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// observed counts operations.
type observed struct {
	mu  sync.Mutex
	all map[string]int
}

func (o *observed) Observe(_, operation, outcome string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[string]int{}
	}
	o.all[operation+" "+outcome]++
}

func (o *observed) count(key string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all[key]
}

// serverTLS is the TLS configuration of a fake with a certificate from a.
func serverTLS(tb testing.TB, a *testenv.Authority, c testenv.Certificate) *tls.Config {
	tb.Helper()
	pair, err := tls.LoadX509KeyPair(a.Issue(tb, c))
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// bindAlice binds with a password of the test.
func bindAlice(tb testing.TB, c *Cluster, password string) (BindResult, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	return c.Bind(ctx, aliceDN, password)
}

// nopConn reads from a reader.
type nopConn struct{ io.Reader }

func (nopConn) Write(b []byte) (int, error)        { return len(b), nil }
func (nopConn) Close() error                       { return nil }
func (nopConn) LocalAddr() net.Addr                { return nil }
func (nopConn) RemoteAddr() net.Addr               { return nil }
func (nopConn) SetDeadline(time.Time) error        { return nil }
func (nopConn) SetReadDeadline(time.Time) error    { return nil }
func (nopConn) SetWriteDeadline(t time.Time) error { return nil }
