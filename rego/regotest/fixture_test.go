package regotest_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

func TestFixtureFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"unknown key":            {"clock: 2026-01-05T12:00:00Z\nuser: []\n", []string{`w.yaml:2:1: user: unknown key, did you mean "users"?`}},
		"unknown key of a user":  {"users:\n  - {username: a, actve: true}\n", []string{`w.yaml:2:19: users[0].actve: unknown key, did you mean "active"?`}},
		"no username":            {"users: [{name: A}]\n", []string{"users[0].username: is missing"}},
		"user twice":             {"users: [{username: a}, {username: A}]\n", []string{`users[1].username: there is another user "A" in directory local`}},
		"group twice":            {"groups: [{name: a}, {name: a}]\n", []string{`groups[1].name: there is another group "a"`}},
		"attribute is no list":   {"users: [{username: a, attributes: {x: y}}]\n", []string{"users[0].attributes.x: "}},
		"clock":                  {"clock: tomorrow\n", []string{"w.yaml:1:8: clock: "}},
		"time zone":              {"time_zone: Mars/Olympus\n", []string{"time_zone: "}},
		"address":                {"dns: {h.example: [10.0.0]}\n", []string{`dns.h.example[0]: "10.0.0" is no address`}},
		"url":                    {"requests: {\"members\": {status: 200}}\n", []string{`"members" is neither the URL of a GET nor POST and a URL`}},
		"method":                 {"requests: {\"PUT https://h.example/\": {}}\n", []string{"is neither"}},
		"status":                 {"requests: {\"https://h.example/\": {status: 99}}\n", []string{".status: "}},
		"body and json":          {"requests: {\"https://h.example/\": {body: x, json: 1}}\n", []string{"has a body and json"}},
		"function":               {"plugins: {calendar: false}\n", []string{`"calendar" is no name of a function: write PLUGIN.FUNCTION`}},
		"function without value": {"plugins: {calendar.x: null}\n", []string{"plugins do not answer null"}},
		"case":                   {"plugins: {calendar.x: [{args: [1]}]}\n", []string{"item 1: write {args: [ARGUMENT, …], result: VALUE}"}},
		"case with more":         {"plugins: {calendar.x: [{args: [1], result: 1, x: 1}]}\n", []string{"item 1: write"}},
		"results of two types":   {"plugins: {calendar.x: [{args: [1], result: 1}, {args: [2], result: x}]}\n", []string{"plugins.calendar.x: its results are of several types"}},
		"cases of two lengths":   {"plugins: {calendar.x: [{args: [1], result: 1}, {args: [], result: 2}]}\n", []string{"item 2 has 0 arguments, and item 1 has 1"}},
		"scoped":                 {"scoped: {p: maybe}\n", []string{"scoped.p: "}},
		"several":                {"time_zone: X\ngroups: [{name: a}, {name: a}]\n", []string{"time_zone: ", "groups[1].name"}},
		"empty":                  {"", []string{"w.yaml:1:1: the file is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := regotest.ParseFixture("w.yaml", []byte(tt.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "w.yaml:") {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := regotest.ReadFixture("none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a fixture that is not there: %v", err)
	}
}

func TestFixtureClock(t *testing.T) {
	for text, want := range map[string]string{
		"clock: 2026-11-25T10:30:00+01:00\n":                            "10:30 +01:00",
		"clock: 2026-11-25T10:30:00Z\ntime_zone: Europe/Berlin\n":       "11:30 Europe/Berlin",
		"clock: 2026-11-25T10:30:00Z\n":                                 "10:30 UTC",
		"time_zone: Europe/Berlin\n":                                    "13:00 Europe/Berlin",
		"clock: \"2026-07-01T00:00:00-05:00\"\ntime_zone: Asia/Tokyo\n": "14:00 Asia/Tokyo",
	} {
		f := fixture(t, text)
		if got := f.Now().Format("15:04 ") + f.Now().Location().String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if now := time.Now(); !regotest.Empty(now).Now().Equal(now) {
		t.Error("another clock")
	}
}

func fixture(t *testing.T, text string) *regotest.Fixture {
	t.Helper()
	f, err := regotest.ParseFixture("users.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFixtureDNS(t *testing.T) {
	f := fixture(t, "dns: {H.example.: [\"2001:db8::1\", 192.0.2.9, 192.0.2.10, \"::ffff:192.0.2.9\"]}\n")
	for _, tt := range []struct {
		host    string
		version int
		want    []string
	}{
		{"h.example", 0, []string{"192.0.2.10", "192.0.2.9", "2001:db8::1"}},
		{"H.EXAMPLE.", 4, []string{"192.0.2.10", "192.0.2.9"}},
		{"h.example", 6, []string{"2001:db8::1"}},
		{"none.example", 0, []string{}},
		{"192.0.2.1", 0, []string{"192.0.2.1"}},
		{"192.0.2.1", 6, []string{}},
	} {
		if got, err := f.Lookup(t.Context(), tt.host, tt.version); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s, %d: %q, %v", tt.host, tt.version, got, err)
		}
	}
	for addr, want := range map[string]string{"192.0.2.9": "h.example", "2001:db8::1": "h.example", "192.0.2.1": "192.0.2.1", "": ""} {
		if got, err := f.Reverse(t.Context(), addr); err != nil || got != want {
			t.Errorf("%s: %s, %v", addr, got, err)
		}
	}
	if _, err := f.Reverse(t.Context(), "h.example"); err == nil {
		t.Error("a name has a name")
	}
}

func TestFixtureRequests(t *testing.T) {
	f := fixture(t, `requests:
  "https://h.example/a?x=1": {json: {days: 3}, headers: {X-Site: north}}
  "GET https://h.example/text": {status: 404, body: "no such page"}
  "POST https://h.example/a": {status: 201}
`)
	r, err := f.Do(t.Context(), http.MethodGet, "https://h.example/a", webget.Options{Params: map[string]string{"x": "1"}})
	if err != nil || r.Status != 200 || r.Body != `{"days":3}` || r.Headers["x-site"] != "north" || r.JSON == nil {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = f.Do(t.Context(), http.MethodGet, "https://h.example/text", webget.Options{}); err != nil || r.Status != 404 || r.Body != "no such page" || r.JSON != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = f.Do(t.Context(), http.MethodPost, "https://h.example/a", webget.Options{}); err != nil || r.Status != 201 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, at := range []string{"https://h.example/a", "https://h.example/b", "::"} {
		if _, err := f.Do(t.Context(), http.MethodGet, at, webget.Options{}); err == nil {
			t.Errorf("%s has an answer", at)
		}
	}
}

func FuzzFixture(f *testing.F) {
	if text, err := os.ReadFile(cookbook + "/users.yaml"); err == nil {
		f.Add(text)
	}
	for _, text := range []string{"", "clock: x", "users: [{username: a, groups: [a]}]", "plugins: {a.b: [{args: [1], result: [x]}]}", "requests: {\"POST https://x/\": {json: {a: 1}}}", "dns: {a: [::1]}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fixture, err := regotest.ParseFixture("f.yaml", text)
		if (fixture == nil) == (err == nil) {
			t.Fatalf("%v with %v", fixture, err)
		}
		if err == nil {
			if _, err := fixture.Given(nil); err != nil {
				t.Errorf("no login: %v", err)
			}
		}
	})
}
