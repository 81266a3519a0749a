package webget

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// Limits of all requests together.
const (
	maxRequests    = 32 // at work at once
	maxConnections = 8  // to one server
	maxRedirects   = 5
	idleTimeout    = 30 * time.Second
)

// Client asks the servers of a configuration. Its methods are safe for concurrent
// use.
type Client struct {
	cfg       config.Requests
	transport *http.Transport
	http      *http.Client
	slots     chan struct{}

	closing context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	closed  bool
	counts  map[Class]uint64
	running sync.WaitGroup
}

// New makes a Client. Resolver finds the addresses of servers, that of the system
// if it is nil. The error is about the file of authorities. Close the Client in the
// end.
func New(cfg config.Requests, resolver *net.Resolver) (*Client, error) {
	roots, err := authorities(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, slots: make(chan struct{}, maxRequests), counts: map[Class]uint64{}}
	// A connection that is being made outlives the request that wanted it, in case
	// that another one can use it: it needs deadlines of its own.
	dialer := &net.Dialer{Resolver: resolver, Control: c.mayConnect, Timeout: cfg.Timeout}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cfg.Timeout,
		Protocols:              &protocols,
		MaxConnsPerHost:        maxConnections,
		MaxIdleConns:           maxRequests,
		MaxIdleConnsPerHost:    maxConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
	}
	c.http = &http.Client{Transport: c.transport, CheckRedirect: c.redirect}
	c.closing, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// authorities are those of the system and of a file; nil means the former.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the authorities of the system: %w", err)
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: there is no certificate in it (PEM)", file)
	}
	return pool, nil
}

// Close ends the requests at work and waits for them. Further ones fail.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	c.transport.CloseIdleConnections()
	return nil
}

// Do asks a server and reads its answer. Any status is an answer; an error is an
// *Error.
func (c *Client) Do(ctx context.Context, method, url string, o Options) (Response, error) {
	res, server, class, err := c.do(ctx, method, url, o)
	c.mu.Lock()
	c.counts[class]++
	c.mu.Unlock()
	if err != nil {
		return Response{}, &Error{class, method, server, plain(err)}
	}
	return res, nil
}

func (c *Client) do(ctx context.Context, method, url string, o Options) (res Response, server string, class Class, err error) {
	to, origin, err := parse(url)
	if err != nil {
		return res, "", classify(ctx, err), err
	}
	server = origin.String()
	if err := c.allowed(origin); err != nil {
		return res, server, NotAllowed, err
	}
	limit := c.cfg.Timeout
	if o.Timeout > 0 {
		limit = min(limit, o.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if !c.begin() {
		return res, server, Failed, errors.New("the client is closed")
	}
	defer c.running.Done()
	defer context.AfterFunc(c.closing, cancel)()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		if class = classify(ctx, ctx.Err()); class == Timeout {
			return res, server, Overloaded, errors.New("too many requests at once")
		}
		return res, server, class, ctx.Err()
	}
	req, err := request(ctx, method, to, o)
	if err != nil {
		return res, server, classify(ctx, err), err
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return res, server, classify(ctx, err), err
	}
	defer answer.Body.Close()
	res, err = response(answer)
	if err == nil { // a server that sees us leave may end its answer as if it were whole
		err = ctx.Err()
	}
	if err != nil {
		return Response{}, server, classify(ctx, err), err
	}
	return res, server, "", nil
}

// begin counts a request that Close waits for, unless it is too late.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// allowed refuses a server that is not listed.
func (c *Client) allowed(o config.Origin) error {
	if slices.ContainsFunc(c.cfg.Allow, func(a config.Origin) bool { return a.Matches(o.Scheme, o.Host, o.Port) }) {
		return nil
	}
	return faultf(NotAllowed, "policies.requests.allow does not list it")
}

// redirect decides whether a redirect is followed. What a policy sends is for the
// server that it named: neither headers nor body go to another one, nor back to it
// from there.
func (c *Client) redirect(to *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return faultf(Redirected, "more than %d redirects", maxRedirects)
	}
	origin, err := originOf(to.URL)
	if err != nil || to.URL.User != nil {
		return faultf(Redirected, "a redirect to something else than a web server")
	}
	if c.allowed(origin) != nil {
		return faultf(NotAllowed, "a redirect to %s, which policies.requests.allow does not list", origin)
	}
	to.Header.Del("Referer")
	strange := func(r *http.Request) bool { return !sameServer(r, via[0]) }
	if !strange(to) && !slices.ContainsFunc(via, strange) {
		return nil
	}
	if to.Body != nil && to.Body != http.NoBody {
		return faultf(Redirected, "a redirect to %s that would send the body there", origin)
	}
	maps.DeleteFunc(to.Header, func(name string, _ []string) bool { return name != "User-Agent" })
	return nil
}

func sameServer(a, b *http.Request) bool {
	of, errA := originOf(a.URL)
	and, errB := originOf(b.URL)
	return errA == nil && errB == nil && of == and
}

// Stats counts the requests since the Client was made by what became of them: the
// class of the error, or the empty one for an answer.
func (c *Client) Stats() map[Class]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}
