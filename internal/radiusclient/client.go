package radiusclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"layeh.com/radius"

	"github.com/sallyport-auth/sallyport/config"
)

// The retransmission timers of RFC 5080 section 2.2.1.
const (
	firstWait = 2 * time.Second
	maxWait   = 16 * time.Second
	maxTotal  = 30 * time.Second
	attempts  = 5
)

// Attr is one attribute as it stands in the packet.
type Attr struct {
	Type  byte
	Value []byte
}

// Request is what to ask. Attributes go into the packet as they are, after the
// ones that the other fields make.
type Request struct {
	Username string
	// Password goes into User-Password, at most 128 octets.
	Password string
	// NASIdentifier and CallingStationID are left out when empty.
	NASIdentifier, CallingStationID string
	Attributes                      []Attr
	// State answers an Access-Challenge.
	State []byte
	// Unsigned leaves the Message-Authenticator out, as most password clients
	// do.
	Unsigned bool
	// AcceptUnsigned takes an answer without Message-Authenticator.
	AcceptUnsigned bool
}

// Response is an authentic answer.
type Response struct {
	Code radius.Code
	// Messages are the Reply-Message attributes, in order.
	Messages []string
	// State belongs into the Request that answers an Access-Challenge.
	State []byte
	// Attributes are all attributes, the ones above and the
	// Message-Authenticator included.
	Attributes []Attr
	// Signed reports whether there was a Message-Authenticator.
	Signed bool
	// Took is the time from the first packet to the answer, Sent the number of
	// packets.
	Took time.Duration
	Sent int
}

// Exchange sends a request to addr ("host:port", UDP), again with the same
// bytes while nothing comes, and returns the first authentic answer. It ends
// with ctx, or after 30 seconds. The error of a failure names its most likely
// cause.
func Exchange(ctx context.Context, addr string, secret config.Secret, req Request) (Response, error) {
	packet, err := encode([]byte(secret.Reveal()), req)
	if err != nil {
		return Response{}, fmt.Errorf("make access-request: %w", err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
	if err != nil {
		return Response{}, fmt.Errorf("open a socket to %s: %w", addr, err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, maxTotal)
	defer cancel()
	// The deadline of a read is the next retransmission; the end of ctx wakes
	// the read that waits for it.
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()

	x := exchange{conn: conn, addr: addr, request: packet, secret: []byte(secret.Reveal()), unsignedOK: req.AcceptUnsigned}
	return x.run(ctx)
}

// exchange is one request on its way.
type exchange struct {
	conn       net.Conn
	addr       string
	request    []byte
	secret     []byte
	unsignedOK bool
	refused    bool  // the machine said that nothing listens there
	forged     error // why the last answer was not taken
}

// run sends until an answer comes or time is up.
func (x *exchange) run(ctx context.Context) (Response, error) {
	start := time.Now()
	wait := jitter(firstWait)
	for sent := 1; sent <= attempts; sent++ {
		if _, err := x.conn.Write(x.request); err != nil && !x.isRefusal(err) {
			return Response{}, fmt.Errorf("send to %s: %w", x.addr, err)
		}
		r, err := x.receive(ctx, time.Now().Add(wait))
		if err == nil {
			r.Took, r.Sent = time.Since(start), sent
			return r, nil
		}
		if ctx.Err() != nil || !isTimeout(err) {
			return Response{}, x.failure(ctx, err)
		}
		wait = min(wait+jitter(wait), maxWait)
	}
	return Response{}, x.failure(ctx, context.DeadlineExceeded)
}

// receive reads until an authentic answer comes or the deadline has passed.
func (x *exchange) receive(ctx context.Context, deadline time.Time) (Response, error) {
	if err := x.conn.SetReadDeadline(deadline); err != nil {
		return Response{}, err
	}
	buf := make([]byte, radius.MaxPacketLength)
	for {
		if err := ctx.Err(); err != nil {
			return Response{}, err
		}
		n, err := x.conn.Read(buf)
		if err != nil {
			if x.isRefusal(err) {
				// It may be starting; the next packet tells.
				select {
				case <-ctx.Done():
				case <-time.After(min(time.Until(deadline), 200*time.Millisecond)):
				}
				return Response{}, errors.Join(context.Cause(ctx), errRefused)
			}
			return Response{}, err
		}
		r, err := decode(buf[:n], x.request, x.secret, x.unsignedOK)
		if err == nil {
			return r, nil
		}
		x.forged = err
	}
}

// errRefused counts as a time-out: another packet is sent.
var errRefused = fmt.Errorf("connection refused: %w", errTimeout{})

type errTimeout struct{}

// Error implements error.
func (errTimeout) Error() string { return "nothing listens there" }

// Timeout implements net.Error.
func (errTimeout) Timeout() bool { return true }

// isRefusal notes and reports that the other machine has no such socket.
func (x *exchange) isRefusal(err error) bool {
	if errors.Is(err, syscall.ECONNREFUSED) {
		x.refused = true
		return true
	}
	return false
}

// isTimeout reports whether an error says that nothing came in time.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// failure explains why there is no answer.
func (x *exchange) failure(ctx context.Context, err error) error {
	switch {
	case x.forged != nil:
		return fmt.Errorf("the answer of %s was not taken: %w", x.addr, x.forged)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("ask %s: %w", x.addr, ctx.Err())
	case x.refused:
		return fmt.Errorf("nothing listens on %s/udp: is the server running, and is this an address of listen.radius?", x.addr)
	case isTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from %s: is this machine's address a client in applications.*.radius.clients, and is the secret right?", x.addr)
	}
	return fmt.Errorf("ask %s: %w", x.addr, err)
}

// jitter changes a wait by up to a tenth, so that clients do not ask in step.
func jitter(wait time.Duration) time.Duration {
	return wait + time.Duration((rand.Float64()-0.5)*float64(wait)/5) //nolint:gosec // not a secret
}
