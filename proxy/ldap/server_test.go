package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// code is the result code that a go-ldap call ended with.
func code(tb testing.TB, err error) int {
	tb.Helper()
	if err == nil {
		return success
	}
	var e *goldap.Error
	if !errors.As(err, &e) || e.ResultCode >= goldap.ErrorNetwork {
		tb.Fatalf("no answer: %v", err)
	}
	return int(e.ResultCode)
}

func connect(tb testing.TB, url string, o ...goldap.DialOpt) *goldap.Conn {
	tb.Helper()
	c, err := goldap.DialURL(url, o...)
	if err != nil {
		tb.Fatal(err)
	}
	c.SetTimeout(10 * time.Second)
	tb.Cleanup(func() { c.Close() })
	return c
}

// Every Outcome has its result code, and a refusal leaves the connection
// usable.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		password   string
		code, soft int // with policy_refusal_code 49 and 50
		text       string
	}{
		{"good", success, success, ""},
		{"bad", 49, 49, "Access denied."},
		{"unknown", 49, 49, "Access denied."},
		{"disabled", 49, 49, "Access denied."},
		{"expired", 49, 49, "Access denied."},
		{"locked", 49, 49, "Access denied."},
		{"over", 49, 49, "Access denied."},
		{"hours", 49, 49, "Access denied."},
		{"ambiguous", 49, 49, "Access denied."},
		{"realm", 49, 49, "Access denied."},
		{"policy", 49, 50, "The wiki is for staff. Ask Joan."},
		{"failed", 49, 50, "Access denied."},
		{"factor", 49, 50, "A code is needed."},
		{"challenge", 49, 49, "Enter your code:"},
		{"outage", 52, 52, "Try again later."},
		{"overload", 52, 52, "Try again later."},
		{"timeout", 52, 52, "Try again later."},
		{"internal", 80, 80, "Access denied."},
	} {
		for _, refusal := range []int{49, 50} {
			r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.PolicyRefusalCode = refusal })
			conn := connect(t, "ldap://"+r.plain)
			want := c.code
			if refusal == 50 {
				want = c.soft
			}
			err := conn.Bind(aliceDN, c.password)
			if got := code(t, err); got != want {
				t.Errorf("%s: got %d, want %d", c.password, got, want)
			}
			if err != nil && !strings.HasSuffix(err.Error(), ": "+c.text) {
				t.Errorf("%s: text %q, want %q", c.password, err, c.text)
			}
			if err := conn.Bind(aliceDN, "good"); err != nil {
				t.Errorf("%s: the next bind: %v", c.password, err)
			}
			r.end(t)
		}
	}
}

func TestDroppedLoginClosesTheConnection(t *testing.T) {
	r := newRig(t, nil)
	w := r.dial(t)
	w.send(simpleBind(1, aliceDN, "drop"))
	w.expectClosed()
	r.works(t)
}

