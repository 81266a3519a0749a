package daemon

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// expressionOptions are what expression policies can use: all that is open in the
// Snapshot. What could not be opened is a fault already, and without it policies
// are only looked at for faults of their own.
func (s *Snapshot) expressionOptions(log *slog.Logger) rego.Options {
	o := rego.Options{
		Helpers: s.helpers.Helpers(), Users: s.users(), Native: missingScoped{},
		Bundle: s.cfg.Policies.Bundle, Log: log,
	}
	if s.outside != nil {
		o.DNS, o.Web = s.outside.dns, s.outside.web
	}
	if s.scoped != nil {
		o.Native = policyengine.NewNative(s.cfg, s.scoped.Set, s.helpers.Helpers())
	}
	return o
}

// missingScoped stands for scoped policies that have faults: any name could be one
// of theirs.
type missingScoped struct{}

// Has implements rego.Native.
func (missingScoped) Has(string) bool { return true }

// Applies implements rego.Native.
func (missingScoped) Applies(context.Context, string, *policyengine.Input) (bool, error) {
	return false, errors.New("there are no scoped policies")
}

// Reads implements rego.Native.
func (missingScoped) Reads(string) policyengine.Reads { return policyengine.Reads{} }
