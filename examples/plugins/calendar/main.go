// Command calendar is a condition helper that reads the holidays of an iCalendar
// file. README.md says how to use it.
package main

import (
	_ "time/tzdata" // time_zone works on machines without zone files

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	c := &calendar{}
	return sdk.Plugin{
		Name:      "calendar",
		Version:   "1.0.0",
		Configure: sdk.Config(settings{}, c.configure),
		Functions: []sdk.Function{{
			Name: "is_holiday", Doc: "is_holiday() is true when the day of the login is a holiday.",
			Class: sdk.ReadsState, Reads: []string{"now"}, Call: sdk.Func0(c.isHoliday),
		}, {
			Name: "holiday", Doc: `holiday() is the name of the holiday that the day of the login is, "" on other days.`,
			Class: sdk.ReadsState, Reads: []string{"now"}, Call: sdk.Func0(c.holiday),
		}, {
			Name: "is_holiday_on", Doc: "is_holiday_on(date) is true when that day is a holiday.",
			Args:  []sdk.Arg{{Name: "date", Doc: "a day such as 2026-12-25"}},
			Class: sdk.ReadsState, Call: sdk.Func1(c.isHolidayOn),
		}},
	}
}
