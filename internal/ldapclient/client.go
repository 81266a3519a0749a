package ldapclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
)

// Options say how to reach the server. There is no way to skip the check of its
// certificate: name the authority instead.
type Options struct {
	// StartTLS upgrades an ldap:// connection before the bind.
	StartTLS bool
	// CAFile is a PEM file with the authorities to trust instead of the system's.
	CAFile string
	// ServerName is the name that the certificate must carry; the URL's host if
	// empty.
	ServerName string
	// Timeout bounds the whole; 0 stands for 15 s.
	Timeout time.Duration
}

// Result is what the server answered.
type Result struct {
	// Code is the LDAP result code (RFC 4511 appendix A), 0 for success; Name is
	// its name and Message the server's text, often empty.
	Code    int
	Name    string
	Message string
	// WhoAmI is the server's answer to "who am I?" (RFC 4532) after a bind that
	// succeeded; empty for anonymous and where the server does not know the
	// question.
	WhoAmI string
	// TLS is the protocol version ("TLS 1.3"), empty on a plain connection.
	TLS string
	// Took is the time of the bind alone, without connecting.
	Took time.Duration
}

const defaultTimeout = 15 * time.Second

// Bind connects to an ldap:// or ldaps:// URL, binds as dn and asks who it is
// then. A refused bind is a Result; an error means that there is no answer.
func Bind(ctx context.Context, server string, o Options, dn string, password config.Secret) (Result, error) {
	target, err := parse(server, o)
	if err != nil {
		return Result{}, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	r, err := target.bind(ctx, dn, password)
	if err != nil && ctx.Err() != nil { // the library only sees a closed connection
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	if err != nil {
		return Result{}, fmt.Errorf("bind at %s: %w", server, err)
	}
	return r, nil
}

// target is where to connect, and how.
type target struct {
	addr            string
	tls             *tls.Config // nil: plain
	implicit, start bool
}

func parse(server string, o Options) (*target, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, fmt.Errorf("%q is no LDAP URL: write it like ldap://127.0.0.1:389 or ldaps://ldap.example.org", server)
	}
	t := &target{implicit: u.Scheme == "ldaps", start: o.StartTLS}
	if t.implicit && t.start {
		return nil, fmt.Errorf("%s is TLS from the beginning: StartTLS is for ldap://", server)
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "389", true: "636"}[t.implicit]
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	if !t.implicit && !t.start {
		return t, nil
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.ServerName}
	if t.tls.ServerName == "" {
		t.tls.ServerName = u.Hostname()
	}
	t.tls.RootCAs, err = authorities(o.CAFile)
	return t, err
}

// authorities reads a PEM file; without one the system's authorities hold.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificate authorities: %s has no certificate in PEM form", file)
	}
	return pool, nil
}

func (t *target) bind(ctx context.Context, dn string, password config.Secret) (Result, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return Result{}, err
	}
	// The library knows no context and does not bound a blocked write: closing the
	// connection ends whatever it waits for.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()

	stream := raw
	if t.implicit {
		secure := tls.Client(raw, t.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return Result{}, fmt.Errorf("TLS handshake: %w", err)
		}
		stream = secure
	}
	c := ldap.NewConn(stream, t.implicit)
	c.Start()
	defer func() { _ = c.Close() }()
	if t.start {
		if err := c.StartTLS(t.tls); err != nil {
			return Result{}, fmt.Errorf("StartTLS: %w", err)
		}
	}
	return ask(c, dn, password)
}

// ask binds and asks who we are then.
func ask(c *ldap.Conn, dn string, password config.Secret) (Result, error) {
	var r Result
	if state, ok := c.TLSConnectionState(); ok {
		r.TLS = tls.VersionName(state.Version)
	}
	begin := time.Now()
	// An empty password is sent as it is: how the server takes it is worth seeing.
	_, err := c.SimpleBind(&ldap.SimpleBindRequest{Username: dn, Password: password.Reveal(), AllowEmptyPassword: true})
	r.Took = time.Since(begin)
	if err != nil {
		var answer *ldap.Error
		if !errors.As(err, &answer) || answer.ResultCode >= ldap.ErrorNetwork {
			return Result{}, err
		}
		r.Code, r.Message = int(answer.ResultCode), answer.Err.Error()
	}
	r.Name = ldap.LDAPResultCodeMap[uint16(r.Code)]
	if r.Code == ldap.LDAPResultSuccess {
		// Not every server knows the question (Active Directory does not).
		if who, err := c.WhoAmI(nil); err == nil {
			r.WhoAmI = who.AuthzID
		}
	}
	return r, nil
}
