package config

import "fmt"

// place is a position in the configuration file, counted from 1.
type place struct{ line, column int }

// places maps a path ("applications.vpn.policies.bindings[1]") to where its
// value stands in file.
type places struct {
	file string
	at   map[string]place
}

// Fault makes an error about the value at a path of the configuration, such as
// "applications.vpn.policies.bindings[1].policy". Its text begins with file,
// line and column where they are known, and names the path. Rooms that build
// something from the configuration report their faults with it.
func (c *Config) Fault(path, format string, args ...any) error {
	what := fmt.Errorf(format, args...)
	if p, ok := c.places.at[path]; ok {
		return fmt.Errorf("%s:%d:%d: %s: %w", c.places.file, p.line, p.column, path, what)
	}
	return fmt.Errorf("%s: %w", path, what)
}
