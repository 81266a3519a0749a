// Package sample is a well-behaved condition helper, which the tests of the host
// run inside of themselves and as a program.
package sample

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

type settings struct {
	Greeting string `config:"greeting"`
}

// Plugin makes the helper.
func Plugin() sdk.Plugin {
	var (
		cfg   settings
		calls atomic.Int64
		sum   atomic.Int64
		mu    sync.Mutex
		seen  = []string{}
	)
	count := func(context.Context, sdk.Facts) (float64, error) { return float64(calls.Add(1)), nil }
	return sdk.Plugin{
		Name: "sample", Version: "1.2.3",
		Functions: []sdk.Function{
			{
				Name: "join", Doc: "join(texts, by) is all texts in one.", Class: sdk.Deterministic,
				Args: []sdk.Arg{{Name: "texts", Doc: "what to join"}, {Name: "by", Doc: "what stands between"}},
				Call: sdk.Func2(func(_ context.Context, _ sdk.Facts, texts []string, by string) (string, error) {
					return strings.Join(texts, by), nil
				}),
			},
			{Name: "count", Class: sdk.ReadsState, Call: sdk.Func0(count)},
			{Name: "recent", Class: sdk.ReadsState, TTL: 60e9, Reads: []string{"user.login", "client_ip"}, Call: sdk.Func0(count)},
			{Name: "add", Class: sdk.SideEffect, Args: []sdk.Arg{{Name: "n"}}, Call: sdk.Func1(func(_ context.Context, _ sdk.Facts, n float64) (float64, error) {
				return float64(sum.Add(int64(n))), nil
			})},
			{Name: "who", Reads: []string{"user.login", "user.groups"}, Call: sdk.Func0(func(_ context.Context, f sdk.Facts) (map[string]any, error) {
				return map[string]any{"login": f.String("user.login"), "groups": f.Strings("user.groups"), "email": f.Value("user.email")}, nil
			})},
			{Name: "nothing", Class: sdk.Deterministic, Reads: []string{"login", "user.*"}, Args: []sdk.Arg{{Name: "o"}}, Call: sdk.Func1(
				func(context.Context, sdk.Facts, map[string]any) ([]any, error) { return nil, nil })},
			{Name: "greet", Call: sdk.Func0(func(context.Context, sdk.Facts) (string, error) { return cfg.Greeting, nil })},
			{Name: "fail", Call: sdk.Func0(func(context.Context, sdk.Facts) (bool, error) { return true, errors.New("no idea") })},
			{Name: "panic", Call: sdk.Func0(func(context.Context, sdk.Facts) (bool, error) { panic("oh dear") })},
			{Name: "hang", Deadline: 50e6, Call: sdk.Func0(func(ctx context.Context, _ sdk.Facts) (bool, error) {
				<-ctx.Done()
				return true, ctx.Err()
			})},
			{Name: "seen", Class: sdk.ReadsState, Call: sdk.Func0(func(context.Context, sdk.Facts) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				return append([]string{}, seen...), nil
			})},
		},
		Configure: sdk.Config(settings{}, func(_ context.Context, s settings) error {
			cfg = s
			return nil
		}),
		ObserveReads: []string{"user.login"},
		Observe: func(_ context.Context, o sdk.Outcome) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s %s %s %s %s %d", o.Verdict, o.Reason, o.Application, o.Protocol, o.Facts.String("user.login"), o.Time.Unix()))
			return nil
		},
	}
}
