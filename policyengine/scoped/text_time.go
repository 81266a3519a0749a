package scoped

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// TimeLimit is a number of events within a window of time.
type TimeLimit struct {
	Count  int
	Window time.Duration
}

// ParseTimeLimit reads the value of auth_max_fail and auth_max_success, "3/5m":
// a count and a window in s, m or h, in small or capital letters
// (parse_timelimit). Blanks are left out. Anything else is ErrInvalid.
func ParseTimeLimit(text string) (TimeLimit, error) {
	countText, windowText, found := strings.Cut(strings.ReplaceAll(text, " ", ""), "/")
	if !found {
		return TimeLimit{}, failf(ErrInvalid, "time limit %.60q has no slash: write a count and a window, such as 3/5m", text)
	}
	count, err := strconv.Atoi(trim(countText))
	if err != nil {
		return TimeLimit{}, failf(ErrInvalid, "time limit %.60q: %.20q is no count: write a count and a window, such as 3/5m", text, countText)
	}
	window, err := duration(strings.ToLower(windowText), "smh")
	if err != nil {
		return TimeLimit{}, failf(ErrInvalid, "time limit %.60q: %w", text, err)
	}
	return TimeLimit{count, window}, nil
}

// ParseTimeDelta reads a span of time, "10d": a number, with a sign or without,
// and one of s, m, h, d and y, where a year has 365 days (parse_timedelta).
// Blanks between them do not matter. Anything else is ErrInvalid, as is a span of
// more than 292 years.
func ParseTimeDelta(text string) (time.Duration, error) {
	d, err := duration(text, "smhdy")
	if err != nil {
		return 0, failf(ErrInvalid, "span of time %.60q: %w", text, err)
	}
	return d, nil
}

// duration reads a signed number and one unit of those given.
func duration(text, units string) (time.Duration, error) {
	text = trim(text)
	if text == "" || !strings.Contains(units, text[len(text)-1:]) {
		return 0, failf(ErrInvalid, "the unit is missing: write a number and one of the letters %s, such as 5m", strings.Join(strings.Split(units, ""), ", "))
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'y': 365 * 24 * time.Hour}[text[len(text)-1]]
	digits, sign := trim(text[:len(text)-1]), time.Duration(1)
	if rest, ok := strings.CutPrefix(digits, "-"); ok {
		digits, sign = rest, -1
	} else {
		digits = strings.TrimPrefix(digits, "+")
	}
	digits = trim(digits)
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, failf(ErrInvalid, "%.20q is no whole number", digits)
	}
	if n > uint64(math.MaxInt64/unit) {
		return 0, failf(ErrInvalid, "%s is longer than 292 years", text)
	}
	return sign * time.Duration(n) * unit, nil
}
