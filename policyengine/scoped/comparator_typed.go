package scoped

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// maxDigits is how long a number in a comparison may be.
const maxDigits = 64

// compareTyped compares by the type of the left side: numbers as numbers, also
// with fractions, booleans with true and false in any case, texts as they are.
// The members of lists are compared likewise.
func (c *comparator) compareTyped(left any, now time.Time) (bool, error) {
	switch c.op {
	case opEquals:
		return equalTyped(left, c.right)
	case opIn:
		for _, m := range c.members {
			if ok, err := equalTyped(left, m); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case opContains:
		list, ok := left.([]any)
		if !ok {
			return false, fmt.Errorf("%s is no list: compare it with equals or string_contains", describe(left))
		}
		for _, item := range list {
			if ok, err := equalTyped(plain(item), c.right); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case opMatches:
		text, err := leftText(left)
		if err != nil {
			return false, err
		}
		return c.search(text)
	case opStringContains:
		text, err := leftText(left)
		if err != nil {
			return false, err
		}
		return strings.Contains(caseless.fold(text), caseless.fold(c.right)), nil
	case opLess, opMore:
		return c.compareNumbers(left)
	}
	return c.compareDates(left, now)
}

// isMissing reports whether there is nothing to compare with: nil, the empty
// text, an empty list or mapping. The number 0 and false are there.
func isMissing(v any) bool {
	switch v := plain(v).(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func equalTyped(left any, right string) (bool, error) {
	switch left := left.(type) {
	case nil:
		return false, nil
	case string:
		return left == right, nil
	case bool:
		return strings.EqualFold(right, map[bool]string{true: "true", false: "false"}[left]), nil
	case *big.Rat:
		n, ok := parseNumber(right)
		return ok && left.Cmp(n) == 0, nil
	}
	return false, fmt.Errorf("%s is no single value: compare it with contains", describe(left))
}

func leftText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case *big.Rat:
		if v.IsInt() {
			return v.Num().String(), nil
		}
		return strings.TrimRight(v.FloatString(18), "0"), nil
	}
	return "", fmt.Errorf("%s is no text", describe(v))
}

func (c *comparator) compareNumbers(left any) (bool, error) {
	n, ok := left.(*big.Rat)
	if text, isText := left.(string); isText {
		n, ok = parseNumber(text)
	}
	if !ok {
		return false, fmt.Errorf("%s is no number", describe(left))
	}
	return (c.op == opLess && n.Cmp(c.limit) < 0) || (c.op == opMore && n.Cmp(c.limit) > 0), nil
}

// parseNumber reads a decimal number, blanks around it left out: a sign, digits,
// and digits behind a point.
func parseNumber(text string) (*big.Rat, bool) {
	text = strings.TrimSpace(text)
	body := strings.TrimLeft(text, "+-")
	whole, fraction, point := strings.Cut(body, ".")
	if len(text) > maxDigits || len(text)-len(body) > 1 || whole == "" || !digits(whole) || !digits(fraction) || point && fraction == "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// prepareExtra prepares the comparators that came later.
func (c *comparator) prepareExtra() {
	switch c.op {
	case opStringContains:
	case opWithinLast:
		c.within, c.err = ParseTimeDelta(c.right)
	default:
		if c.negated {
			c.err = fmt.Errorf("there is no comparator %q: exchange date_before and date_after", "!"+c.op)
			return
		}
		_, c.err = parseDateIn(c.right, time.UTC)
	}
}

// compareDates compares points in time. One without a zone is in the zone of the
// clock.
func (c *comparator) compareDates(left any, now time.Time) (bool, error) {
	text, ok := left.(string)
	if !ok {
		return false, fmt.Errorf("%s is no date", describe(left))
	}
	if now.IsZero() {
		return false, clockless(now)
	}
	date, err := parseDateIn(text, now.Location())
	if err != nil {
		return false, err
	}
	switch c.op {
	case opBefore, opAfter:
		limit, err := parseDateIn(c.right, now.Location())
		if err != nil {
			return false, err
		}
		return (c.op == opBefore && date.Before(limit)) || (c.op == opAfter && date.After(limit)), nil
	default:
		return !date.Before(now.Add(-c.within)) && !date.After(now), nil
	}
}

// parseDateIn reads a date of ISO 8601, with or without a time of day.
func parseDateIn(text string, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02T15:04Z07:00",
		"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no date: write it as 2006-01-02 or 2006-01-02T15:04:05Z", text)
}
