package sdktest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type settings struct {
	Team  string        `config:"team"`
	Every time.Duration `config:"every"`
}

// plugin knows whether somebody is in the team, and who logged in.
func plugin() (sdk.Plugin, *[]string) {
	var cfg settings
	seen := &[]string{}
	return sdk.Plugin{
		Name: "team",
		Functions: []sdk.Function{
			{Name: "in_team", Reads: []string{"user.groups", "user.last_login"}, Call: sdk.Func0(func(_ context.Context, f sdk.Facts) (bool, error) {
				return slices.Contains(f.Strings("user.groups"), cfg.Team), nil
			})},
			{Name: "twice", Args: []sdk.Arg{{Name: "n"}}, Call: sdk.Func1(func(_ context.Context, _ sdk.Facts, n float64) (float64, error) {
				if n < 0 {
					return 0, errors.New("negative")
				}
				return 2 * n, nil
			})},
			{Name: "huge", Call: sdk.Func0(func(context.Context, sdk.Facts) (string, error) { return strings.Repeat("x", 2<<20), nil })},
		},
		Configure: sdk.Config(settings{Team: "staff"}, func(_ context.Context, s settings) error {
			if s.Team == "" {
				return sdk.ConfigFault("team", "is empty")
			}
			cfg = s
			return nil
		}),
		ObserveReads: []string{"user.login"},
		Observe: func(_ context.Context, o sdk.Outcome) error {
			*seen = append(*seen, o.Facts.String("user.login")+" "+o.Reason)
			return nil
		},
	}, seen
}

func TestHarness(t *testing.T) {
	p, seen := plugin()
	h := sdktest.Start(t, p, map[string]any{"team": "noc"})
	if got := h.Call("in_team", sdktest.Facts{"user.groups": []string{"noc"}, "user.last_login": time.Now()}); got != true {
		t.Errorf("in the team: %v", got)
	}
	if got := h.Call("in_team", nil); got != false {
		t.Errorf("without facts: %v", got)
	}
	for _, tt := range []struct {
		function string
		facts    sdktest.Facts
		args     []any
		want     string
	}{
		{"twice", nil, []any{-1.0}, "negative"},
		{"twice", nil, []any{"1"}, "argument 1: want number, got string"},
		{"twice", nil, nil, "0 arguments, want 1"},
		{"thrice", nil, nil, "no function thrice"},
		{"in_team", sdktest.Facts{"user.login": "erin"}, nil, "fact user.login is not among"},
		{"huge", nil, nil, "larger than max"},
	} {
		if got, err := h.Try(tt.function, tt.facts, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want an error with %q", tt.function, got, err, tt.want)
		}
	}
	h.Observe(sdktest.Outcome{Verdict: "accept", Reason: "ok", Facts: sdktest.Facts{"user.login": "erin"}})
	if got := strings.Join(*seen, ","); got != "erin ok" {
		t.Errorf("observed %q", got)
	}
}

func TestRefuses(t *testing.T) {
	p, _ := plugin()
	for want, section := range map[string]map[string]any{
		"team: is empty": {"team": ""},
		"every: is not a duration; write one with its unit, such as 500ms, 5s or 15m": {"every": 5},
		"tema: unknown key; there are: every, team":                                   {"tema": "noc"},
	} {
		if got := sdktest.Refuses(t, p, section); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
