package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The outcomes of an operation at one server.
const (
	// OutcomeOK is success.
	OutcomeOK = "ok"
	// OutcomeRefused is an answer with another result than success.
	OutcomeRefused = "refused"
	// OutcomeBusy is an answer that says busy or unavailable (51, 52).
	OutcomeBusy = "busy"
	// OutcomeTimeout: the server took longer than it may.
	OutcomeTimeout = "timeout"
	// OutcomeUnreachable: no connection, or one that broke.
	OutcomeUnreachable = "unreachable"
	// OutcomeTLS: no TLS, or with a certificate that is not to be trusted.
	OutcomeTLS = "tls"
	// OutcomeServiceBind: the service account was refused.
	OutcomeServiceBind = "service_bind"
	// OutcomeProtocol: an answer that is none.
	OutcomeProtocol = "protocol"
	// OutcomeCanceled: the caller did not wait for the answer.
	OutcomeCanceled = "canceled"
	// OutcomeExhausted: all connections were in use for as long as an operation
	// may take.
	OutcomeExhausted = "exhausted"
	// OutcomeDown: the server was not asked, because it is known to be down.
	OutcomeDown = "down"
)

// ErrClosed is what operations end with when Close is called.
var ErrClosed = errors.New("the connections to the directory are closed")

// errTook is the cause of a context that ended because a server took too long.
var errTook = errors.New("the server took too long")

// fault is why a server did not answer. It wraps nothing that callers could take
// for a deadline of theirs; the advice of a diagnosis looks into err.
type fault struct {
	outcome string
	text    string
	err     error
	hard    bool // nothing is gained by trying again at once
	dead    bool // a connection that ended before any octet of an answer came
}

// Error implements error.
func (f *fault) Error() string { return f.text }

// counts reports whether the fault is the server's.
func (f *fault) counts() bool {
	return f.outcome != OutcomeCanceled && f.outcome != OutcomeExhausted && f.outcome != OutcomeDown
}

// ended tells whether the caller's time is up. A deadline may have passed a
// moment before the context says so.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return nil
}

// lost makes a fault of an error of the network. The context is the caller's or
// one that ends because of errTook.
func lost(ctx context.Context, step string, timeout time.Duration, err error) *fault {
	f := &fault{err: err}
	var timed net.Error
	var network *net.OpError
	switch cause := context.Cause(ctx); {
	case cause != nil && !errors.Is(cause, errTook):
		f.outcome, f.text = OutcomeCanceled, step+": given up"
	case cause != nil, errors.As(err, &timed) && timed.Timeout():
		f.outcome, f.text = OutcomeTimeout, fmt.Sprintf("%s: no answer within %s", step, timeout)
	case errors.As(err, &network) && network.Op == "remote error":
		// An alert: with TLS 1.3 the server looks at our certificate when for us the
		// handshake is over.
		f.outcome, f.text, f.hard = OutcomeTLS, step+": "+err.Error(), true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.outcome, f.text = OutcomeUnreachable, step+": the server closed the connection"
	case errors.Is(err, net.ErrClosed):
		f.outcome, f.text = OutcomeUnreachable, step+": connection closed"
	default:
		f.outcome, f.text = OutcomeUnreachable, step+": "+err.Error()
		f.hard = errors.Is(err, syscall.ECONNREFUSED)
	}
	return f
}

// isNetwork reports whether err came from the connection and not from what was
// read on it.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// Failure is why one server could not be asked.
type Failure struct {
	// Server is its URL.
	Server string
	// Outcome is one of the constants of this package.
	Outcome string
	// Text says what was tried and what happened, without secrets.
	Text string
}

// Outage says that no server answered. It wraps the error of the caller's
// context if that ended, and nothing else: a server that was too slow is not a
// deadline of the caller's.
type Outage struct {
	// Operation is "search" or "bind".
	Operation string
	// Failures has the servers in the order in which they were considered.
	Failures []Failure

	cause error
}

// Error implements error.
func (o *Outage) Error() string {
	var at []string
	for _, f := range o.Failures {
		at = append(at, o.Operation+" at "+f.Server+": "+f.Text)
	}
	all := strings.Join(at, "; ")
	switch {
	case o.cause != nil && all != "":
		return o.Operation + ": " + o.cause.Error() + " (" + all + ")"
	case o.cause != nil:
		return o.Operation + ": " + o.cause.Error()
	case all == "":
		return o.Operation + ": no server is known"
	}
	return all
}

// Unwrap returns the error of the caller's context, or nil.
func (o *Outage) Unwrap() error { return o.cause }

// Overloaded reports whether a server was not asked because too many others were
// asking. That is no outage of the directory: whoever sends many logins must not
// get them to the next one.
func (o *Outage) Overloaded() bool {
	return slices.ContainsFunc(o.Failures, func(f Failure) bool { return f.Outcome == OutcomeExhausted })
}
