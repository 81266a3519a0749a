package config

import (
	"maps"
	"slices"
)

// Advice is what could be safer than it is, for people who ask for a check. It
// is not a warning: each of these settings has its reasons.
func (c *Config) Advice() []Warning {
	var advice []Warning
	for _, name := range slices.Sorted(maps.Keys(c.Applications)) {
		app := c.Applications[name]
		if app == nil || app.RADIUS == nil || app.RADIUS.MessageAuthenticator == "require" {
			continue
		}
		f := c.places.fault("applications."+name+".radius.message_authenticator",
			"write require if all of these clients sign their requests (CVE-2024-3596); it is %s", app.RADIUS.MessageAuthenticator)
		advice = append(advice, Warning{f.File, f.Line, f.Column, f.Path, f.Err.Error()})
	}
	return advice
}
