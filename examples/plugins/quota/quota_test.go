package main

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

type object = map[string]any

// midnight is when the tests begin.
func midnight() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

func user(login string) sdktest.Facts {
	return sdktest.Facts{"source.name": "corp", "user.id": "id-" + login, "user.login": login}
}

// login is an outcome of a user, some time after midnight.
func login(user sdktest.Facts, verdict string, after time.Duration) sdktest.Outcome {
	return sdktest.Outcome{Verdict: verdict, Application: "vpn", Protocol: "radius", Time: midnight().Add(after), Facts: user}
}

// at are the facts of a login that is about to be decided.
func at(user sdktest.Facts, after time.Duration) sdktest.Facts {
	facts := sdktest.Facts{"now.unix": float64(midnight().Add(after).Unix())}
	maps.Copy(facts, user)
	return facts
}

func TestQuota(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 3.0, "window": "1h"})
	for _, o := range []sdktest.Outcome{
		login(user("erin"), "accept", 0),
		login(user("erin"), "reject", time.Minute),
		login(user("frank"), "accept", time.Minute),
		login(user("erin"), "accept", 30*time.Minute),
	} {
		h.Observe(o)
	}
	for _, tt := range []struct {
		user  string
		after time.Duration
		used  float64
		under bool // (2, "20m")
	}{
		{"erin", 30 * time.Minute, 2, true},
		{"frank", 30 * time.Minute, 1, true},
		{"grace", 30 * time.Minute, 0, true},
		{"erin", time.Hour - time.Second, 2, true},
		{"erin", time.Hour, 1, true}, // the window slides
		{"erin", 90 * time.Minute, 0, true},
	} {
		facts := at(user(tt.user), tt.after)
		used, left := h.Call("used", facts), h.Call("left", facts)
		if used != tt.used || left != 3-tt.used {
			t.Errorf("%s after %s: %v used, %v left; want %v used", tt.user, tt.after, used, left, tt.used)
		}
		if got := h.Call("under", facts, 2.0, "20m"); got != tt.under {
			t.Errorf("%s after %s: under(2, 20m) is %v", tt.user, tt.after, got)
		}
	}
	h.Observe(login(user("erin"), "accept", 31*time.Minute))
	if got := h.Call("under", at(user("erin"), 32*time.Minute), 2.0, "20m"); got != false {
		t.Errorf("two logins within 20m are under 2: %v", got)
	}
	if got := h.Call("left", at(user("erin"), 32*time.Minute)); got != 0.0 {
		t.Errorf("%v left of three", got)
	}
	h.Observe(login(user("erin"), "accept", 33*time.Minute)) // accepted at the same time as the one before
	if got := h.Call("left", at(user("erin"), 34*time.Minute)); got != 0.0 {
		t.Errorf("%v left of three after four", got)
	}
}

// TestLateOutcome: outcomes that come out of order count in their own time.
func TestLateOutcome(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 2.0, "window": "1h"})
	for _, after := range []time.Duration{50 * time.Minute, 10 * time.Minute, 40 * time.Minute} {
		h.Observe(login(user("erin"), "accept", after))
	}
	if got := h.Call("left", at(user("erin"), 80*time.Minute)); got != 0.0 {
		t.Errorf("%v left: the two last ones count", got)
	}
}

func TestApplications(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 2.0, "applications": []any{"mail"}})
	h.Observe(login(user("erin"), "accept", 0))
	if got := h.Call("used", at(user("erin"), 0)); got != 0.0 {
		t.Errorf("%v: logins to vpn do not count", got)
	}
	o := login(user("erin"), "accept", 0)
	o.Application = "mail"
	h.Observe(o)
	if got := h.Call("used", at(user("erin"), 0)); got != 1.0 {
		t.Errorf("%v: logins to mail count", got)
	}
}

// TestUsersAreApart: a login is one of its directory, with an identifier or without.
func TestUsersAreApart(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 2.0})
	h.Observe(login(sdktest.Facts{"source.name": "corp", "user.login": "erin"}, "accept", 0))
	for name, facts := range map[string]sdktest.Facts{
		"another directory": {"source.name": "lab", "user.login": "erin"}, "another login": {"source.name": "corp", "user.login": "frank"},
	} {
		if got := h.Call("used", at(facts, 0)); got != 0.0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := h.Try("left", at(sdktest.Facts{"source.name": "corp"}, 0)); err == nil {
		t.Error("nobody has logins left")
	}
}

// TestBounded: of more users than are listed, those who logged in last count.
func TestBounded(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 2.0, "users": 2.0})
	for i, name := range []string{"erin", "frank", "erin", "grace"} {
		h.Observe(login(user(name), "accept", time.Duration(i)*time.Second))
	}
	for name, want := range map[string]float64{"erin": 2, "frank": 0, "grace": 1} {
		if got := h.Call("used", at(user(name), time.Minute)); got != want {
			t.Errorf("%s: %v used, want %v", name, got, want)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 100.0})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				h.Observe(login(user("erin"), "accept", 0))
				h.Call("left", at(user("erin"), 0))
			}
		})
	}
	all.Wait()
	if got := h.Call("left", at(user("erin"), 0)); got != 20.0 {
		t.Errorf("%v left of 100 after 80", got)
	}
}

func TestRefusesArguments(t *testing.T) {
	h := sdktest.Start(t, plugin(&quota{}), object{"limit": 5.0, "window": "1h"})
	for want, args := range map[string][]any{
		"limit 6: want a whole number from 1 to 5": {6.0, "1h"},
		"limit 1.5":         {1.5, "1h"},
		"limit 0":           {0.0, "1h"},
		`window "2h"`:       {1.0, "2h"},
		`window "tomorrow"`: {1.0, "tomorrow"},
		`window "-1h"`:      {1.0, "-1h"},
	} {
		if got, err := h.Try("under", at(user("erin"), 0), args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("under(%v): %v, %v; want %q", args, got, err, want)
		}
	}
}

func TestRefusesSettings(t *testing.T) {
	for want, section := range map[string]object{
		"limit: is 0: say how many logins":   {},
		"limit: is 10001":                    {"limit": 10001.0},
		"window: is 0s":                      {"limit": 1.0, "window": "0s"},
		"window: is 1000h0m0s":               {"limit": 1.0, "window": "1000h"},
		"users: is 0":                        {"limit": 1.0, "users": 0.0},
		"users: 1000000 times a limit of 11": {"limit": 11.0, "users": 1000000.0},
		"window: is not a duration":          {"limit": 1.0, "window": 3600.0},
		"applications[0]: is a number":       {"limit": 1.0, "applications": []any{5.0}},
		"lim: unknown key; there are":        {"lim": 5.0},
	} {
		if got := sdktest.Refuses(t, plugin(&quota{}), section); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
