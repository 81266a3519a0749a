package ldapclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dn = "uid=alice,ou=users,dc=example,dc=org"

// response encodes a short LDAPMessage with an LDAPResult and what follows it.
func response(id, tag, code byte, text string, extra ...byte) []byte {
	op := append([]byte{0x0a, 1, code, 4, 0, 4, byte(len(text))}, text...)
	op = append(op, extra...)
	return append([]byte{0x30, byte(len(op) + 5), 2, 1, id, tag, byte(len(op))}, op...)
}

// serve is a server that gives reply(op, request) to each request, or hangs up
// where that is nil. Requests are short: the id is their fifth octet, the
// operation their sixth.
// With secure it speaks TLS from the beginning, or from a StartTLS that reply
// grants.
func serve(t *testing.T, secure *tls.Config, reply func(id, op byte, request string) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			answer(nc, secure, reply)
		}
	}()
	return addr
}

func answer(nc net.Conn, secure *tls.Config, reply func(id, op byte, request string) []byte) {
	defer nc.Close()
	buf := make([]byte, 1024)
	n, err := nc.Read(buf[:1])
	if secure != nil && err == nil && buf[0] == 0x16 {
		nc = tls.Server(&unread{nc, buf[:1:1]}, secure)
		n = 0
		buf = make([]byte, 1024)
	}
	for {
		var more int
		more, err = nc.Read(buf[n:])
		n += more
		if err != nil || n < 6 {
			return
		}
		b := reply(buf[4], buf[5], string(buf[:n]))
		if b == nil {
			return
		}
		if _, err := nc.Write(b); err != nil {
			return
		}
		if secure != nil && strings.Contains(string(buf[:n]), "1466.20037") && b[9] == 0 {
			nc = tls.Server(nc, secure)
		}
		n = 0
	}
}

// unread is a connection from which something has been read already.
type unread struct {
	net.Conn
	head []byte
}

func (u *unread) Read(b []byte) (int, error) {
	if len(u.head) == 0 {
		return u.Conn.Read(b)
	}
	n := copy(b, u.head)
	u.head = u.head[n:]
	return n, nil
}

// good answers as a server does that knows alice with password "right".
func good(id, op byte, request string) []byte {
	switch {
	case op == 0x60 && strings.HasSuffix(request, "\x05right"):
		return response(id, 0x61, 0, "")
	case op == 0x60 && strings.HasSuffix(request, "\x80\x00"):
		return response(id, 0x61, 53, "no password")
	case op == 0x60:
		return response(id, 0x61, 49, "Access denied.")
	case op == 0x77 && strings.Contains(request, "4203.1.11.3"):
		return response(id, 0x78, 0, "", 0x8b, 3, 'd', 'n', ':')
	case op == 0x77:
		return response(id, 0x78, 2, "no TLS here")
	}
	return nil
}

func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"ldap.example.org"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

func TestResults(t *testing.T) {
	addr := serve(t, nil, good)
	for password, want := range map[string]Result{
		"right": {Code: 0, Name: "Success", WhoAmI: "dn:"},
		"wrong": {Code: 49, Name: "Invalid Credentials", Message: "Access denied."},
		"":      {Code: 53, Name: "Unwilling To Perform", Message: "no password"},
	} {
		got, err := Bind(t.Context(), "ldap://"+addr, Options{}, dn, config.NewSecret(password))
		if err != nil || got.Took <= 0 {
			t.Errorf("%q: took %s, %v", password, got.Took, err)
		}
		if got.Took = 0; got != want {
			t.Errorf("%q: got %+v, want %+v", password, got, want)
		}
	}
}

func TestTLS(t *testing.T) {
	secure, ca := certificate(t)
	addr := serve(t, secure, good)
	r, err := Bind(t.Context(), "ldaps://"+addr, Options{CAFile: ca}, dn, config.NewSecret("right"))
	if err != nil || r.TLS != "TLS 1.3" || r.Code != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := Bind(t.Context(), "ldaps://"+addr, Options{CAFile: ca, ServerName: "ldap.example.org"}, dn, config.NewSecret("right")); err != nil {
		t.Errorf("with its other name: %v", err)
	}
	upgraded := serve(t, secure, func(id, op byte, request string) []byte {
		if strings.Contains(request, "1466.20037") {
			return response(id, 0x78, 0, "")
		}
		return good(id, op, request)
	})
	if r, err := Bind(t.Context(), "ldap://"+upgraded, Options{StartTLS: true, CAFile: ca}, dn, config.NewSecret("right")); err != nil || r.TLS != "TLS 1.3" || r.Code != 0 {
		t.Errorf("StartTLS: got %+v, %v", r, err)
	}
	for name, o := range map[string]Options{
		"unknown authority": {},
		"other name":        {CAFile: ca, ServerName: "elsewhere.example.org"},
	} {
		if r, err := Bind(t.Context(), "ldaps://"+addr, o, dn, config.NewSecret("right")); err == nil {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

// Without an answer there is no Result, and the password is in no error.
func TestErrors(t *testing.T) {
	_, ca := certificate(t)
	plain := serve(t, nil, good)
	mute := serve(t, nil, func(byte, byte, string) []byte { return []byte{} })
	quits := serve(t, nil, func(byte, byte, string) []byte { return nil })
	noise := serve(t, nil, func(byte, byte, string) []byte { return []byte("HTTP/1.1 400\r\n\r\n") })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url string
		o   Options
	}{
		"nobody listens":       {"ldap://" + free.Addr().String(), Options{}},
		"no answer":            {"ldap://" + mute, Options{Timeout: 100 * time.Millisecond}},
		"no handshake":         {"ldaps://" + mute, Options{CAFile: ca, Timeout: 100 * time.Millisecond}},
		"hangs up":             {"ldap://" + quits, Options{}},
		"not LDAP":             {"ldap://" + noise, Options{Timeout: time.Second}},
		"StartTLS refused":     {"ldap://" + plain, Options{StartTLS: true, CAFile: ca}},
		"StartTLS inside TLS":  {"ldaps://" + plain, Options{StartTLS: true}},
		"other scheme":         {"http://" + plain, Options{}},
		"no URL":               {plain, Options{}},
		"no host":              {"ldap://", Options{}},
		"authorities missing":  {"ldaps://" + plain, Options{CAFile: filepath.Join(t.TempDir(), "none.pem")}},
		"authorities not PEM":  {"ldaps://" + plain, Options{CAFile: empty}},
		"TLS to a plain port":  {"ldaps://" + noise, Options{CAFile: ca}},
		"port out of range":    {"ldap://127.0.0.1:99999", Options{}},
		"StartTLS and no word": {"ldap://" + mute, Options{StartTLS: true, CAFile: ca, Timeout: 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			r, err := Bind(t.Context(), c.url, c.o, dn, config.NewSecret("s3cret"))
			if err == nil {
				t.Fatalf("got %+v", r)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the password is in %q", err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestCanceled(t *testing.T) {
	addr := serve(t, nil, func(byte, byte, string) []byte { return []byte{} })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := Bind(ctx, "ldap://"+addr, Options{}, dn, config.NewSecret("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
