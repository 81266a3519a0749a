package policyengine

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
)

// counted is an expression that counts how often it is evaluated.
type counted struct {
	reads Reads
	calls int
	eval  func(ctx context.Context, in *Input) (Result, error)
}

func (c *counted) Reads() Reads { return c.reads }

func (c *counted) Eval(ctx context.Context, in *Input) (Result, error) {
	c.calls++
	if c.eval == nil {
		return Result{Passing: true, Messages: []string{"hello"}}, nil
	}
	return c.eval(ctx, in)
}

func caching(t testing.TB, entries int, expressions map[string]Expression, bindings ...config.Binding) *Engine {
	t.Helper()
	cfg := &config.Config{
		Policies: config.Policies{Cache: config.PolicyCache{Entries: entries, TTL: time.Minute}},
		Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
			Timeout: 5 * time.Second, Bindings: bindings,
		}}},
	}
	e, err := New(cfg, Options{Expressions: expressions})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func decide(t testing.TB, e *Engine, in *Input) Decision {
	t.Helper()
	d, err := e.Decide(t.Context(), StageAccess, in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// source is an entry of a look-up cache.
type source struct{ gone bool }

func (s *source) Current() bool { return !s.gone }

func TestCache(t *testing.T) {
	var look *source
	looks := func(ctx context.Context, _ *Input) (Result, error) {
		look = &source{}
		fresh.Note(ctx, look)
		return Result{Passing: true}, nil
	}
	elsewhere := func(in *Input) { in.ClientIP = netip.MustParseAddr("192.0.2.1") }
	for _, tt := range []struct {
		name   string
		policy counted
		// then happens between two decisions for the same login.
		then  func(in *Input)
		calls int
		want  PolicyCacheStats
	}{
		{"the same again", counted{}, nil, 1, PolicyCacheStats{Hits: 1, Misses: 1}},
		{"what it reads is the same", counted{reads: Reads{Paths: []Path{"request.user"}}}, elsewhere, 1, PolicyCacheStats{Hits: 1, Misses: 1}},
		{"what it reads is another", counted{reads: Reads{Paths: []Path{"client_ip"}}}, elsewhere, 2, PolicyCacheStats{Misses: 2}},
		{"before it ends", counted{}, func(*Input) { time.Sleep(time.Minute - 1) }, 1, PolicyCacheStats{Hits: 1, Misses: 1}},
		{"too old", counted{}, func(*Input) { time.Sleep(time.Minute) }, 2, PolicyCacheStats{Misses: 1, Stale: 1}},
		{"a look-up goes on", counted{eval: looks}, nil, 1, PolicyCacheStats{Hits: 1, Misses: 1}},
		{"a look-up has ended", counted{eval: looks}, func(*Input) { look.gone = true }, 2, PolicyCacheStats{Misses: 1, Stale: 1}},
		{"no path", counted{reads: Reads{Paths: []Path{"client_ip", "radius.eap"}}}, nil, 2, PolicyCacheStats{Uncacheable: 2, Reason: "no key is known for input.radius.eap"}},
		{"the whole input", counted{reads: Reads{Paths: []Path{""}}}, nil, 2, PolicyCacheStats{Uncacheable: 2, Reason: "it reads input.request.id, which is another one in each login"}},
		{"the second", counted{reads: Reads{Paths: []Path{"now"}}}, nil, 2, PolicyCacheStats{Uncacheable: 2, Reason: "it reads input.now.unix, which is the clock"}},
		{"as it says", counted{reads: Reads{Uncacheable: "it writes"}}, nil, 2, PolicyCacheStats{Uncacheable: 2, Reason: "it writes"}},
		{"a look-up that says never", counted{eval: func(ctx context.Context, _ *Input) (Result, error) {
			fresh.Never(ctx, "a die was cast")
			return Result{Passing: true}, nil
		}}, nil, 2, PolicyCacheStats{Uncacheable: 2}},
		{"an exception", counted{eval: func(context.Context, *Input) (Result, error) { return Result{Passing: true}, errBroken }}, nil, 2, PolicyCacheStats{Misses: 2}},
		{"a panic", counted{eval: func(context.Context, *Input) (Result, error) { panic("boom") }}, nil, 2, PolicyCacheStats{Misses: 2}},
		{"a late answer", counted{eval: func(context.Context, *Input) (Result, error) {
			time.Sleep(3 * time.Second)
			return Result{Passing: true}, nil
		}}, nil, 2, PolicyCacheStats{Misses: 2}},
		{"heavy texts", counted{eval: func(context.Context, *Input) (Result, error) {
			return Result{Passing: true, Messages: []string{strings.Repeat("x", maxWeight)}}, nil
		}}, nil, 2, PolicyCacheStats{Uncacheable: 2}},
		{"a heavy value", counted{eval: func(context.Context, *Input) (Result, error) {
			return Result{Passing: true, Raw: map[string]any{"a": []any{strings.Repeat("x", maxWeight)}}}, nil
		}}, nil, 2, PolicyCacheStats{Uncacheable: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := caching(t, 10, map[string]Expression{"x": &tt.policy}, bind(config.Binding{Policy: "x"}))
				in := alice()
				first := decide(t, e, in)
				if tt.then != nil {
					tt.then(in)
				}
				second := decide(t, e, in)
				if tt.policy.calls != tt.calls || first.Bindings[0].Cached || second.Bindings[0].Cached != (tt.calls == 1) {
					t.Errorf("evaluated %d times, want %d", tt.policy.calls, tt.calls)
				}
				if d := cmp.Diff(tt.want, e.CacheStats().Policies["x"]); d != "" {
					t.Errorf("numbers (-want +got):\n%s", d)
				}
			})
		})
	}
}

