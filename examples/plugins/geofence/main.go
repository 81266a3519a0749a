// Command geofence is a condition helper that knows how far a login is from listed
// sites. README.md says how to use it.
package main

import (
	"context"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	f := &fence{}
	// With these facts and the same settings the answers are always the same.
	reads := []string{"geoip.lat", "geoip.long", "client_ip_known"}
	return sdk.Plugin{
		Name:      "geofence",
		Version:   "1.0.0",
		Configure: sdk.Config(settings{Unknown: unknownError}, f.configure),
		Functions: []sdk.Function{{
			Name: "inside", Doc: "inside() is true when the login comes from within the radius of a site.",
			Class: sdk.Deterministic, Reads: reads,
			Call: sdk.Func0(func(_ context.Context, login sdk.Facts) (bool, error) { return f.inside(login, f.sites) }),
		}, {
			Name: "inside_site", Doc: "inside_site(site) is true when the login comes from within the radius of this site.",
			Args:  []sdk.Arg{{Name: "site", Doc: "name of a site in the settings"}},
			Class: sdk.Deterministic, Reads: reads, Call: sdk.Func1(f.insideSite),
		}, {
			Name: "distance_km", Doc: "distance_km(site) is how far from the site the login comes, in km; an error where that is not known.",
			Args:  []sdk.Arg{{Name: "site", Doc: "name of a site in the settings"}},
			Class: sdk.Deterministic, Reads: reads, Call: sdk.Func1(f.distance),
		}, {
			Name: "located", Doc: "located() is true when it is known where the login comes from.",
			Class: sdk.Deterministic, Reads: reads,
			Call: sdk.Func0(func(_ context.Context, login sdk.Facts) (bool, error) {
				_, known, err := f.locate(login)
				return known, err
			}),
		}},
	}
}
