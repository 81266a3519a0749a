package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// place is a position in a file, counted from 1.
type place struct{ line, column int }

// Places maps a path ("applications.vpn.policies.bindings[1]") to where its
// value stands in the file that was decoded. The zero value knows no place.
type Places struct {
	file string
	at   map[string]place
}

// Fault makes an error about the value at a path. Its text begins with file,
// line and column, and names the path; a path that is not in the file (a key
// that is missing) gets the place of the section around it. Arguments may be
// wrapped with %w.
func (p Places) Fault(path, format string, args ...any) error {
	return p.fault(path, format, args...)
}

func (p Places) fault(path, format string, args ...any) *Fault {
	f := &Fault{File: p.file, Path: path, Err: fmt.Errorf(format, args...)}
	for at := path; p.at != nil; at = parent(at) {
		if where, ok := p.at[at]; ok {
			f.Line, f.Column = where.line, where.column
			break
		}
		if at == "" {
			break
		}
	}
	return f
}

// Warning makes a warning about the value at a path, with the place that Fault
// would give it.
func (p Places) Warning(path, text string) Warning {
	f := p.fault(path, "%s", text)
	return Warning{f.File, f.Line, f.Column, f.Path, text}
}

// Fault makes an error about the value at a path of the configuration, such as
// "applications.vpn.policies.bindings[1].policy". Its text begins with file,
// line and column where they are known, and names the path. Rooms that build
// something from the configuration report their faults with it.
func (c *Config) Fault(path, format string, args ...any) error {
	return c.places.Fault(path, format, args...)
}

// Warning makes a warning about the value at a path of the configuration.
func (c *Config) Warning(path, text string) Warning { return c.places.Warning(path, text) }

// Fault is one thing that is wrong in a file. Line and Column count from 1 and
// are 0 where the place is not known.
type Fault struct {
	File         string
	Line, Column int
	Path         string
	Err          error
}

// Error is "file:line:column: path: what", without the parts that are unknown.
func (f *Fault) Error() string {
	return located(f.File, f.Line, f.Column, f.Path) + f.Err.Error()
}

// Unwrap returns what is wrong, without its place.
func (f *Fault) Unwrap() error { return f.Err }

// Warning is something that works and that the administrator should know of.
type Warning struct {
	File         string
	Line, Column int
	Path         string
	Text         string
}

// String is "file:line:column: path: text", like the text of a Fault.
func (w Warning) String() string {
	return located(w.File, w.Line, w.Column, w.Path) + w.Text
}

func located(file string, line, column int, path string) string {
	var b strings.Builder
	switch {
	case file != "" && line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", file, line, column)
	case file != "":
		fmt.Fprintf(&b, "%s: ", file)
	}
	if path != "" {
		b.WriteString(path + ": ")
	}
	return b.String()
}

// maxFaults is how many faults one error lists.
const maxFaults = 100

// joinFaults makes one error of all faults, sorted by position; nil of none.
func joinFaults(faults []*Fault) error {
	slices.SortStableFunc(faults, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, f := range faults {
		if i == maxFaults {
			all = append(all, fmt.Errorf("%s: and %d more faults", f.File, len(faults)-i))
			break
		}
		all = append(all, f)
	}
	return errors.Join(all...)
}

// parent is the path of the section around a path: "a.b[1]" of "a.b[1].c",
// "a.b" of "a.b[1]".
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// join is the path of a key in the section at path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
