package pyip

import "fmt"

// The classes of Error.
const (
	ClassBadAddress      = "bad_address"
	ClassBadNetwork      = "bad_network"
	ClassHostBitsSet     = "host_bits_set"
	ClassOverflow        = "overflow"
	ClassVersionMismatch = "version_mismatch"
)

// Error says why there is no answer. It quotes at most the start of a text that
// it is about.
type Error struct {
	// Class is one of the classes of this package: what callers decide by.
	Class string
	text  string
}

// Error implements error.
func (e *Error) Error() string { return e.text }

func newError(class, format string, args ...any) *Error {
	return &Error{Class: class, text: fmt.Sprintf(format, args...)}
}
