package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

type object = map[string]any

func TestHoliday(t *testing.T) {
	h := sdktest.Start(t, plugin(), object{"file": "testdata/holidays.ics"})
	for now, want := range map[string]string{
		"2026-01-01T00:00:00+01:00": "New Year's Day",
		"2026-12-31T23:59:59+01:00": "",
		"2027-01-01T05:00:00Z":      "New Year's Day",
		"2026-12-24T08:00:00+01:00": "Closed",
		"2026-12-25T08:00:00+01:00": "Christmas, both days of it",
		"2026-12-26T23:59:59+01:00": "Christmas, both days of it",
		"2026-12-27T00:00:00+01:00": "",
		"2026-09-07T12:00:00Z":      "Labor Day",
		"2026-06-19T18:00:00Z":      "",
	} {
		facts := sdktest.Facts{"now": now}
		if got := h.Call("holiday", facts); got != want {
			t.Errorf("%s: %q, want %q", now, got, want)
		}
		if got := h.Call("is_holiday", facts); got != (want != "") {
			t.Errorf("%s: is_holiday() is %v", now, got)
		}
		if got := h.Call("is_holiday_on", nil, now[:10]); got != (want != "") {
			t.Errorf("is_holiday_on(%s) is %v", now[:10], got)
		}
	}
	if got, err := h.Try("is_holiday_on", nil, "25.12.2026"); err == nil {
		t.Errorf("a date in another form: %v", got)
	}
	if got, err := h.Try("is_holiday", nil); err == nil {
		t.Errorf("without a time: %v", got)
	}
}

// TestTimeZone: the same moment can be a holiday in one place alone.
func TestTimeZone(t *testing.T) {
	facts := sdktest.Facts{"now": "2026-12-31T20:00:00+01:00"}
	for zone, want := range map[string]bool{"Europe/Berlin": false, "Asia/Tokyo": true} {
		h := sdktest.Start(t, plugin(), object{"file": "testdata/holidays.ics", "time_zone": zone})
		if got := h.Call("is_holiday", facts); got != want {
			t.Errorf("%s: %v", zone, got)
		}
	}
}

// TestFileChanges: the file counts as it is, and what cannot be read is an error
// and not a working day.
func TestFileChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holidays.ics")
	write := func(step int, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(1_700_000_000+int64(step), 0)
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
	}
	write(0, of("DTSTART:20261003"))
	h := sdktest.Start(t, plugin(), object{"file": file})
	for step, tt := range []struct {
		text string
		want any
	}{
		{of("DTSTART:20261003"), true},
		{of("DTSTART:20261004"), false},
		{"BEGIN:VCALENDAR", nil},
		{of("DTSTART:20261003", "SUMMARY:again"), true},
		{strings.Repeat("\n", maxFile+1), nil},
	} {
		write(step+1, tt.text)
		for range 2 {
			if got, err := h.Try("is_holiday_on", nil, "2026-10-03"); got != tt.want || (err != nil) != (tt.want == nil) {
				t.Errorf("step %d: %v, %v; want %v", step, got, err, tt.want)
			}
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Try("is_holiday_on", nil, "2026-10-03"); err == nil {
		t.Errorf("without the file: %v", got)
	}
}

func TestRefusesSettings(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.ics")
	if err := os.WriteFile(broken, []byte(of("DTSTART:20261003", "RRULE:FREQ=DAILY")), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, section := range map[string]object{
		"file: name the .ics file":                     {},
		"file: read holidays: stat none.ics":           {"file": "none.ics"},
		broken + ":4: RRULE: FREQ=DAILY":               {"file": broken},
		"time_zone: unknown time zone Moon/Tycho":      {"file": "testdata/holidays.ics", "time_zone": "Moon/Tycho"},
		"timezone: unknown key; there are: file, time": {"timezone": "UTC"},
	} {
		if got := sdktest.Refuses(t, plugin(), section); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
