package main

import (
	"math"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

type object = map[string]any

func sites() []any {
	return []any{
		object{"name": "berlin", "lat": 52.52, "long": 13.405, "radius_km": 50.0},
		object{"name": "suva", "lat": -18.14, "long": 178.44, "radius_km": 500.0},
	}
}

// from are the facts of a login from a place.
func from(lat, long float64) sdktest.Facts {
	return sdktest.Facts{"geoip.lat": lat, "geoip.long": long, "client_ip_known": true}
}

func TestInside(t *testing.T) {
	h := sdktest.Start(t, plugin(), object{"sites": sites()})
	for _, tt := range []struct {
		name   string
		login  sdktest.Facts
		inside bool
		berlin bool
	}{
		{"Alexanderplatz", from(52.5219, 13.4132), true, true},
		{"Potsdam", from(52.39, 13.06), true, true},
		{"Hamburg", from(53.55, 9.99), false, false},
		{"Suva", from(-18.14, 178.44), true, false},
		{"beyond the date line", from(-18.14, -179.5), true, false},
		{"other side of the earth", from(-52.52, -166.595), false, false},
		{"null island", from(0, 0), false, false},
	} {
		if got := h.Call("inside", tt.login); got != tt.inside {
			t.Errorf("%s: inside() is %v", tt.name, got)
		}
		if got := h.Call("inside_site", tt.login, "berlin"); got != tt.berlin {
			t.Errorf("%s: inside_site(berlin) is %v", tt.name, got)
		}
		if got := h.Call("located", tt.login); got != true {
			t.Errorf("%s is not located", tt.name)
		}
	}
}

func TestDistance(t *testing.T) {
	h := sdktest.Start(t, plugin(), object{"sites": sites()})
	for _, tt := range []struct {
		site      string
		lat, long float64
		want      float64
	}{
		{"berlin", 52.52, 13.405, 0},
		{"berlin", 48.8566, 2.3522, 877.5},         // Paris
		{"berlin", 40.7128, -74.006, 6385.1},       // New York
		{"suva", -18.14, -178.44, 329.7},           // over the date line
		{"suva", 18.14, -1.56, math.Pi * 6371.009}, // the other side
	} {
		got := h.Call("distance_km", from(tt.lat, tt.long), tt.site).(float64)
		if math.Abs(got-tt.want) > 1 {
			t.Errorf("from %g, %g to %s: %g km, want %g", tt.lat, tt.long, tt.site, got, tt.want)
		}
	}
	if _, err := h.Try("distance_km", from(1, 1), "Berlin"); err == nil || !strings.Contains(err.Error(), `no site "Berlin"`) || !strings.Contains(err.Error(), "berlin, suva") {
		t.Errorf("unknown site: %v", err)
	}
}

// TestUnknown: a login from nobody knows where is an error, or what was set.
func TestUnknown(t *testing.T) {
	strangers := map[string]sdktest.Facts{
		"no location":       {"client_ip_known": true},
		"latitude alone":    {"geoip.lat": 52.52, "client_ip_known": true},
		"location of a NAS": {"geoip.lat": 52.52, "geoip.long": 13.405, "client_ip_known": false},
	}
	for setting, want := range map[string]any{"": nil, "error": nil, "inside": true, "outside": false} {
		section := object{"sites": sites()}
		if setting != "" {
			section["unknown"] = setting
		}
		h := sdktest.Start(t, plugin(), section)
		for name, login := range strangers {
			for function, args := range map[string][]any{"inside": nil, "inside_site": {"berlin"}} {
				got, err := h.Try(function, login, args...)
				if (err != nil) != (want == nil) || got != want {
					t.Errorf("unknown: %q, %s: %s is %v, %v", setting, name, function, got, err)
				}
			}
			if _, err := h.Try("distance_km", login, "berlin"); err == nil {
				t.Errorf("%s: a distance from nowhere", name)
			}
			if h.Call("located", login) != false {
				t.Errorf("%s is located", name)
			}
		}
		if _, err := h.Try("inside", from(91, 0)); err == nil {
			t.Error("a place beyond the pole is one")
		}
	}
	h := sdktest.Start(t, plugin(), object{"sites": sites(), "peer": true})
	if got := h.Call("inside", strangers["location of a NAS"]); got != true {
		t.Errorf("peer: true, %v", got)
	}
}

func TestRefusesSettings(t *testing.T) {
	berlin := sites()[0]
	for want, section := range map[string]object{
		"sites: lists 0 sites":                                 {},
		"sites[1].name: \"berlin\" is the name of another":     {"sites": []any{berlin, berlin}},
		"sites[0]: has no name":                                {"sites": []any{object{"lat": 1.0, "long": 1.0, "radius_km": 1.0}}},
		"sites[0]: has no place":                               {"sites": []any{object{"name": "a", "lat": 1.0, "radius_km": 1.0}}},
		"sites[0]: lat goes from -90 to 90":                    {"sites": []any{object{"name": "a", "lat": 91.0, "long": 1.0, "radius_km": 1.0}}},
		"sites[0]: radius_km must be given, and more than 0":   {"sites": []any{object{"name": "a", "lat": 1.0, "long": 1.0, "radius_km": 0.0}}},
		"sites[0].radius: unknown key":                         {"sites": []any{object{"name": "a", "radius": 1.0}}},
		"unknown: \"maybe\" is none of error, inside, outside": {"sites": []any{berlin}, "unknown": "maybe"},
	} {
		if got := sdktest.Refuses(t, plugin(), section); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
