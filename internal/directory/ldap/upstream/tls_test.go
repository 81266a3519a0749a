package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// tlsCase is a server, what we make of it, and what Diagnose says.
type tlsCase struct {
	name    string
	server  func(f *fake)
	cfg     func(c *config.LDAPDirectory)
	outcome string // empty: it works
	text    string // in the error
	step    string // the last one of the diagnosis
	advice  string
}

func TestTLS(t *testing.T) {
	ours, other := testenv.NewAuthority(t), testenv.NewAuthority(t)
	good := serverTLS(t, ours, testenv.Certificate{})
	clientCert, clientKey := ours.Issue(t, testenv.Certificate{Client: "proxy"})
	mutual := good.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	pem, err := os.ReadFile(ours.File)
	if err != nil {
		t.Fatal(err)
	}
	mutual.ClientCAs.AppendCertsFromPEM(pem)
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 //nolint:gosec // what is to be refused
	ldaps := func(c *tls.Config) func(f *fake) { return func(f *fake) { f.tls, f.implicit = c, true } }
	start := func(c *tls.Config) func(f *fake) { return func(f *fake) { f.tls = c } }
	granted := encodeResult(1, opExtendedResponse, 0, "")

	for _, c := range []tlsCase{
		{name: "LDAPS", server: ldaps(good), step: StepRootDSE},
		{name: "StartTLS", server: start(good), step: StepRootDSE},
		{name: "client certificate", server: ldaps(mutual), step: StepRootDSE, cfg: func(c *config.LDAPDirectory) {
			c.TLS.Certificate, c.TLS.Key = clientCert, clientKey
		}},
		{
			name: "server name", server: ldaps(serverTLS(t, ours, testenv.Certificate{Names: []string{"dc1.corp.example"}})), step: StepRootDSE,
			cfg: func(c *config.LDAPDirectory) { c.TLS.ServerName = "dc1.corp.example" },
		},
		{name: "no client certificate", server: ldaps(mutual), outcome: OutcomeTLS, text: "certificate required", step: StepBind, advice: "set tls.certificate and tls.key"},
		{
			name: "other name", server: ldaps(serverTLS(t, ours, testenv.Certificate{Names: []string{"dc1.corp.example"}})), outcome: OutcomeTLS,
			text: "TLS handshake: ", step: StepTLS, advice: "is for dc1.corp.example, not for 127.0.0.1",
		},
		{
			name: "other authority", server: ldaps(serverTLS(t, other, testenv.Certificate{})), outcome: OutcomeTLS, text: "unknown authority",
			step: StepTLS, advice: "another authority than those in tls.ca",
		},
		{
			name: "authority of the machine", server: ldaps(good), cfg: func(c *config.LDAPDirectory) { c.TLS.CA = "" }, outcome: OutcomeTLS,
			text: "unknown authority", step: StepTLS, advice: "set tls.ca to a PEM file with the certificate of CN=testing authority",
		},
		{name: "expired", server: start(serverTLS(t, ours, testenv.ExpiredCertificate())), outcome: OutcomeTLS, text: "expired", step: StepTLS, advice: "expired on "},
		{
			name: "not yet valid", server: ldaps(serverTLS(t, ours, testenv.Certificate{NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(2 * time.Hour)})),
			outcome: OutcomeTLS, step: StepTLS, advice: "clock of this machine",
		},
		{name: "old TLS", server: ldaps(old), outcome: OutcomeTLS, text: "protocol version", step: StepTLS, advice: "tls.min_version"},
		{name: "clear text on the port", server: func(f *fake) {
			f.implicit = true
			f.greet = func(c net.Conn) bool {
				_, _ = c.Write(noticeOf(2, ""))
				_, _ = c.Read(make([]byte, 4096))
				return false
			}
		}, outcome: OutcomeTLS, step: StepTLS, advice: "does not speak TLS on this port"},
		{name: "StartTLS refused", server: start(nil), outcome: OutcomeTLS, text: "refuses StartTLS: result 2", step: StepTLS, advice: "has no StartTLS"},
		{name: "StartTLS, then more", server: func(f *fake) {
			f.greet = func(c net.Conn) bool {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = c.Write(append(append([]byte{}, granted...), encodeResult(2, opBindResponse, 0, "")...))
				_, _ = c.Read(make([]byte, 4096))
				return false
			}
		}, outcome: OutcomeTLS, text: "more than the answer to StartTLS", step: StepTLS, advice: "tampering"},
		{name: "StartTLS, then clear text", server: func(f *fake) {
			f.greet = func(c net.Conn) bool {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = c.Write(granted)
				_, _ = c.Read(make([]byte, 4096))
				_, _ = c.Write(encodeResult(2, opBindResponse, 0, ""))
				return false
			}
		}, outcome: OutcomeTLS, step: StepTLS},
		{name: "hangs up", server: func(f *fake) {
			f.implicit, f.greet = true, func(c net.Conn) bool { _, _ = c.Read(make([]byte, 4096)); return false }
		}, outcome: OutcomeUnreachable, text: "closed the connection", step: StepTLS, advice: "write ldap://"},
		{
			name: "silence", server: func(f *fake) {
				f.implicit, f.greet = true, func(c net.Conn) bool {
					for {
						if _, err := c.Read(make([]byte, 4096)); err != nil {
							return false
						}
					}
				}
			}, cfg: func(c *config.LDAPDirectory) { c.Timeout = 200 * time.Millisecond }, outcome: OutcomeTimeout, text: "TLS handshake: no answer within 200ms",
			step: StepTLS, advice: "does not answer",
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, ours.File) })
	}
}

