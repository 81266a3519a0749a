package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of Context. What they cut off is replaced by Cut.
const (
	// MaxDepth is how deep objects and lists may be nested; the context itself is
	// the first level.
	MaxDepth = 16
	// MaxText is the length of a text, and of a number, in bytes.
	MaxText = 4 << 10
	// MaxKey is the length of a name, in bytes.
	MaxKey = 256
	// MaxSize is the length of all texts and names together, in bytes, where each
	// value counts eight more. Names are taken in order, so what is left out does
	// not depend on chance.
	MaxSize = 64 << 10
)

const (
	// Masked stands for what is below a masked name.
	Masked = "********************"
	// Cut stands for what was too long, too deep or too much: at the end of a text,
	// in place of a value, or as the name of what says how many are missing.
	Cut = "…"
)

// Context returns a copy of what a policy tells about an event. Whatever is below
// a name of which Mask reports true becomes Masked, be it a whole object, unless
// it is true, false or null, which are no credential; the rest is kept as it is,
// within the limits of this package. A number that JSON
// lacks (NaN) becomes text, a value of another type its type in brackets.
func Context(in map[string]any) map[string]any {
	c := copier{left: MaxSize, mask: Mask}
	return c.object(in, 1)
}

// copier copies a context. It stops when nothing is left of the size.
type copier struct {
	left int
	mask func(name string) bool
}

// perValue is what a value counts beside its text and name.
const perValue = 8

// take reports whether there is room for n more bytes.
func (c *copier) take(n int) bool {
	if n > c.left {
		c.left = 0 // what comes later is left out too, even if it is short
		return false
	}
	c.left -= n
	return true
}

func (c *copier) object(in map[string]any, depth int) map[string]any {
	out := make(map[string]any)
	names := slices.Sorted(maps.Keys(in))
	for i, name := range names {
		short := shorten(name, MaxKey)
		if !c.take(perValue + len(short)) {
			out[Cut] = leftOut(len(names) - i)
			break
		}
		if c.mask(name) && !harmless(in[name]) {
			out[short] = Masked
			continue
		}
		out[short] = c.value(in[name], depth)
	}
	return out
}

// harmless tells of values that no credential can be.
func harmless(v any) bool {
	_, truth := v.(bool)
	return truth || v == nil
}

func (c *copier) list(in []any, depth int) []any {
	out := make([]any, 0)
	for i, v := range in {
		if !c.take(perValue) {
			return append(out, leftOut(len(in)-i))
		}
		out = append(out, c.value(v, depth))
	}
	return out
}

func leftOut(n int) string { return Cut + " " + strconv.Itoa(n) + " more" }

// value copies what an object or list of a depth holds.
func (c *copier) value(v any, depth int) any {
	switch v := v.(type) {
	case nil, bool, int, int64:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return v
	case json.Number:
		if len(v) <= MaxText && json.Valid([]byte(v)) && strings.Trim(string(v), "0123456789+-.eE") == "" && c.take(len(v)) {
			return v
		}
		return c.text(string(v))
	case string:
		return c.text(v)
	case map[string]any:
		if depth == MaxDepth {
			return Cut
		}
		return c.object(v, depth+1)
	case []any:
		if depth == MaxDepth {
			return Cut
		}
		return c.list(v, depth+1)
	}
	return fmt.Sprintf("(%T)", v) // printing it could print a secret
}

func (c *copier) text(s string) string {
	s = shorten(s, MaxText)
	if !c.take(len(s)) {
		return Cut
	}
	return s
}

// shorten cuts a text off behind its last whole character within limit bytes.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + Cut
}
