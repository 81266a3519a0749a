package ldap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chunks is a connection from which a fixed stream arrives in pieces.
type chunks struct {
	net.Conn
	rest  []byte
	piece int
	asked int
}

func (c *chunks) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	c.asked += len(b)
	n := len(b)
	if c.piece > 0 {
		n = min(n, c.piece)
	}
	n = copy(b[:n], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// fake is a Handler with a mind of its own: the password decides.
type fake struct {
	mu       sync.Mutex
	attempts []*proxy.Attempt
	refused  []proxy.Reason
	// held gets every login with password "hold" as it begins; the login ends with
	// its context, or right when release is closed.
	held    chan *proxy.Attempt
	release chan struct{}
}

func newFake() *fake {
	return &fake{held: make(chan *proxy.Attempt, 2000), release: make(chan struct{})}
}

// outcomes are the passwords that the fake knows.
var outcomes = map[string]proxy.Outcome{
	"good":      {Verdict: proxy.Accept, Reason: proxy.ReasonOK},
	"bad":       {Reason: proxy.ReasonBadPassword, Messages: []string{"Access denied."}},
	"unknown":   {Reason: proxy.ReasonUnknownUser, Messages: []string{"Access denied."}},
	"disabled":  {Reason: proxy.ReasonUserDisabled, Messages: []string{"Access denied."}},
	"expired":   {Reason: proxy.ReasonPasswordExpired, Messages: []string{"Access denied."}},
	"locked":    {Reason: proxy.ReasonLockedOut, Messages: []string{"Access denied."}},
	"over":      {Reason: proxy.ReasonAccountExpired, Messages: []string{"Access denied."}},
	"hours":     {Reason: proxy.ReasonLogonRestricted, Messages: []string{"Access denied."}},
	"ambiguous": {Reason: proxy.ReasonAmbiguousUser, Messages: []string{"Access denied."}},
	"policy":    {Reason: proxy.ReasonPolicyDenied, Messages: []string{"The wiki is for staff.", "Ask Joan."}},
	"failed":    {Reason: proxy.ReasonPolicyFailed, Messages: []string{"Access denied."}},
	"factor":    {Reason: proxy.ReasonSecondFactorRequired, Messages: []string{"A code is needed."}},
	"challenge": {Verdict: proxy.Challenge, Reason: proxy.ReasonOK, Messages: []string{"Enter your code:"}, State: []byte("state")},
	"outage":    {Reason: proxy.ReasonUpstreamUnavailable, Messages: []string{"Try again later."}},
	"overload":  {Reason: proxy.ReasonOverloaded, Messages: []string{"Try again later."}},
	"timeout":   {Reason: proxy.ReasonTimeout, Messages: []string{"Try again later."}},
	"internal":  {Reason: proxy.ReasonInternalError, Messages: []string{"Access denied."}},
	"realm":     {Reason: proxy.ReasonEmptyRealm, Messages: []string{"Access denied."}},
	"drop":      {Verdict: proxy.Drop, Reason: proxy.ReasonOverloaded},
}

func (f *fake) Login(ctx context.Context, a *proxy.Attempt) proxy.Outcome {
	f.mu.Lock()
	f.attempts = append(f.attempts, a)
	f.mu.Unlock()
	password := a.Credential.(identity.Password).Reveal()
	switch password {
	case "panic":
		panic("the handler broke")
	case "hold":
		f.held <- a
		select {
		case <-ctx.Done():
			return proxy.Outcome{Reason: proxy.ReasonTimeout, Messages: []string{"Try again later."}}
		case <-f.release:
			return outcomes["good"]
		}
	}
	if o, ok := outcomes[password]; ok {
		return o
	}
	return outcomes["bad"]
}

func (f *fake) Refuse(_ context.Context, a *proxy.Attempt, r proxy.Reason) proxy.Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, a)
	f.refused = append(f.refused, r)
	return proxy.Outcome{Reason: r, Messages: []string{"Refused."}}
}

// last returns the newest attempt and the newest reason of a refusal.
func (f *fake) last() (*proxy.Attempt, proxy.Reason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var a *proxy.Attempt
	var r proxy.Reason
	if n := len(f.attempts); n > 0 {
		a = f.attempts[n-1]
	}
	if n := len(f.refused); n > 0 {
		r = f.refused[n-1]
	}
	return a, r
}

const (
	aliceDN = "uid=alice,ou=users,dc=example,dc=org"
	rootDN  = "dc=example,dc=org"
)

// rig is a server on loopback with one plain and one TLS port.
type rig struct {
	*Server
	fake       *fake
	cfg        *config.Config
	plain, tls string
	ca         *x509.CertPool
	stop       context.CancelFunc
	served     chan error
}

// certificate is made once: a key costs more than most tests.
var certificate = sync.OnceValues(func() (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
})

// newRig starts a server; change may alter what it is made of.
func newRig(tb testing.TB, change func(cfg *config.Config, o *Options, l *limits)) *rig {
	tb.Helper()
	serverTLS, roots := certificate()
	r := &rig{fake: newFake(), ca: roots, served: make(chan error, 1), cfg: &config.Config{
		Login: config.Login{Timeout: 5 * time.Second},
		LDAP:  config.LDAP{PolicyRefusalCode: invalidCredentials},
		Applications: map[string]*config.Application{
			"wiki": application(rootDN, ""),
		},
	}}
	o := Options{Drain: 2 * time.Second}
	l := limits{idle: time.Minute, handshake: 10 * time.Second, message: 10 * time.Second, write: 10 * time.Second, linger: 500 * time.Millisecond}
	if change != nil {
		change(r.cfg, &o, &l)
	}
	o.LDAP = r.cfg.LDAP
	table, err := NewTable(r.cfg, r.fake, serverTLS)
	if err != nil {
		tb.Fatal(err)
	}
	r.Server = NewServer(table, o)
	r.limits = l
	any4 := config.ListenAddr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}
	if err := r.Listen(any4); err != nil {
		tb.Fatal(err)
	}
	if err := r.ListenTLS(any4); err != nil {
		tb.Fatal(err)
	}
	r.plain, r.tls = r.Addrs()[0].String(), r.Addrs()[1].String()
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.served <- r.Serve(ctx) }()
	tb.Cleanup(func() { r.end(tb) })
	return r
}

// end stops the server and waits for it; a second call does nothing.
func (r *rig) end(tb testing.TB) {
	tb.Helper()
	r.stop()
	select {
	case err, open := <-r.served:
		if open {
			close(r.served)
		}
		if err != nil {
			tb.Errorf("serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		tb.Fatal("the server does not end")
	}
	if open := r.Stats().Open; open != 0 {
		tb.Errorf("%d connections are left", open)
	}
}