func TestBindRules(t *testing.T) {
	r := newRig(t, nil)
	simple := func(p string) []byte { return str(tagSimple, p) }
	for _, c := range []struct {
		name   string
		op     []byte
		code   int
		reason proxy.Reason // of the refusal that the handler hears of
	}{
		{"anonymous", bindOp(3, "", simple("")), success, ""},
		{"good", bindOp(3, aliceDN, simple("good")), success, ""},
		{"version 2", bindOp(2, aliceDN, simple("good")), protocolError, ""},
		{"version 4", bindOp(4, aliceDN, simple("good")), protocolError, ""},
		{"version 0", bindOp(0, "", simple("")), protocolError, ""},
		{"empty password", bindOp(3, aliceDN, simple("")), 53, proxy.ReasonEmptyPassword},
		{"empty password, unknown base", bindOp(3, "uid=alice", simple("")), 53, proxy.ReasonEmptyPassword},
		{"empty password, blank name", bindOp(3, " ", simple("")), 53, proxy.ReasonEmptyPassword},
		{"empty password, no name", bindOp(3, "alice", simple("")), 34, proxy.ReasonMalformedLogin},
		{"password without name", bindOp(3, "", simple("good")), 49, proxy.ReasonEmptyLogin},
		{"password with blank name", bindOp(3, "  ", simple("good")), 49, proxy.ReasonEmptyLogin},
		{"NUL in name", bindOp(3, "uid=al\x00ice,ou=users,"+rootDN, simple("good")), 34, proxy.ReasonMalformedLogin},
		{"escaped NUL in name", bindOp(3, `uid=al\00ice,ou=users,`+rootDN, simple("good")), 34, proxy.ReasonMalformedLogin},
		{"name is not UTF-8", bindOp(3, "uid=\xff,"+rootDN, simple("good")), 34, proxy.ReasonMalformedLogin},
		{"name is a login", bindOp(3, "alice", simple("good")), 34, proxy.ReasonMalformedLogin},
		{"UPN of no application", bindOp(3, "alice@example.org", simple("good")), 49, proxy.ReasonUnknownApplication},
		{"down-level name of no application", bindOp(3, `EXAMPLE\alice`, simple("good")), 49, proxy.ReasonUnknownApplication},
		{"UPN with an empty password", bindOp(3, "alice@example.org", simple("")), 53, proxy.ReasonEmptyPassword},
		{"UPN without a login", bindOp(3, "@example.org", simple("good")), 34, proxy.ReasonMalformedLogin},
		{"NUL in password", bindOp(3, aliceDN, simple("good\x00")), 49, proxy.ReasonMalformedPassword},
		{"password is not UTF-8", bindOp(3, aliceDN, simple("\xff\xfe")), 49, proxy.ReasonMalformedPassword},
		{"unknown base", bindOp(3, "uid=alice,dc=elsewhere", simple("good")), 49, proxy.ReasonUnknownApplication},
		{"base itself", bindOp(3, rootDN, simple("good")), 49, proxy.ReasonUnknownUser},
		{"other branch", bindOp(3, "uid=alice,ou=admins,"+rootDN, simple("good")), 49, proxy.ReasonUnknownUser},
		{"several values", bindOp(3, "uid=alice+cn=x,ou=users,"+rootDN, simple("good")), 49, proxy.ReasonUnknownUser},
		{"SASL", bindOp(3, "", tlv(tagSASL, str(ber.TagOctetString, "EXTERNAL"))), 7, ""},
		{"SASL with credentials", bindOp(3, aliceDN, tlv(tagSASL, str(ber.TagOctetString, "PLAIN"), str(ber.TagOctetString, "\x00alice\x00good"))), 7, ""},
		{"SASL without mechanism", bindOp(3, "", tlv(tagSASL, str(ber.TagOctetString, ""))), 7, ""},
		{"unknown choice", bindOp(3, aliceDN, str(0x8a, "good")), 7, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.fake.mu.Lock()
			r.fake.refused = nil
			r.fake.mu.Unlock()
			w := r.dial(t)
			w.send(request(7, c.op))
			w.expect(7, respBind, c.code)
			if _, reason := r.fake.last(); reason != c.reason {
				t.Errorf("the handler heard %q, want %q", reason, c.reason)
			}
			w.send(simpleBind(8, aliceDN, "good")) // still usable
			w.expect(8, respBind, success)
		})
	}
}

func TestAttempt(t *testing.T) {
	r := newRig(t, nil)
	sent := `UID = Doe\2C Jane , OU=Users, DC=Example,dc=org`
	w := r.dialTLS(t)
	w.send(simpleBind(1, sent, "good"))
	w.expect(1, respBind, success)
	got, _ := r.fake.last()
	if got.ID == "" || got.Received.IsZero() {
		t.Errorf("id %q, received %v", got.ID, got.Received)
	}
	if p, _ := got.Credential.(identity.Password); p.Reveal() != "good" {
		t.Error("the password did not arrive")
	}
	want := &proxy.Attempt{
		ID: got.ID, Received: got.Received, Credential: got.Credential,
		Protocol: proxy.LDAP, Operation: "bind", Application: "wiki", Username: "Doe, Jane",
		PeerIP: netip.MustParseAddr("127.0.0.1"),
		LDAP:   policyengine.LDAPFacts{BindDN: sent, BaseDN: rootDN, TLS: "1.3"},
	}
	compare := cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b identity.Password) bool { return a == b })}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Error(diff)
	}
	w.send(simpleBind(2, "nonsense\x00\x1b[2J"+strings.Repeat("x", 1000), "good"))
	w.expect(2, respBind, invalidDNSyntax)
	if got, _ := r.fake.last(); strings.ContainsAny(got.Username, "\x00\x1b") || len(got.Username) > 300 {
		t.Errorf("username %q", got.Username)
	}
}

func TestIdentityOfTheConnection(t *testing.T) {
	r := newRig(t, nil)
	conn := connect(t, "ldap://"+r.plain)
	who := func() string {
		t.Helper()
		w, err := conn.WhoAmI(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.AuthzID
	}
	if got := who(); got != "" {
		t.Errorf("before a bind: %q", got)
	}
	for range 3 { // again and again on one connection
		if err := conn.Bind(aliceDN, "good"); err != nil {
			t.Fatal(err)
		}
		if got := who(); got != "dn:"+aliceDN {
			t.Errorf("after a bind: %q", got)
		}
		if code(t, conn.Bind(aliceDN, "bad")) != 49 {
			t.Error("a wrong password was taken")
		}
		if got := who(); got != "" {
			t.Errorf("after a failed bind: %q", got)
		}
	}
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Fatal(err)
	}
	if err := conn.UnauthenticatedBind(""); err != nil {
		t.Fatal(err)
	}
	if got := who(); got != "" {
		t.Errorf("after an anonymous bind: %q", got)
	}
	if code(t, conn.UnauthenticatedBind(aliceDN)) != 53 {
		t.Error("a name with an empty password was taken")
	}
}

