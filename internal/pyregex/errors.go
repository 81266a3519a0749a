package pyregex

import (
	"errors"
	"fmt"
)

// Class is the kind of an error, as the conformance cases name it.
type Class string

// The classes of errors of this package.
const (
	BadPattern  Class = "bad_pattern"
	BadTemplate Class = "bad_template"
	// WrongType is for callers, who see arguments that are no strings.
	WrongType Class = "wrong_type"
	// TooLarge is for values and results over their limits, and for searches that
	// would take too many steps.
	TooLarge Class = "other"
)

// Error says what is wrong with a pattern, a template or the size of a value.
type Error struct {
	Class Class
	// Construct names what Python has and the chosen engine has not, such as
	// `look-behind "(?<="`. It is empty for what is wrong in Python too.
	Construct string
	// Reason says what is wrong.
	Reason string
	// Hint says what to do about it, where that is not obvious.
	Hint string
	// Offset is where, in code points from the beginning of the pattern or the
	// template, as Python counts; -1 if the whole is meant.
	Offset int
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Reason
	if e.Offset >= 0 {
		text = fmt.Sprintf("%s at offset %d", text, e.Offset)
	}
	switch e.Class {
	case BadPattern:
		text = "pattern: " + text
	case BadTemplate:
		text = "template: " + text
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// ErrTimeout is what a search of the backtracking engine ends with that took
// longer than its limit.
var ErrTimeout = errors.New("the regular expression took too long: write it without nested repetitions")

func tooLarge(format string, args ...any) error {
	return &Error{Class: TooLarge, Reason: fmt.Sprintf(format, args...), Offset: -1}
}

func tooManySteps(value string) error {
	return tooLarge("the regular expression takes too many steps on a value of %d octets", len(value))
}
