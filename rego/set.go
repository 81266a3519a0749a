package rego

import (
	"log/slog"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Options are what policies can use. What is nil is not there: functions that
// need it fail.
type Options struct {
	// Helpers are the condition helpers; policies call them as
	// plugin.<Helper.Name>.
	Helpers []policyengine.Helper
	// Users finds other users than the one who logs in.
	Users Users
	// DNS answers resolve_dns and reverse_dns, Web requests.get and requests.post.
	DNS Resolver
	Web Web
	// Native are the scoped policies that ak_call_policy can ask.
	Native Native
	// Bundle says how the signature of a bundle is verified; nil for directories.
	Bundle *config.Bundle
	// Log takes what policies print, at level debug, and what they log; nil
	// discards it.
	Log *slog.Logger
}

// Set is a directory or bundle of compiled policies. It is immutable and safe for
// concurrent use.
type Set struct {
	policies map[string]*Policy
	warnings []config.Warning
	builtins *builtins
	world    *world
}

// Expressions returns the policies by name.
func (s *Set) Expressions() map[string]policyengine.Expression {
	all := make(map[string]policyengine.Expression, len(s.policies))
	for name, p := range s.policies {
		all[name] = p
	}
	return all
}
