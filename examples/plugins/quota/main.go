// Command quota is a condition helper that counts the accepted logins of each user
// in a sliding window. README.md says how to use it.
package main

import (
	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() { sdk.Serve(plugin(&quota{})) }

func plugin(q *quota) sdk.Plugin {
	user := []string{"source.name", "user.id", "user.login"}
	reads := append([]string{"now.unix"}, user...)
	return sdk.Plugin{
		Name:         "quota",
		Version:      "1.0.0",
		Configure:    sdk.Config(defaults(), q.configure),
		Observe:      q.observe,
		ObserveReads: user,
		Functions: []sdk.Function{{
			Name: "left", Doc: "left() is how many logins the user has left in the window of the settings.",
			Class: sdk.ReadsState, Reads: reads, Call: sdk.Func0(q.left),
		}, {
			Name: "used", Doc: "used() is how many logins of the user were accepted in the window of the settings, up to the limit there.",
			Class: sdk.ReadsState, Reads: reads, Call: sdk.Func0(q.used),
		}, {
			Name: "under", Doc: "under(limit, window) is true while the user has had fewer logins than limit within window.",
			Args: []sdk.Arg{
				{Name: "limit", Doc: "a whole number, at most the limit of the settings"},
				{Name: "window", Doc: `such as "90m", at most the window of the settings`},
			},
			Class: sdk.ReadsState, Reads: reads, Call: sdk.Func2(q.under),
		}},
	}
}