func TestAnonymousRefused(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.AnonymousBind = "refuse" })
	conn := connect(t, "ldap://"+r.plain)
	if got := code(t, conn.UnauthenticatedBind("")); got != inappropriateAuthentication {
		t.Errorf("got %d", got)
	}
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Error(err)
	}
}

func TestRequireTLS(t *testing.T) {
	r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.RequireTLS = true })
	conn := connect(t, "ldap://"+r.plain)
	for _, dn := range []string{aliceDN, "nonsense", ""} {
		if got := code(t, conn.Bind(dn, "good")); got != confidentialityRequired {
			t.Errorf("%q: got %d", dn, got)
		}
	}
	if a, _ := r.fake.last(); a != nil {
		t.Error("the handler was asked about a password that came in clear text")
	}
	if err := conn.UnauthenticatedBind(""); err != nil {
		t.Error(err)
	}
	if err := conn.StartTLS(&tls.Config{RootCAs: r.ca, ServerName: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Error(err)
	}
}

func TestStartTLS(t *testing.T) {
	r := newRig(t, nil)
	conn := connect(t, "ldap://"+r.plain)
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Fatal(err)
	}
	if err := conn.StartTLS(&tls.Config{RootCAs: r.ca, ServerName: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if who, err := conn.WhoAmI(nil); err != nil || who.AuthzID != "" {
		t.Errorf("after StartTLS: %v, %v", who, err)
	}
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Error(err)
	}
	if a, _ := r.fake.last(); a.LDAP.TLS != "1.3" {
		t.Errorf("TLS %q", a.LDAP.TLS)
	}
}

func TestLDAPS(t *testing.T) {
	r := newRig(t, nil)
	for version, want := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		conn := connect(t, "ldaps://"+r.tls, goldap.DialWithTLSConfig(&tls.Config{RootCAs: r.ca, MaxVersion: version}))
		if err := conn.Bind(aliceDN, "good"); err != nil {
			t.Error(err)
		}
		if a, _ := r.fake.last(); a.LDAP.TLS != want {
			t.Errorf("TLS %q, want %q", a.LDAP.TLS, want)
		}
	}
}

func TestRootDSE(t *testing.T) {
	r := newRig(t, nil)
	read := func(conn *goldap.Conn, filter string, attributes ...string) map[string][]string {
		t.Helper()
		res, err := conn.Search(goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil))
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Entries) == 0 {
			return nil
		}
		got := map[string][]string{}
		for _, a := range res.Entries[0].Attributes {
			got[a.Name] = a.Values
		}
		return got
	}
	plain := connect(t, "ldap://"+r.plain)
	want := map[string][]string{
		"objectClass": {"top"}, "namingContexts": {rootDN}, "supportedLDAPVersion": {"3"},
		"supportedExtension": {oidWhoAmI, oidStartTLS}, "vendorName": {"Sallyport"},
		"supportedFeatures": {featureAllOperational, featureTrueFalse},
	}
	if diff := cmp.Diff(want, read(plain, "(objectClass=*)", "*", "+")); diff != "" {
		t.Error(diff)
	}
	secure := connect(t, "ldaps://"+r.tls, goldap.DialWithTLSConfig(&tls.Config{RootCAs: r.ca}))
	if diff := cmp.Diff(map[string][]string{"supportedExtension": {oidWhoAmI}}, read(secure, "(objectClass=*)", "supportedextension")); diff != "" {
		t.Error(diff)
	}
	if got := read(plain, "(mail=*)"); got != nil {
		t.Errorf("an unknown attribute matched: %v", got)
	}
	res, err := plain.Search(goldap.NewSearchRequest("", goldap.ScopeBaseObject, 0, 0, 0, true, "(objectClass=*)", []string{"+"}, nil))
	if err != nil || len(res.Entries) != 1 {
		t.Fatal(res, err)
	}
	for _, a := range res.Entries[0].Attributes {
		if len(a.Values) > 0 {
			t.Errorf("types only, but %s has %v", a.Name, a.Values)
		}
	}
}

