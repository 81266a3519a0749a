package filter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number is a number, exact as long as it is whole and fits.
type number struct {
	whole bool
	i     int64
	f     float64
}

func (n number) compare(m number) int {
	if n.whole && m.whole {
		return cmp.Compare(n.i, m.i)
	}
	return cmp.Compare(n.f, m.f)
}

// parseNumber reads a decimal number; what else Go takes for one (0x1p-2, NaN) is
// text.
func parseNumber(text string) (number, bool) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return number{whole: true, i: i, f: float64(i)}, true
	}
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return number{}, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return number{f: f}, err == nil
}

// numberOf reads a number of JSON, and returns it also as it is written.
func numberOf(value any) (json.Number, number, bool) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", number{}, false
		}
		text = strconv.FormatFloat(v, 'g', -1, 64)
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			text = strconv.FormatInt(int64(v), 10)
		}
	case int:
		text = strconv.Itoa(v)
	case int64:
		text = strconv.FormatInt(v, 10)
	}
	n, ok := parseNumber(text)
	return json.Number(text), n, ok
}

// parseTime reads a time as people (RFC 3339) and directories (RFC 4517 section
// 3.3.13, to the second or finer) write it.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "20060102150405Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// setOrder makes the test of gt, gte, lt and lte: numbers with numbers, times with
// times. A value that is neither is not before or after anything.
func (t *Term) setOrder(value any) error {
	text, _ := value.(string)
	n, isNumber := parseNumber(text)
	if number, parsed, ok := numberOf(value); ok {
		value, n, isNumber = number, parsed, true
	}
	at, isTime := parseTime(text)
	if _, ok := value.(string); ok && !isNumber && !isTime {
		return fmt.Errorf("%s needs a number or a time such as 2030-12-31T23:59:59Z; %q is neither", t, clip(text))
	}
	if !isNumber && !isTime {
		return t.wrong("a number or a time", value)
	}
	t.Value = value
	fits := orderTest(t.Lookup)
	t.test = func(v string) (bool, error) {
		if isNumber {
			got, ok := parseNumber(v)
			return ok && fits(got.compare(n)), nil
		}
		got, ok := parseTime(v)
		return ok && fits(got.Compare(at)), nil
	}
	return nil
}

func orderTest(lookup string) func(order int) bool {
	switch lookup {
	case "gt":
		return func(order int) bool { return order > 0 }
	case "gte":
		return func(order int) bool { return order >= 0 }
	case "lt":
		return func(order int) bool { return order < 0 }
	}
	return func(order int) bool { return order <= 0 }
}
