package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// newRule reads a yearly recurrence (RFC 5545 section 3.3.10): by date, or the nth
// weekday of a month. What it does not know it refuses.
func newRule(text string, start day) (*rule, error) {
	at := start.time()
	r := &rule{from: start, until: math.MaxInt, interval: 1, month: at.Month(), date: at.Day()}
	given := make(map[string]string)
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		key, value, ok := strings.Cut(part, "=")
		if _, twice := given[key]; !ok || twice {
			return nil, fmt.Errorf("%.40q is not NAME=VALUE, or is there twice", part)
		}
		given[key] = value
		if err := r.part(key, value); err != nil {
			return nil, err
		}
	}
	switch {
	case given["FREQ"] != "YEARLY":
		return nil, fmt.Errorf("FREQ=%.20s: only YEARLY is read", given["FREQ"])
	case given["BYDAY"] != "" && (given["BYMONTH"] == "" || given["BYMONTHDAY"] != ""):
		return nil, errors.New("BYDAY is read with BYMONTH, and without BYMONTHDAY")
	case given["COUNT"] != "" && given["UNTIL"] != "":
		return nil, errors.New("COUNT and UNTIL exclude each other")
	}
	if d, ok := r.place(at.Year()); !ok || d != start {
		return nil, errors.New("the day of DTSTART is not one that it gives")
	}
	if n := given["COUNT"]; n != "" {
		count, err := number(n, 9999)
		if err != nil {
			return nil, fmt.Errorf("COUNT: %w", err)
		}
		r.until = r.ending(count)
	}
	return r, nil
}

// part reads one part of a rule.
func (r *rule) part(key, value string) (err error) {
	switch key {
	case "FREQ", "COUNT", "WKST": // the first day of the week does not matter here
	case "INTERVAL":
		r.interval, err = number(value, 9999)
	case "UNTIL":
		until := line{name: key, value: value}
		if r.until, _, err = until.day(); err != nil {
			err = fmt.Errorf("%.40q is no day such as 20301231", value)
		}
	case "BYMONTH":
		var month int
		month, err = number(value, 12)
		r.month = time.Month(month)
	case "BYMONTHDAY":
		r.date, err = number(value, 31)
	case "BYDAY":
		err = r.byDay(value)
	default:
		err = errors.New("is not read")
	}
	if err != nil {
		return fmt.Errorf("%.20s=%.40s: %w", key, value, err)
	}
	return nil
}

// byDay reads a weekday with its number in the month, such as 4TH or -1MO.
func (r *rule) byDay(value string) error {
	const form = "want one weekday with its number in the month, such as 4TH or -1MO"
	if len(value) < 3 {
		return errors.New(form)
	}
	cut := len(value) - 2
	weekday := slices.Index([]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}, value[cut:])
	nth, err := strconv.Atoi(value[:cut])
	if err != nil || weekday < 0 || nth == 0 || nth < -5 || nth > 5 {
		return errors.New(form)
	}
	r.nth, r.weekday = nth, time.Weekday(weekday)
	return nil
}

func number(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("want one number, 1 to %d", most)
	}
	return n, nil
}
