package main

import "time"

// day counts the days since 1970-01-01.
type day int

func dayOf(year int, month time.Month, d int) day {
	return day(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

func (d day) time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// event is whole days, once or every year.
type event struct {
	uid, summary string
	start        day
	days         int
	yearly       *rule // nil: once
	except       map[day]bool
	instead      *day // it stands for this occurrence of the event with the same uid
}

// on reports whether a day belongs to the event.
func (e *event) on(d day) bool {
	if e.yearly == nil {
		return e.start <= d && d < e.start+day(e.days) && !e.except[e.start]
	}
	for year := (d - day(e.days) + 1).time().Year(); year <= d.time().Year(); year++ {
		begin, ok := e.yearly.in(year)
		if ok && begin <= d && d < begin+day(e.days) && !e.except[begin] {
			return true
		}
	}
	return false
}

// rule is when something is that comes back every year, or every so many years.
type rule struct {
	from, until day // the first occurrence; none is after until
	interval    int // years
	month       time.Month
	// Either a day of the month, or the nth weekday in it, from its end where nth
	// is negative.
	date    int
	nth     int
	weekday time.Weekday
}

// in is the occurrence of a year, if there is one.
func (r *rule) in(year int) (day, bool) {
	first := r.from.time().Year()
	if year < first || (year-first)%r.interval != 0 {
		return 0, false
	}
	d, ok := r.place(year)
	return d, ok && d >= r.from && d <= r.until
}

// place is the day of any year, if that year has it.
func (r *rule) place(year int) (day, bool) {
	if r.nth == 0 {
		d := dayOf(year, r.month, r.date)
		return d, d.time().Month() == r.month // there is not always a 29 February
	}
	begin, end := dayOf(year, r.month, 1), dayOf(year, r.month+1, 1)
	d := begin + day((int(r.weekday)-int(begin.time().Weekday())+7)%7) + day(7*(r.nth-1))
	if r.nth < 0 {
		last := end - 1
		d = last - day((int(last.time().Weekday())-int(r.weekday)+7)%7) + day(7*(r.nth+1))
	}
	return d, begin <= d && d < end
}

// ending is the day of the nth occurrence, or the last one before the year 10000.
func (r *rule) ending(count int) day {
	last := r.from
	for year := r.from.time().Year(); year <= 9999 && count > 0; year += r.interval {
		if d, ok := r.place(year); ok && d >= r.from {
			last = d
			count--
		}
	}
	return last
}