// What is not served is refused with the response that belongs to it, bound or
// not.
func TestRefusedOperations(t *testing.T) {
	r := newRig(t, nil)
	conn := connect(t, "ldap://"+r.plain)
	ops := map[string]func() error{
		"search":   func() error { return search(conn, rootDN, goldap.ScopeWholeSubtree) },
		"own":      func() error { return search(conn, aliceDN, goldap.ScopeBaseObject) },
		"all":      func() error { return search(conn, "", goldap.ScopeWholeSubtree) },
		"one":      func() error { return search(conn, "", goldap.ScopeSingleLevel) },
		"schema":   func() error { return search(conn, "cn=Subschema", goldap.ScopeBaseObject) },
		"compare":  func() error { _, err := conn.Compare(aliceDN, "cn", "x"); return err },
		"add":      func() error { return conn.Add(goldap.NewAddRequest(aliceDN, nil)) },
		"delete":   func() error { return conn.Del(goldap.NewDelRequest(aliceDN, nil)) },
		"modify":   func() error { return conn.Modify(goldap.NewModifyRequest(aliceDN, nil)) },
		"modifyDN": func() error { return conn.ModifyDN(goldap.NewModifyDNRequest(aliceDN, "uid=x", true, "")) },
	}
	for _, bound := range []bool{false, true} {
		if bound {
			if err := conn.Bind(aliceDN, "good"); err != nil {
				t.Fatal(err)
			}
		}
		for name, op := range ops {
			if got := code(t, op()); got != unwillingToPerform {
				t.Errorf("%s: got %d", name, got)
			}
		}
		if got := code(t, search(conn, "nonsense", goldap.ScopeBaseObject)); got != invalidDNSyntax {
			t.Errorf("search with a broken base: got %d", got)
		}
		if _, err := conn.PasswordModify(goldap.NewPasswordModifyRequest("", "a", "b")); code(t, err) != protocolError {
			t.Errorf("password modify: %v", err)
		}
	}
}

func search(conn *goldap.Conn, base string, scope int) error {
	_, err := conn.Search(goldap.NewSearchRequest(base, scope, 0, 0, 0, false, "(objectClass=*)", nil, nil))
	return err
}

func TestReloadedTable(t *testing.T) {
	r := newRig(t, nil)
	conn := connect(t, "ldap://"+r.plain)
	if err := conn.Bind(aliceDN, "good"); err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(&config.Config{Applications: map[string]*config.Application{"new": application("o=new", "")}}, r.fake, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Use(table)
	if got := code(t, conn.Bind(aliceDN, "good")); got != 49 {
		t.Errorf("the old base: got %d", got)
	}
	if err := conn.Bind("uid=alice,ou=users,o=new", "good"); err != nil {
		t.Error(err)
	}
	if got := code(t, conn.StartTLS(&tls.Config{InsecureSkipVerify: true})); got != protocolError {
		t.Errorf("StartTLS without a certificate: got %d", got)
	}
	w := &wire{tb: t}
	if w.Conn, err = net.Dial("tcp", r.tls); err != nil { // LDAPS without a certificate any more
		t.Fatal(err)
	}
	defer w.Close()
	w.expectClosed()
}

func TestListenFaults(t *testing.T) {
	r := newRig(t, nil)
	used := config.ListenAddr{AddrPort: r.Addrs()[0]}
	other := NewServer(r.table.Load(), Options{})
	if err := other.Listen(used); err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), used.String()) {
		t.Errorf("a port in use: %v", err)
	}
	away := config.ListenAddr{AddrPort: netip.MustParseAddrPort("192.0.2.1:0")}
	if err := other.Listen(away); err == nil {
		t.Error("an address of somebody else was taken")
	}
	away.Optional = true
	if err := other.Listen(away); err != nil || len(other.Addrs()) != 0 {
		t.Errorf("an optional address: %v", err)
	}
	bare, err := NewTable(&config.Config{}, r.fake, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := NewServer(bare, Options{}).ListenTLS(used); err == nil || !strings.Contains(err.Error(), "tls.certificate") {
		t.Errorf("LDAPS without a certificate: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := other.Serve(ctx); err != nil {
		t.Error(err)
	}
}

// TestListenBothVersions: "[::]" leaves IPv4 to "0.0.0.0" on the same port.
func TestListenBothVersions(t *testing.T) {
	r := newRig(t, nil)
	s := NewServer(r.table.Load(), Options{})
	defer s.Close()
	if err := s.Listen(config.ListenAddr{AddrPort: netip.MustParseAddrPort("0.0.0.0:0")}); err != nil {
		t.Fatal(err)
	}
	six := config.ListenAddr{AddrPort: netip.AddrPortFrom(netip.IPv6Unspecified(), s.Addrs()[0].Port()), Optional: true}
	if err := s.Listen(six); err != nil {
		t.Errorf("[::] beside 0.0.0.0: %v", err)
	}
}
