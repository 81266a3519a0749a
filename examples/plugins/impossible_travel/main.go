// Command impossible_travel is a condition helper that compares where a user logs in
// with where the same user was let in before. README.md says how to use it.
package main

import (
	"context"
	"os"
	"sync"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() {
	t := &travel{log: os.Stderr}
	ctx, stop := context.WithCancel(context.Background())
	var saving sync.WaitGroup
	saving.Go(func() { t.keepSaved(ctx) })
	sdk.Serve(plugin(t))
	stop()
	saving.Wait()
}

func plugin(t *travel) sdk.Plugin {
	// The same facts say where a login comes from, before and after the decision.
	place := []string{"source.name", "user.id", "user.login", "geoip.lat", "geoip.long", "client_ip_known"}
	reads := append([]string{"now.unix"}, place...)
	return sdk.Plugin{
		Name:         "impossible_travel",
		Version:      "1.0.0",
		Configure:    sdk.Config(defaults(), t.configure),
		Observe:      t.observe,
		ObserveReads: place,
		Functions: []sdk.Function{{
			Name: "speed_kmh", Doc: "speed_kmh() is how fast the user must have travelled since the last accepted login; 0 when there is nothing to compare.",
			Class: sdk.ReadsState, Reads: reads, Call: sdk.Func0(t.speed),
		}, {
			Name: "possible", Doc: "possible(max_kmh) is true when the user need not have travelled faster since the last accepted login.",
			Args:  []sdk.Arg{{Name: "max_kmh", Doc: "such as 900, for an airplane"}},
			Class: sdk.ReadsState, Reads: reads, Call: sdk.Func1(t.possible),
		}},
	}
}
