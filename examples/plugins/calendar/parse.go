package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a calendar.
const (
	maxEvents = 20_000
	maxDays   = 366 // of one event
	maxDepth  = 8   // of components in one another
)

// parse reads the events of a calendar that are whole days (RFC 5545). Others are
// left out; what cannot be read of these is an error, "line: what", for a holiday
// that silently is none would let people in.
func parse(text string) ([]event, error) {
	lines, err := splitLines(text)
	if err != nil {
		return nil, err
	}
	var (
		events []event
		open   []string // components, the innermost last
		inside []line   // of the event that is open
		seen   bool
	)
	for _, l := range lines {
		switch {
		case l.name == "BEGIN":
			open = append(open, strings.ToUpper(l.value))
			if len(open) > maxDepth || len(open) == 1 && open[0] != "VCALENDAR" {
				return nil, fmt.Errorf("%d: BEGIN:%.40s does not belong here; a calendar begins with BEGIN:VCALENDAR", l.number, l.value)
			}
			if isEvent(open) {
				inside = nil
			}
		case len(open) == 0:
			return nil, fmt.Errorf("%d: %.40s stands outside of the calendar", l.number, l.name)
		case l.name == "END" && strings.ToUpper(l.value) != open[len(open)-1]:
			return nil, fmt.Errorf("%d: END:%.40s, and %.40s is open", l.number, l.value, open[len(open)-1])
		case l.name == "END":
			if isEvent(open) {
				e, whole, err := newEvent(l.number, inside)
				if err != nil {
					return nil, err
				}
				if whole {
					events = append(events, e)
				}
				if len(events) > maxEvents {
					return nil, fmt.Errorf("%d: more than %d events", l.number, maxEvents)
				}
			}
			open = open[:len(open)-1]
			seen = true
		case isEvent(open):
			inside = append(inside, l)
		}
	}
	if len(open) > 0 || !seen {
		return nil, errors.New("1: the calendar does not end with END:VCALENDAR; is the file complete?")
	}
	return replace(events), nil
}

// isEvent reports whether the innermost component is an event of the calendar.
func isEvent(open []string) bool { return len(open) == 2 && open[1] == "VEVENT" }

// replace takes single occurrences out of the events that they stand instead of.
func replace(events []event) []event {
	replaced := make(map[string][]day)
	for _, e := range events {
		if e.instead != nil {
			replaced[e.uid] = append(replaced[e.uid], *e.instead)
		}
	}
	for i := range events {
		for _, d := range replaced[events[i].uid] {
			if events[i].instead == nil {
				events[i].without(d)
			}
		}
	}
	return slices.DeleteFunc(events, func(e event) bool { return e.days == 0 })
}

func (e *event) without(d day) {
	if e.except == nil {
		e.except = make(map[day]bool)
	}
	e.except[d] = true
}

// newEvent makes an event of its lines, before the one with a number. It reports
// false for one that is no whole days. One that is cancelled has no days.
func newEvent(number int, lines []line) (e event, whole bool, err error) {
	get := func(name string) *line {
		i := slices.IndexFunc(lines, func(l line) bool { return l.name == name })
		if i < 0 {
			return nil
		}
		return &lines[i]
	}
	start := get("DTSTART")
	if start == nil {
		return event{}, false, fmt.Errorf("%d: the event has no DTSTART", number)
	}
	if e.start, whole, err = start.day(); err != nil || !whole {
		return event{}, false, err
	}
	e.days, whole, err = length(e.start, start, get("DTEND"), get("DURATION"))
	if err != nil || !whole {
		return event{}, false, err
	}
	if l := get("SUMMARY"); l != nil {
		e.summary = plainText(l.value)
	}
	if l := get("UID"); l != nil {
		e.uid = l.value
	}
	if l := get("RECURRENCE-ID"); l != nil {
		d, _, err := l.day()
		if err != nil {
			return event{}, false, err
		}
		e.instead = &d
	}
	if l := get("RDATE"); l != nil {
		return event{}, false, fmt.Errorf("%d: RDATE is not read: make events of their own of these days", l.number)
	}
	if l := get("RRULE"); l != nil {
		if e.yearly, err = newRule(l.value, e.start); err != nil {
			return event{}, false, fmt.Errorf("%d: RRULE: %w", l.number, err)
		}
	}
	for _, l := range lines {
		if l.name != "EXDATE" {
			continue
		}
		for text := range strings.SplitSeq(l.value, ",") {
			one := line{number: l.number, name: l.name, value: text, params: l.params}
			d, _, err := one.day()
			if err != nil {
				return event{}, false, err
			}
			e.without(d)
		}
	}
	if l := get("STATUS"); l != nil && strings.EqualFold(l.value, "CANCELLED") {
		e.days = 0
	}
	return e, true, nil
}

// day is the day of a date, or of a time. It reports whether that is the whole
// day: a date, or midnight without a zone or in a named one, as some programs write
// it.
func (l *line) day() (d day, whole bool, err error) {
	date, clock, timed := strings.Cut(strings.TrimSpace(l.value), "T")
	at, err := time.Parse("20060102", date)
	if err != nil || at.Year() < 1 {
		return 0, false, fmt.Errorf("%d: %s: %.40q is no day such as 20261225", l.number, l.name, l.value)
	}
	return dayOf(at.Date()), !timed || clock == "000000", nil
}

// length is how many days an event has. It reports false when it ends within one.
func length(from day, start, end, duration *line) (days int, whole bool, err error) {
	at, timed := start.number, strings.Contains(start.value, "T")
	days, whole = 1, !timed // what is but a time takes no time at all
	switch {
	case end != nil:
		var to day
		if to, whole, err = end.day(); err != nil {
			return 0, false, err
		}
		at, days = end.number, int(to-from)
		if days == 0 && !timed {
			days = 1 // forbidden, and written all the same
		}
	case duration != nil:
		at = duration.number
		days, whole = durationDays(duration.value)
	}
	switch {
	case !whole && timed:
		return 0, false, nil
	case !whole:
		return 0, false, fmt.Errorf("%d: the event begins with a day and does not end with one", at)
	}
	if days < 1 || days > maxDays {
		return 0, false, fmt.Errorf("%d: the event has %d days: want 1 to %d", at, days, maxDays)
	}
	return days, true, nil
}

// durationDays reads P2D or P1W. It reports false for anything else.
func durationDays(text string) (int, bool) {
	text, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToUpper(text), "+"), "P")
	if !ok || text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	switch {
	case err != nil:
		return 0, false
	case text[len(text)-1] == 'W':
		return int(n) * 7, true
	}
	return int(n), text[len(text)-1] == 'D'
}
