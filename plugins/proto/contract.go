package proto

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/go-plugin"
)

// Version is the number of this contract in go-plugin's negotiation.
const Version = 1

// Service is the name under which the Helper service is dispensed.
const Service = "helper"

// MaxMessage is the size, in bytes, that no message of a call may exceed.
const MaxMessage = 1 << 20

// Bounds of a description.
const (
	MaxFunctions = 64
	MaxArgs      = 16
	MaxReads     = 64
	MaxFaults    = 100 // of a configuration
	maxText      = 256 // of a name, a version, a doc line; bytes
)

// MaxTTL is the longest time that a function may declare for its answers.
const MaxTTL = 30 * 24 * time.Hour

// Handshake returns what host and helper must agree on before they talk. The
// cookie keeps a helper from being run by mistake; it protects nothing.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  Version,
		MagicCookieKey:   "SALLYPORT_PLUGIN",
		MagicCookieValue: "condition-helper",
	}
}

// ValidName reports whether a name can be used in policies: a letter or an
// underscore, then letters, digits and underscores (ASCII), 256 bytes at most.
func ValidName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= maxText
}

// Validate reports everything that is wrong with a description.
func (d *DescribeResponse) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !ValidName(d.GetName()) {
		fault("name %.40q: want letters, digits and underscores", d.GetName())
	}
	if !oneLine(d.GetVersion()) {
		fault("the version must be one line of printable text, and have %d bytes at most", maxText)
	}
	if n := len(d.GetFunctions()); n == 0 || n > MaxFunctions {
		fault("%d functions: want 1 to %d", n, MaxFunctions)
		return errors.Join(faults...)
	}
	if err := validateReads(d.GetObserver().GetReads()); err != nil {
		fault("observer: %w", err)
	}
	seen := make(map[string]bool)
	for _, f := range d.GetFunctions() {
		if seen[f.GetName()] {
			fault("function %.40q is described twice", f.GetName())
		}
		seen[f.GetName()] = true
		if err := f.validate(); err != nil {
			fault("function %.40q: %w", f.GetName(), err)
		}
	}
	return errors.Join(faults...)
}

func (f *Function) validate() error {
	switch {
	case !ValidName(f.GetName()):
		return errors.New("the name must be letters, digits and underscores")
	case !oneLine(f.GetDoc()):
		return fmt.Errorf("the doc must be one line of printable text, and have %d bytes at most", maxText)
	case len(f.GetArgs()) > MaxArgs:
		return fmt.Errorf("%d arguments, more than %d", len(f.GetArgs()), MaxArgs)
	case !f.GetResult().known():
		return errors.New("the result has no type")
	case Class_name[int32(f.GetClass())] == "":
		return fmt.Errorf("unknown class %d", f.GetClass())
	case f.GetDeadline() != nil && (!f.GetDeadline().IsValid() || f.GetDeadline().AsDuration() <= 0):
		return errors.New("the deadline must be positive")
	}
	if err := f.validateTTL(); err != nil {
		return err
	}
	if err := validateReads(f.GetReads()); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for i, a := range f.GetArgs() {
		switch {
		case !a.GetType().known():
			return fmt.Errorf("argument %d has no type", i+1)
		case !ValidName(a.GetName()):
			return fmt.Errorf("argument %d: the name %.40q must be letters, digits and underscores", i+1, a.GetName())
		case seen[a.GetName()]:
			return fmt.Errorf("argument %d: the name %.40q is there twice", i+1, a.GetName())
		case !oneLine(a.GetDoc()):
			return fmt.Errorf("argument %d: the doc must be one line of printable text, and have %d bytes at most", i+1, maxText)
		}
		seen[a.GetName()] = true
	}
	return nil
}

// oneLine reports whether people can be shown a text as it is.
func oneLine(s string) bool {
	return len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func validateReads(reads []string) error {
	if n := len(reads); n > MaxReads {
		return fmt.Errorf("%d facts, more than %d", n, MaxReads)
	}
	_, err := ExpandReads(reads)
	return err
}

func (f *Function) validateTTL() error {
	ttl := f.GetTtl()
	switch {
	case ttl == nil:
		return nil
	case !ttl.IsValid() || ttl.AsDuration() <= 0 || ttl.AsDuration() > MaxTTL:
		return fmt.Errorf("the TTL must be positive and at most %s", MaxTTL)
	case f.GetClass() == Class_CLASS_SIDE_EFFECT:
		return errors.New("answers of a function with side effects cannot be kept: remove the TTL or change the class")
	}
	return nil
}

func (t Type) known() bool { return t >= Type_TYPE_STRING && t <= Type_TYPE_OBJECT }
