package webget

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
)

// Class is the kind of reason why a request has no answer.
type Class string

// The classes.
const (
	// NotAllowed: the server, or the address that its name has, is not listed.
	NotAllowed Class = "not_allowed"
	// BadRequest: there cannot be such a request.
	BadRequest Class = "bad_request"
	// TooLarge: the request or the answer is.
	TooLarge Class = "too_large"
	// Timeout: there was no whole answer in time.
	Timeout Class = "timeout"
	// Canceled: whoever asked has gone.
	Canceled Class = "canceled"
	// Overloaded: too many requests were at work until the deadline.
	Overloaded Class = "overloaded"
	// Redirected: too often, or in a way that would give secrets away.
	Redirected Class = "redirected"
	// Failed: no connection, no trust in its certificate, no sense in its answer.
	Failed Class = "failed"
)

// Classes are all of them.
func Classes() []Class {
	return []Class{NotAllowed, BadRequest, TooLarge, Timeout, Canceled, Overloaded, Redirected, Failed}
}

// Error is why a request has no answer.
type Error struct {
	Class Class
	// Method and Server say what was asked for and where. The rest of the URL may
	// hold secrets.
	Method, Server string
	Err            error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Server == "" {
		return fmt.Sprintf("%s: %v", e.Method, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Method, e.Server, e.Err)
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// fault is a reason that is known where it comes up.
type fault struct {
	class Class
	text  string
}

// Error implements error.
func (f *fault) Error() string { return f.text }

func faultf(class Class, format string, args ...any) error {
	return &fault{class, fmt.Sprintf(format, args...)}
}

// classify finds the class of what went wrong under ctx.
func classify(ctx context.Context, err error) Class {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.class
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return Canceled
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Failed
}

// plain is an error without the URL that package http puts around it.
func plain(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
