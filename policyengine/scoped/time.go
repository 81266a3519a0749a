package scoped

import (
	"fmt"
	"strings"
	"time"
)

// timeRange is one range of a time attribute: days of the week and minutes of
// the day, both ends included.
type timeRange struct {
	days       [8]bool // 1 is Monday, 7 is Sunday
	start, end int     // minutes since midnight
	// unknown says, in Compat, on which days the range cannot be read: it names a
	// day that there is not.
	unknown [8]bool
}

// timeList is a compiled time attribute.
type timeList struct {
	text   string // as written, for people
	empty  bool
	ranges []timeRange
	broken bool // a range has unknown days
}

// compileTime reads a time attribute, "Mon-Fri:8-17:30, Sat:9-12". Unless compat,
// days and hours wrap round (Fri-Mon, 22:00-06:00), and what cannot be read is a
// fault; in Compat it ends the list.
func compileTime(text string, compat bool) (timeList, error) {
	l := timeList{text: text, empty: text == ""}
	if l.empty {
		return l, nil
	}
	packed := strings.Join(words(text), "")
	at := 0
	for part := range strings.SplitSeq(packed, ",") {
		var (
			r   timeRange
			err error
		)
		if compat {
			r, err = parseRangeCompat(part)
		} else {
			r, err = parseRange(part)
		}
		if err != nil && compat {
			return l, nil
		}
		if err != nil {
			return l, fmt.Errorf("range %q at offset %d (blanks left out): %w", part, at, err)
		}
		l.broken = l.broken || r.unknown != [8]bool{}
		l.ranges = append(l.ranges, r)
		at += len(part) + 1
	}
	return l, nil
}

// match tells whether a moment is in one of the ranges; its time zone is the
// caller's business. Seconds do not count.
func (l *timeList) match(now time.Time) (bool, error) {
	if l.empty {
		return true, nil
	}
	day := isoWeekday(now)
	before := (day+5)%7 + 1
	minute := now.Hour()*60 + now.Minute()
	matched := false
	for i := range l.ranges {
		r := &l.ranges[i]
		switch {
		case r.unknown[day]:
			return false, failf(ErrBroken, "time %q names a day that there is not: write Mon, Tue, Wed, Thu, Fri, Sat or Sun", l.text)
		case r.start <= r.end:
			matched = matched || r.days[day] && r.start <= minute && minute <= r.end
		default: // wraps round midnight
			matched = matched || r.days[day] && minute >= r.start || r.days[before] && minute <= r.end
		}
	}
	return matched, nil
}

// isoWeekday is 1 for Monday to 7 for Sunday.
func isoWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func dayNumber(name string) int {
	switch strings.ToLower(name) {
	case "mon":
		return 1
	case "tue":
		return 2
	case "wed":
		return 3
	case "thu":
		return 4
	case "fri":
		return 5
	case "sat":
		return 6
	case "sun":
		return 7
	}
	return 0
}

// parseRange reads dow[-dow]:h[:mm]-h[:mm]. Days go on until the last one is
// reached, through Sunday if need be.
func parseRange(text string) (timeRange, error) {
	var r timeRange
	days, clock, ok := strings.Cut(text, ":")
	if !ok {
		return r, fmt.Errorf("write it as Mon-Fri:8-17:30")
	}
	first, last, isRange := strings.Cut(days, "-")
	if !isRange {
		last = first
	}
	from, to := dayNumber(first), dayNumber(last)
	if from == 0 || to == 0 {
		return r, fmt.Errorf("%q is no day or range of days: write Mon, Tue, Wed, Thu, Fri, Sat or Sun", days)
	}
	for d := from; ; d = d%7 + 1 {
		r.days[d] = true
		if d == to {
			break
		}
	}
	start, end, ok := strings.Cut(clock, "-")
	if !ok {
		return r, fmt.Errorf("%q is no range of hours: write it as 8-17:30", clock)
	}
	var err error
	if r.start, err = parseClock(start); err != nil {
		return r, err
	}
	r.end, err = parseClock(end)
	return r, err
}

// parseClock reads h or h:mm, 0 to 23:59.
func parseClock(text string) (int, error) {
	hourText, minuteText, ok := strings.Cut(text, ":")
	if !ok {
		minuteText = "0"
	}
	hour, minute := smallNumber(hourText), smallNumber(minuteText)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, fmt.Errorf("%q is no time of day: write 0 to 23, or 0:00 to 23:59", text)
	}
	return hour*60 + minute, nil
}

// smallNumber reads one or two digits, -1 if it is anything else.
func smallNumber(text string) int {
	if text == "" || len(text) > 2 || !digits(text) {
		return -1
	}
	n := 0
	for _, c := range text {
		n = n*10 + int(c-'0')
	}
	return n
}

// parseRangeCompat reads a range without wrapping. A day that there is not is no
// error here but when the range is compared: the first one always, the second
// one on days from the first on.
func parseRangeCompat(text string) (timeRange, error) {
	var r timeRange
	days, clock, ok := strings.Cut(text, ":")
	if !ok {
		return r, fmt.Errorf("no colon")
	}
	parts := strings.Split(days, "-")
	if len(parts) > 2 {
		return r, fmt.Errorf("more than two days")
	}
	from, to := dayNumber(parts[0]), dayNumber(parts[len(parts)-1])
	for d := 1; d <= 7; d++ {
		r.days[d] = from <= d && d <= to
		r.unknown[d] = from == 0 || to == 0 && from <= d
	}
	times := strings.Split(clock, "-")
	if len(times) != 2 {
		return r, fmt.Errorf("not two times")
	}
	var err error
	if r.start, err = parseClockCompat(times[0]); err != nil {
		return r, err
	}
	if r.end, err = parseClockCompat(times[1]); err != nil {
		return r, err
	}
	if r.start > r.end { // never matches
		r.days = [8]bool{}
	}
	return r, nil
}

// parseClockCompat reads h, h:mm or more fields, of which the third and further
// ones need only be numbers.
func parseClockCompat(text string) (int, error) {
	var fields [2]int
	for i, part := range strings.Split(text, ":") {
		n, err := pythonInt(part)
		if err != nil {
			return 0, err
		}
		if i < 2 {
			if !n.IsInt64() || n.Int64() < 0 || n.Int64() > 59 {
				return 0, fmt.Errorf("%q is no time of day", text)
			}
			fields[i] = int(n.Int64())
		}
	}
	if fields[0] > 23 {
		return 0, fmt.Errorf("%q is no time of day", text)
	}
	return fields[0]*60 + fields[1], nil
}