func (tc tlsCase) run(t *testing.T, ca string) {
	f := newFake(t, tc.server)
	cfg := settingsOf(f.url())
	cfg.StartTLS, cfg.TLS.CA = "require", ca
	if tc.cfg != nil {
		tc.cfg(cfg)
	}
	var o observed
	c := open(t, cfg, Options{Observer: &o})
	r, err := bindAlice(t, c, "right")
	if tc.outcome == "" {
		if err != nil || r.Code != 0 {
			t.Errorf("bind: %+v, %v", r, err)
		}
	} else if outage(t, err, OutcomeDown); !strings.Contains(err.Error(), tc.text) {
		t.Errorf("error: %v", err)
	}
	if tc.outcome != "" && o.count("probe "+tc.outcome) == 0 {
		t.Errorf("observed %v, not %s", o.all, tc.outcome)
	}
	if tc.outcome != "" && f.binds.Load() > 0 {
		t.Error("a bind was sent")
	}
	var last Step
	c.Diagnose(t.Context(), func(s Step) { last = s })
	if last.Name != tc.step || (last.Err != nil) != (tc.outcome != "") || !strings.Contains(last.Advice, tc.advice) || (last.Got == "") != (last.Err != nil) {
		t.Errorf("diagnosis ends with %+v", last)
	}
}

// TestOpenFiles: faults of files name them.
func TestOpenFiles(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.pem")
	if err := os.WriteFile(bad, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]config.UpstreamTLS{
		"no such file":   {CA: filepath.Join(dir, "none.pem")},
		"no certificate": {CA: bad},
		"client":         {Certificate: bad, Key: filepath.Join(dir, "none.pem")},
	} {
		d := settingsOf("ldaps://127.0.0.1:1")
		d.TLS = cfg
		_, err := Open("corp", d, Options{})
		if err == nil || !strings.Contains(err.Error(), "directory corp: tls.") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open("corp", settingsOf("http://x"), Options{}); err == nil {
		t.Error("http:// is taken")
	}
}

// TestResumption: later connections need no full handshake.
func TestResumption(t *testing.T) {
	ca := testenv.NewAuthority(t)
	f := newFake(t, func(f *fake) { f.tls, f.implicit = serverTLS(t, ca, testenv.Certificate{}), true })
	cfg := settingsOf(f.url())
	cfg.TLS.CA = ca.File
	c := open(t, cfg, Options{})
	if _, err := bindAlice(t, c, "right"); err != nil {
		t.Fatal(err)
	}
	s := (*c.servers.Load())[0]
	if conn := s.binds.take(); !conn.link.Conn.(*tls.Conn).ConnectionState().DidResume {
		t.Error("not resumed")
	} else {
		s.binds.give(conn)
	}
}
