package scoped

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
)

// The comparators, without their negation. The dates and string_contains are
// unknown in Compat.
const (
	opEquals         = "equals"
	opContains       = "contains"
	opMatches        = "matches"
	opIn             = "in"
	opLess           = "<"
	opMore           = ">"
	opStringContains = "string_contains"
	opBefore         = "date_before"
	opAfter          = "date_after"
	opWithinLast     = "date_within_last"
)

// maxCompared is how many octets a text on the left side of a pattern may have.
const maxCompared = 1 << 20

// comparator is a comparator with its right side, prepared.
type comparator struct {
	op      string
	negated bool
	right   string
	re      *regex
	members []string
	// What < and > compare with: number in Compat, and else limit.
	number *big.Int
	limit  *big.Rat
	within time.Duration
	// err is what is wrong with the comparator or its right side.
	err error
}

// compileComparator prepares a comparison. Faults are kept in err.
func compileComparator(name, right string, compat bool) comparator {
	c := comparator{op: name, right: right}
	switch c.op, c.negated = strings.CutPrefix(name, "!"); c.op {
	case opEquals, opContains:
	case opMatches:
		c.re, c.err = compileMatches(right, compat)
	case opIn:
		c.members, c.err = parseRecord(right)
	case opLess, opMore:
		if c.negated {
			c.err = fmt.Errorf("there is no comparator %q: exchange < and >, and mind the limit itself", name)
			break
		}
		c.prepareNumber(compat)
	case opStringContains, opBefore, opAfter, opWithinLast:
		if compat {
			c.err = fmt.Errorf("there is no comparator %q", name)
			break
		}
		c.prepareExtra()
	default:
		c.err = fmt.Errorf("there is no comparator %q: write equals, contains, matches, in, string_contains, each also with ! in front, <, >, date_before, date_after or date_within_last", name)
	}
	return c
}

func (c *comparator) prepareNumber(compat bool) {
	if compat {
		c.number, c.err = pythonInt(c.right)
		return
	}
	var ok bool
	if c.limit, ok = parseNumber(c.right); !ok {
		c.err = fmt.Errorf("%q is no number", c.right)
	}
}

// compileMatches compiles the right side of matches. In Compat it is anchored as
// a text, and flags at its start hold for all of it.
func compileMatches(right string, compat bool) (*regex, error) {
	if len(right) > maxMemberLen*4 {
		return nil, fmt.Errorf("a pattern of %d octets, at most %d are allowed", len(right), maxMemberLen*4)
	}
	if !compat {
		return compileRegex(`\A(?:`, right, `)\z`, dialect{})
	}
	flags, rest := leadingFlags(right)
	kept := strings.ReplaceAll(strings.Trim(flags, "(?)"), "u", "")
	if strings.Trim(kept, "ims") != "" {
		return nil, &syntaxFault{0, fmt.Sprintf("the flags %s are not supported", flags)}
	}
	before, after := "^", endOrNewline
	if kept != "" {
		before = "(?" + kept + ")^"
	}
	multiline := strings.Contains(kept, "m")
	if multiline {
		after = "$"
	}
	return compileRegex(before, rest, after, dialect{compat: true, anchored: true, multiline: multiline})
}

// CompareValues compares a value with a text as a condition does
// (compare_values). Errors are of kind ErrCompare. The values on the left are
// those of JSON: nil, bool, numbers, text, lists and mappings. Now is the clock of
// date_within_last.
func CompareValues(left any, comparator, right string, semantics Semantics, now time.Time) (bool, error) {
	c := compileComparator(comparator, right, semantics == Compat)
	return c.compare(left, now, semantics == Compat)
}

func (c *comparator) compare(left any, now time.Time, compat bool) (bool, error) {
	if c.err != nil {
		return false, failf(ErrCompare, "%s %q: %w", c.op, c.right, c.err)
	}
	var (
		ok  bool
		err error
	)
	if compat {
		ok, err = c.compareCompat(plain(left))
	} else {
		ok, err = c.compareTyped(plain(left), now)
	}
	if err != nil {
		return false, failf(ErrCompare, "%s: %w", c.op, err)
	}
	return ok != c.negated, nil
}

// compareCompat compares without any coercion but for < and >.
func (c *comparator) compareCompat(left any) (bool, error) {
	switch c.op {
	case opEquals:
		return left == any(c.right), nil
	case opContains:
		list, ok := left.([]any)
		if !ok {
			return false, fmt.Errorf("%s is no list", describe(left))
		}
		return contains(list, c.right), nil
	case opMatches:
		text, ok := left.(string)
		if !ok {
			return false, fmt.Errorf("%s is no text", describe(left))
		}
		return c.search(text)
	case opIn:
		text, ok := left.(string)
		return ok && slices.Contains(c.members, text), nil
	default: // < and >
		n, err := wholeNumber(left)
		if err != nil {
			return false, err
		}
		return (c.op == opLess && n.Cmp(c.number) < 0) || (c.op == opMore && n.Cmp(c.number) > 0), nil
	}
}

func (c *comparator) search(text string) (bool, error) {
	if len(text) > maxCompared {
		return false, fmt.Errorf("a text of %d octets, at most %d are looked at", len(text), maxCompared)
	}
	return c.re.match(text)
}

// wholeNumber is what < and > of the original make of a value.
func wholeNumber(v any) (*big.Int, error) {
	if isFalsy(v) {
		return new(big.Int), nil
	}
	switch v := v.(type) {
	case bool:
		return big.NewInt(1), nil
	case string:
		return pythonInt(v)
	case *big.Rat:
		return new(big.Int).Quo(v.Num(), v.Denom()), nil
	}
	return nil, fmt.Errorf("%s is no number", describe(v))
}

// plain brings a value into one of few forms: nil, bool, string, *big.Rat, []any
// or map[string]any.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string, []any, map[string]any, *big.Rat:
		return v
	case json.Number:
		return number(v.String())
	case int:
		return new(big.Rat).SetInt64(int64(v))
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		if r := new(big.Rat).SetFloat64(v); r != nil {
			return r
		}
		return v // NaN and infinities are no numbers that compare
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	}
	return plainOther(reflect.ValueOf(v), v)
}

// plainOther takes values of the remaining types by their kind.
func plainOther(r reflect.Value, v any) any {
	switch {
	case r.CanInt():
		return new(big.Rat).SetInt64(r.Int())
	case r.CanUint():
		return new(big.Rat).SetFrac(new(big.Int).SetUint64(r.Uint()), big.NewInt(1))
	case r.CanFloat():
		return plain(r.Float())
	case r.Kind() == reflect.String:
		return r.String()
	case r.Kind() == reflect.Slice:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return list
	}
	return v
}

// number reads a number of JSON.
func number(text string) any {
	if r, ok := parseNumber(text); ok {
		return r
	}
	return text
}

// isFalsy reports whether Python would take the value for false.
func isFalsy(v any) bool {
	switch v := plain(v).(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case *big.Rat:
		return v.Sign() == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func contains(list []any, text string) bool {
	for _, item := range list {
		if plain(item) == any(text) {
			return true
		}
	}
	return false
}

// describe names a value in an error, without its contents: they may be private.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "a boolean"
	case string:
		return "a text"
	case *big.Rat:
		return "a number"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return "a mapping"
}
