package main

import (
	"io"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

type object = map[string]any

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// from are the facts of a login of a user from a place.
func from(user string, lat, long float64) sdktest.Facts {
	return sdktest.Facts{
		"source.name": "corp", "user.id": user, "user.login": user,
		"geoip.lat": lat, "geoip.long": long, "client_ip_known": true,
	}
}

func berlin(user string) sdktest.Facts  { return from(user, 52.52, 13.405) }
func hamburg(user string) sdktest.Facts { return from(user, 53.55, 9.99) } // 255 km away
func sydney(user string) sdktest.Facts  { return from(user, -33.87, 151.21) }

// with changes a fact.
func with(facts sdktest.Facts, name string, value any) sdktest.Facts {
	changed := maps.Clone(facts)
	changed[name] = value
	return changed
}

// at are the facts of a login that is about to be decided, some time after noon.
func at(facts sdktest.Facts, after time.Duration) sdktest.Facts {
	return with(facts, "now.unix", float64(noon().Add(after).Unix()))
}

// accepted is a login that was let in, some time after noon.
func accepted(facts sdktest.Facts, after time.Duration) sdktest.Outcome {
	return sdktest.Outcome{Verdict: "accept", Application: "vpn", Protocol: "radius", Time: noon().Add(after), Facts: facts}
}

func start(t *testing.T, section object) *sdktest.Harness {
	t.Helper()
	return sdktest.Start(t, plugin(&travel{log: t.Output()}), section)
}

func TestSpeed(t *testing.T) {
	h := start(t, nil)
	rejected := accepted(sydney("erin"), time.Minute)
	rejected.Verdict = "reject"
	for _, o := range []sdktest.Outcome{
		accepted(berlin("erin"), 0),
		rejected,
		accepted(with(sydney("erin"), "geoip.lat", nil), 2*time.Minute),         // from a private address
		accepted(with(sydney("erin"), "client_ip_known", false), 3*time.Minute), // the place of the NAS
		accepted(with(sydney("erin"), "source.name", "another"), 3*time.Minute), // somebody else
		accepted(with(sydney("erin"), "user.id", "erin2"), 4*time.Minute),       // and another one
		accepted(sydney("erin"), -time.Hour),                                    // told too late
	} {
		h.Observe(o)
	}
	for _, tt := range []struct {
		name  string
		login sdktest.Facts
		after time.Duration
		want  float64 // km/h, within one percent
	}{
		{"the same place", berlin("erin"), time.Minute, 0},
		{"within the tolerance", from("erin", 52.39, 13.06), time.Second, 0},
		{"by train", hamburg("erin"), 2 * time.Hour, 77.6},
		{"by car, a fast one", hamburg("erin"), 30 * time.Minute, 310},
		{"around the world in a day", sydney("erin"), 24 * time.Hour, 667},
		{"in two hours", sydney("erin"), 2 * time.Hour, 8000},
		{"in no time", hamburg("erin"), 0, 155 * 3600},
		{"before", hamburg("erin"), -time.Minute, 155 * 3600},
		{"not known before", sydney("frank"), time.Minute, 0},
		{"nobody knows where from", with(sydney("erin"), "geoip.long", nil), time.Minute, 0},
		{"where the NAS is", with(sydney("erin"), "client_ip_known", false), time.Minute, 0},
		{"after a month", sydney("erin"), 30*24*time.Hour + time.Second, 0},
	} {
		got := h.Call("speed_kmh", at(tt.login, tt.after)).(float64)
		if math.Abs(got-tt.want) > tt.want/100 {
			t.Errorf("%s: %g km/h, want %g", tt.name, got, tt.want)
		}
		if got := h.Call("possible", at(tt.login, tt.after), 900.0); got != (tt.want <= 900) {
			t.Errorf("%s: possible(900) is %v", tt.name, got)
		}
	}
	for name, login := range map[string]sdktest.Facts{
		"a place beyond the pole": at(from("erin", 91, 0), time.Minute),
		"nobody":                  at(from("", 0, 0), time.Minute),
	} {
		if got, err := h.Try("speed_kmh", login); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got, err := h.Try("possible", at(berlin("erin"), 0), 0.0); err == nil {
		t.Errorf("possible(0): %v", got)
	}
}

func TestSettings(t *testing.T) {
	h := start(t, object{"tolerance_km": 300.0, "forget_after": "1h", "unknown": "error", "peer": true, "users": 2.0})
	h.Observe(accepted(with(berlin("erin"), "client_ip_known", false), 0))
	if got := h.Call("speed_kmh", at(hamburg("erin"), time.Second)); got != 0.0 {
		t.Errorf("within the tolerance: %v", got)
	}
	if got := h.Call("possible", at(sydney("erin"), time.Minute), 900.0); got != false {
		t.Errorf("the peer's place counts: %v", got)
	}
	if got := h.Call("possible", at(sydney("erin"), time.Hour+time.Second), 900.0); got != true {
		t.Errorf("forgotten after an hour: %v", got)
	}
	if got, err := h.Try("possible", at(with(sydney("erin"), "geoip.lat", nil), time.Minute), 900.0); err == nil {
		t.Errorf("nobody knows where from: %v", got)
	}
	h.Observe(accepted(berlin("frank"), time.Minute))
	h.Observe(accepted(berlin("grace"), time.Minute))
	for user, possible := range map[string]bool{"erin": true, "frank": false, "grace": false} {
		if got := h.Call("possible", at(sydney(user), 2*time.Minute), 900.0); got != possible {
			t.Errorf("two of three users are remembered, %s: %v", user, got)
		}
	}
}

func TestRefusesSettings(t *testing.T) {
	for want, section := range map[string]object{
		"tolerance_km: is -1":           {"tolerance_km": -1.0},
		"forget_after: is 1s":           {"forget_after": "1s"},
		"users: is 0":                   {"users": 0.0},
		`unknown: "maybe" is neither`:   {"unknown": "maybe"},
		"state: read state: open /dev/": {"state": "/dev/null/travel.json"},
		"speed: unknown key":            {"speed": 1.0},
	} {
		if got := sdktest.Refuses(t, plugin(&travel{log: io.Discard}), section); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