// TestCacheIsBounded: the oldest result goes, and 0 entries keep nothing.
func TestCacheIsBounded(t *testing.T) {
	for entries, want := range map[int]int{0: 3, 1: 3, 2: 2} {
		x := &counted{reads: Reads{Paths: []Path{"client_ip"}}}
		e := caching(t, entries, map[string]Expression{"x": x}, bind(config.Binding{Policy: "x"}))
		for _, ip := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
			in := alice()
			in.ClientIP = netip.MustParseAddr(ip)
			decide(t, e, in)
		}
		if n := e.CacheStats().Entries; x.calls != want || n > entries {
			t.Errorf("%d entries: evaluated %d times, want %d; %d are kept", entries, x.calls, want, n)
		}
	}
}

// TestPoliciesDoNotShareResults, though they read the same; bindings of the same
// policy do, and keep their own options.
func TestPoliciesDoNotShareResults(t *testing.T) {
	x := &counted{}
	y := &counted{eval: func(context.Context, *Input) (Result, error) { return Result{}, nil }}
	e := caching(t, 10, map[string]Expression{"x": x, "y": y},
		bind(config.Binding{Policy: "x"}), bind(config.Binding{Policy: "y"}),
		bind(config.Binding{Policy: "x", Negate: true, Message: "Not you."}))
	for range 2 {
		d := decide(t, e, alice())
		var got []bool
		for _, r := range d.Bindings {
			got = append(got, r.Passing)
		}
		if diff := cmp.Diff([]bool{true, false, false}, got); diff != "" {
			t.Errorf("passing (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"hello", "Not you.", "hello"}, d.Messages); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		d.Messages[0] = "changed" // is the caller's
	}
	if x.calls != 1 || y.calls != 1 {
		t.Errorf("evaluated %d and %d times, want once each", x.calls, y.calls)
	}
}

// TestCachedDecisionsCost holds a cached decision to the record and its message.
func TestCachedDecisionsCost(t *testing.T) {
	x := &counted{reads: Reads{Paths: []Path{"client_ip", "now.hour", "request.user.attributes", "request.user.groups"}}}
	e := caching(t, 10, map[string]Expression{"x": x}, bind(config.Binding{Policy: "x"}))
	in := alice()
	in.User.Attributes = map[string][]string{"a": {"1"}, "b": {"2"}, "c": nil}
	in.User.Groups = strings.Fields(strings.Repeat("group-of-a-name ", 30)) // more than fits a key
	decide(t, e, in)
	if got := testing.AllocsPerRun(100, func() { decide(t, e, in) }); got > 2 || x.calls != 1 {
		t.Errorf("%v allocations after %d evaluations", got, x.calls)
	}
}
