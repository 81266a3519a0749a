// Package event makes what a policy tells about an event fit for the audit log and
// the logs: secrets are masked by the names that they go under, and depth, size
// and length have limits.
//
// It takes JSON-like values: nil, bool, numbers, string, []any and map[string]any.
// Values are never looked into, so a secret inside of a harmless text stays; and
// who writes the entry decides elsewhere. Its invariant: of what is below a masked
// name nothing but a single true, false or null comes out, and what comes out is a
// copy that encoding/json takes.
package event
