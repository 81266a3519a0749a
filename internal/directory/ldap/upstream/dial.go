package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// endpoint is where a server is, and how a connection to it is made safe.
type endpoint struct {
	url      string // as it is named in logs and errors
	addr     string // host:port
	implicit bool   // TLS from the first octet
	startTLS bool
	tls      *tls.Config // nil: clear text
}

// parseEndpoint takes ldap://HOST[:PORT] or ldaps://HOST[:PORT].
func parseEndpoint(text string, startTLS bool, base *tls.Config) (endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return endpoint{}, fmt.Errorf("%q is not the URL of an LDAP server", text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	e := endpoint{
		url:      u.Scheme + "://" + u.Host,
		addr:     net.JoinHostPort(u.Hostname(), port),
		implicit: u.Scheme == "ldaps",
	}
	e.startTLS = !e.implicit && startTLS
	if e.implicit || e.startTLS {
		e.tls = base.Clone()
		if e.tls.ServerName == "" {
			e.tls.ServerName = u.Hostname()
		}
		const sessions = 32
		e.tls.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	}
	return e, nil
}

// connect makes the TCP connection.
func (e *endpoint) connect(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", e.addr)
}

// errStartTLS is a StartTLS that the server did not grant.
type errStartTLS struct {
	code int
	text string
}

// Error implements error.
func (e *errStartTLS) Error() string {
	return fmt.Sprintf("the server refuses StartTLS: result %d %q", e.code, e.text)
}

// errBehind: whoever sits on the network must not be able to say anything in
// the server's name before the handshake.
var errBehind = errors.New("the server sent more than the answer to StartTLS before the TLS handshake")

// secure makes raw, whose deadline follows ctx, ready for LDAP: TLS from the
// beginning, after StartTLS, or not at all. There is no way from a TLS that fails
// to clear text.
func (e *endpoint) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	if e.startTLS {
		if err := startTLS(ctx, raw); err != nil {
			return nil, err
		}
	}
	if e.tls == nil {
		return raw, nil
	}
	c := tls.Client(raw, e.tls)
	return c, c.HandshakeContext(ctx)
}

// startTLS asks for TLS (RFC 4511 section 4.14) and insists on it.
func startTLS(ctx context.Context, raw net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(past()) })
	defer stop()
	const id = 1
	var e ber.Encoder
	message := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	op := e.Open(opExtendedRequest)
	e.Text(tagRequestName, oidStartTLS)
	e.Close(op)
	e.Close(message)
	if _, err := raw.Write(e.B); err != nil {
		return err
	}
	answer, behind, _, err := readMessage(raw, make([]byte, 0, 512))
	if err != nil {
		return err
	}
	if len(behind) > 0 {
		return errBehind
	}
	if err := parseStartTLS(answer, id); err != nil {
		return err
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// parseStartTLS accepts one answer only: success.
func parseStartTLS(answer []byte, id int32) error {
	r, err := parseResult(answer, id, opExtendedResponse)
	if err != nil {
		return err
	}
	if r.code != 0 {
		return &errStartTLS{r.code, r.text}
	}
	return nil
}

// past is a deadline that ends whatever a connection waits for.
func past() time.Time { return time.Unix(1, 0) }

// link is a connection that is ready for LDAP. Close does not wait: TLS would
// like to say goodbye, and a peer that does not read could hold it up.
type link struct {
	net.Conn // TCP, or TLS on it
	raw      net.Conn
	links    *registry
	id       uint64
}

// Close implements net.Conn.
func (l *link) Close() error {
	l.links.remove(l.id)
	return l.raw.Close()
}

// leave is the orderly end of a connection that nobody uses.
func (l *link) leave(id int32) {
	_ = l.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = l.Write(appendUnbind(make([]byte, 0, 16), id))
	_ = l.Close()
}

// registry knows everything that is open, so that it can be ended as a whole.
type registry struct {
	mu     sync.Mutex
	closed bool
	last   uint64
	all    map[uint64]func()
}

// add takes what ends a thing; false when all has been ended already.
func (r *registry) add(end func()) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, false
	}
	r.last++
	r.all[r.last] = end
	return r.last, true
}

func (r *registry) remove(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, id)
}

// close ends everything, and whatever comes later does not begin.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, end := range r.all {
		end()
	}
	clear(r.all)
}
