package scoped

import (
	"errors"
	"fmt"
)

// The kinds of errors of this package. Every error that a query or a change
// returns is one of them by errors.Is; none of them ever grants anything.
var (
	// ErrPolicy: the policies cannot be applied to this request. They disagree, a
	// condition cannot be evaluated, or one of them refuses.
	ErrPolicy = errors.New("policy error")
	// ErrParameter: an argument contradicts another one, or is out of its bounds.
	ErrParameter = errors.New("parameter error")
	// ErrMatching: the question may not be asked in this way.
	ErrMatching = errors.New("matching error")
	// ErrUser: the user is not known to any resolver.
	ErrUser = errors.New("user error")
	// ErrNotFound: there is no policy of this name.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: a value has the wrong form.
	ErrInvalid = errors.New("invalid value")
	// ErrDenied: a policy refuses the login.
	ErrDenied = errors.New("denied")
	// ErrCompare: the two sides of a comparison cannot be compared. Inside a
	// condition it becomes ErrPolicy.
	ErrCompare = errors.New("comparison error")
	// ErrBroken: a policy itself is broken, by a bad pattern, network or time.
	// Only compiling in Compat lets such policies in.
	ErrBroken = errors.New("broken policy")
)

// kindError is an error of one kind, whose text does not name the kind.
type kindError struct {
	kind error
	err  error
}

// Error implements error.
func (e *kindError) Error() string { return e.err.Error() }

// Unwrap returns the kind and the cause.
func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

// failf is fmt.Errorf for an error of a kind.
func failf(kind error, format string, args ...any) error {
	return &kindError{kind, fmt.Errorf(format, args...)}
}
