package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// of makes a calendar of the lines of one event.
func of(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func on(t *testing.T, events []event, date string) bool {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if events[i].on(dayOf(at.Date())) {
			return true
		}
	}
	return false
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		in, out    string // days that are holidays, and days that are not
	}{
		{"a day", of("DTSTART;VALUE=DATE:20261003"), "2026-10-03", "2026-10-02 2026-10-04 2027-10-03"},
		{"a day without VALUE", of("DTSTART:20261003"), "2026-10-03", "2026-10-04"},
		{"lines that end with LF", strings.ReplaceAll(of("DTSTART;VALUE=DATE:20261003"), "\r", ""), "2026-10-03", "2026-10-04"},
		{"byte order mark, case, blank lines", "\ufeff" + strings.ReplaceAll(strings.ToLower(of("dtstart;value=date:20261003")), "\n", "\n\r\n"), "2026-10-03", "2026-10-04"},
		{"folded", of("DTST", " ART;VALUE=DA", "\tTE:2026", " 1003"), "2026-10-03", "2026-10-04"},
		{"the end is not part of it", of("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"), "2026-12-24 2026-12-26", "2026-12-23 2026-12-27"},
		{"the end is the begin", of("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261224"), "2026-12-24", "2026-12-25"},
		{"over the year", of("DTSTART;VALUE=DATE:20201224", "DTEND;VALUE=DATE:20210103", "RRULE:FREQ=YEARLY"), "2026-12-24 2027-01-02 2021-01-01", "2020-01-01 2027-01-03"},
		{"duration in days", of("DTSTART;VALUE=DATE:20261224", "DURATION:P2D"), "2026-12-25", "2026-12-26"},
		{"duration in weeks", of("DTSTART;VALUE=DATE:20261224", "DURATION:P1W"), "2026-12-30", "2026-12-31"},
		{"midnight to midnight", of("DTSTART;TZID=Europe/Berlin:20261224T000000", "DTEND;TZID=Europe/Berlin:20261226T000000"), "2026-12-25", "2026-12-26"},
		{"an appointment", of("DTSTART:20261224T100000Z", "DTEND:20261224T110000Z"), "", "2026-12-24"},
		{"a moment", of("DTSTART:20261224T000000"), "", "2026-12-24"},
		{"midnight and hours", of("DTSTART:20261224T000000", "DURATION:PT1H"), "", "2026-12-24"},
		{"yearly", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY"), "2020-05-01 2026-05-01 9999-05-01", "2019-05-01 2026-05-02"},
		{"29 February", of("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY"), "2024-02-29 2028-02-29", "2026-02-28 2026-03-01"},
		{"every other year", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY;INTERVAL=2;WKST=MO"), "2020-05-01 2026-05-01", "2025-05-01"},
		{"until", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY;UNTIL=20230501"), "2023-05-01", "2024-05-01"},
		{"until a time", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY;UNTIL=20230430T235959Z"), "2022-05-01", "2023-05-01"},
		{"count", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY;COUNT=3"), "2022-05-01", "2023-05-01"},
		{"count of leap days", of("DTSTART;VALUE=DATE:20200229", "RRULE:FREQ=YEARLY;COUNT=2"), "2024-02-29", "2028-02-29"},
		{"fourth Thursday", of("DTSTART;VALUE=DATE:19421126", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"), "2026-11-26 2027-11-25", "2026-11-19 2026-11-27"},
		{"last Monday", of("DTSTART;VALUE=DATE:20250526", "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"), "2026-05-25 2027-05-31", "2026-05-18"},
		{"last but one Monday in December", of("DTSTART;VALUE=DATE:20251222", "RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=-2MO"), "2026-12-21", "2026-12-28"},
		{"fifth Monday, some years", of("DTSTART;VALUE=DATE:20230529", "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=5MO"), "2028-05-29", "2026-06-01 2026-05-25"},
		{"but not then", of("DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20260501,20270501"), "2025-05-01 2028-05-01", "2026-05-01 2027-05-01"},
		{"cancelled", of("DTSTART;VALUE=DATE:20261003", "STATUS:CANCELLED"), "", "2026-10-03"},
		{
			"moved once", of("UID:a", "DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY", "END:VEVENT", "BEGIN:VEVENT", "UID:a", "RECURRENCE-ID;VALUE=DATE:20260501", "DTSTART;VALUE=DATE:20260504"),
			"2026-05-04 2027-05-01", "2026-05-01 2027-05-04",
		},
		{"two calendars", of("DTSTART:20261003") + of("DTSTART:20261101"), "2026-10-03 2026-11-01", "2026-10-04"},
		{"no events", "BEGIN:VCALENDAR\nEND:VCALENDAR", "", "2026-10-03"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			for date := range strings.FieldsSeq(tt.in) {
				if !on(t, events, date) {
					t.Errorf("%s is no holiday", date)
				}
			}
			for date := range strings.FieldsSeq(tt.out) {
				if on(t, events, date) {
					t.Errorf("%s is a holiday", date)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "1: the calendar does not end"},
		{"<html>", `1: "<html>" is not NAME:VALUE`},
		{strings.TrimSuffix(of("DTSTART:20261003"), "END:VCALENDAR\r\n"), "is the file complete?"},
		{"DTSTART:20261003", "1: DTSTART stands outside"},
		{"BEGIN:VEVENT", "1: BEGIN:VEVENT does not belong here"},
		{strings.Repeat("BEGIN:VCALENDAR\n", 9), "9: BEGIN:VCALENDAR does not belong here"},
		{of("END:VALARM"), "3: END:VALARM, and VEVENT is open"},
		{of("SUMMARY:when?"), "4: the event has no DTSTART"},
		{of("DTSTART;VALUE=DATE:20261303"), `3: DTSTART: "20261303" is no day`},
		{of("DTSTART;VALUE=DATE:20260229"), "is no day"},
		{of("DTSTART;VALUE:20261003"), `3: parameter "VALUE" of DTSTART`},
		{of("DTSTART:20261003", "DTEND:20261002"), "4: the event has -1 days"},
		{of("DTSTART:20261003", "DTEND:20281002"), "4: the event has 730 days"},
		{of("DTSTART:20261003", "DTEND:20261003T120000"), "4: the event begins with a day and does not end"},
		{of("DTSTART:20261003", "DURATION:PT12H"), "4: the event begins with a day and does not end"},
		{of("DTSTART:20261003", "DURATION:P"), "4: the event begins with a day"},
		{of("DTSTART:20261003", "DURATION:P0D"), "4: the event has 0 days"},
		{of("DTSTART:20261003", "RDATE:20261004"), "4: RDATE is not read"},
		{of("DTSTART:20261003", "EXDATE:tomorrow"), "4: EXDATE"},
		{of("DTSTART:20261003", "RECURRENCE-ID:x"), "4: RECURRENCE-ID"},
		{of("DTSTART:20261003", "RRULE:FREQ=MONTHLY"), "4: RRULE: FREQ=MONTHLY: only YEARLY"},
		{of("DTSTART:20261003", "RRULE:COUNT=1"), "4: RRULE: FREQ=: only YEARLY"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;FREQ=YEARLY"), "is there twice"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYWEEKNO=20"), "BYWEEKNO=20: is not read"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;INTERVAL=0"), "INTERVAL=0: want one number"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYMONTH=10,11"), "BYMONTH=10,11: want one number"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYMONTH=11"), "the day of DTSTART is not one"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYDAY=1SA"), "BYDAY is read with BYMONTH"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=SA"), "BYDAY=SA: want one weekday"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=6SA"), "BYDAY=6SA: want one weekday"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;COUNT=many"), "COUNT: want one number"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20301003"), "exclude each other"},
		{of("DTSTART:20261003", "RRULE:FREQ=YEARLY;UNTIL=never"), `UNTIL=NEVER: "NEVER" is no day`},
		{"BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nDTSTART:20261003\nEND:VEVENT\n", maxEvents+1) + "END:VCALENDAR", "more than 20000 events"},
	} {
		if _, err := parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

// FuzzParse: whatever the file says, reading and asking it ends.
func FuzzParse(f *testing.F) {
	file, err := os.ReadFile("testdata/holidays.ics")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(file), 20_000)
	f.Add(of("UID:a", "DTSTART:20240229", "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=-1TH;COUNT=3", "EXDATE:20250227", "DURATION:P2W"), 21_000)
	f.Add(of("DTSTART;X=\":;\":20261003T000000", "DTEND:20261004T000000"), -1)
	f.Fuzz(func(t *testing.T, text string, d int) {
		events, err := parse(text)
		if err != nil && events != nil {
			t.Fatal("events and an error")
		}
		for i := range events {
			e := &events[i]
			if e.days < 1 || e.days > maxDays {
				t.Fatalf("an event of %d days", e.days)
			}
			e.on(day(d % 5_000_000))
			if e.yearly == nil && !e.except[e.start] && !e.on(e.start) {
				t.Fatal("the event is not on its first day")
			}
		}
	})
}
