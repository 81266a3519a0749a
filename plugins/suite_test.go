package plugins

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/plugins/sdk"
	"github.com/sallyport-auth/sallyport/plugins/testdata/sample"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// both runs a test against the sample plugin inside of the test, and as a program
// of its own.
func both(t *testing.T, test func(t *testing.T, h *Host)) {
	settings := map[string]any{"greeting": "hello"}
	t.Run("inside", func(t *testing.T) {
		test(t, inside(t, sample.Plugin(), func(p *config.Plugin) { p.Config = settings }))
	})
	t.Run("external", func(t *testing.T) {
		h, _ := openHost(t, configFor(config.Plugin{Name: "sampled", Config: settings}), quick())
		test(t, h)
	})
}

// named is the sample's function, whatever program serves it.
func (h *Host) named(t *testing.T, function string) policyengine.Helper {
	t.Helper()
	return h.helper(t, h.Status()[0].Name+"."+function)
}

func TestDescribed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		d := h.Descriptions()[0]
		if d.CallsItself != "sample" || d.Version != "1.2.3" || !d.Observes || !cmp.Equal(d.Reads, []string{"user.login"}) || len(d.SHA256) != 64 {
			t.Errorf("described as %+v", d)
		}
		want := FunctionDescription{
			Name: "join", Doc: "join(texts, by) is all texts in one.", Result: "string", Class: "D", Timeout: 5 * time.Second,
			Args:  []ArgDescription{{"texts", "what to join", "list"}, {"by", "what stands between", "string"}},
			Reads: []string{},
		}
		if diff := cmp.Diff(want, d.Functions[0]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for name, want := range map[string]policyengine.Helper{
			"join":    {Class: "D", Result: "string", Args: []policyengine.ValueType{"list", "string"}, Reads: []policyengine.Path{}},
			"count":   {Class: "S", Result: "number", Reads: []policyengine.Path{}},
			"recent":  {Class: "S", Result: "number", TTL: time.Minute, Reads: []policyengine.Path{"client_ip", "request.user.username"}},
			"add":     {Class: "W", Result: "number", Args: []policyengine.ValueType{"number"}, Reads: []policyengine.Path{}},
			"who":     {Class: "N", Result: "object", Reads: []policyengine.Path{"request.user.groups", "request.user.username"}},
			"nothing": {Class: "D", Result: "list", Args: []policyengine.ValueType{"object"}, Reads: append([]policyengine.Path{policyengine.PathLogin}, userPaths()...)},
		} {
			got := h.named(t, name)
			got.Name, got.Doc, got.Condition = "", "", nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

// userPaths are those of all facts about the user, sorted.
func userPaths() []policyengine.Path {
	var paths []policyengine.Path
	for _, f := range userFacts() {
		paths = append(paths, f.path)
	}
	slices.Sort(paths)
	return paths
}

func TestCalls(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		for _, tt := range []struct {
			function string
			args     []any
			want     any
			err      string
		}{
			{"join", []any{[]any{"a", "b"}, "+"}, "a+b", ""},
			{"join", []any{[]any{}, ""}, "", ""},
			{"join", []any{[]any{1.0}, ""}, nil, "item 1 is no text"},
			{"join", []any{"a", "+"}, nil, "argument 1: want list, got string"},
			{"join", []any{[]any{"a"}}, nil, "1 arguments, want 2"},
			{"join", []any{[]any{"a"}, "\xff"}, nil, "argument 2"},
			{"greet", nil, "hello", ""}, // of the settings
			{"who", nil, map[string]any{"login": "erin", "groups": []any{"staff", "vpn-users"}, "email": nil}, ""},
			{"fail", nil, nil, "no idea"},
			{"panic", nil, nil, "oh dear"},
			{"hang", nil, nil, "deadline exceeded"},
		} {
			got, err := h.named(t, tt.function).Check(t.Context(), erin(), tt.args)
			if !cmp.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s(%v): %v, %v; want %v, %q", tt.function, tt.args, got, err, tt.want, tt.err)
			}
		}
	})
}

// TestKeptAnswers: what is kept for whom, and what callers who keep something
// themselves learn of it.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		call := func(name string, in *policyengine.Input, args ...any) (any, *fresh.Sources) {
			t.Helper()
			ctx, sources := fresh.Watch(t.Context())
			got, err := h.named(t, name).Check(ctx, in, args)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return got, sources
		}
		remembered := func(name string, args ...any) bool {
			t.Helper()
			ctx, flag := policyengine.WatchRemembered(t.Context())
			if _, err := h.named(t, name).Check(ctx, erin(), args); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return flag.Load()
		}
		frank := erin()
		user := *frank.User
		user.Login, frank.User = "frank", &user
		other := erin()
		other.RequestID, other.Login = "r2", "ERIN@corp" // not read

		first, sources := call("recent", erin())
		again, _ := call("recent", other)
		another, _ := call("recent", frank)
		if first != again || first == another || !sources.Current() {
			t.Errorf("recent: %v, %v, another user %v, current %v", first, again, another, sources.Current())
		}
		if ok, why := sources.Keep(); !ok {
			t.Error(why)
		}
		if s := h.Status()[0]; s.Remembered != 1 || s.Kept != 2 || s.Calls != 2 {
			t.Errorf("status %+v", s)
		}
		if !remembered("recent") || remembered("count") || remembered("count") {
			t.Error("it is not told which answers were kept")
		}
		h.programs[0].results.forget()
		if sources.Current() {
			t.Error("current, though nothing is kept any more")
		}

		one, sources := call("count", erin())
		two, _ := call("count", erin())
		if one == two || sources.Current() {
			t.Errorf("a function of class S without TTL: %v, %v", one, two)
		}
		calls := h.Status()[0].Calls
		for range 3 {
			if got, sources := call("join", erin(), []any{"a"}, ""); got != "a" || !sources.Current() {
				t.Errorf("join: %v, current %v", got, sources.Current())
			}
			call("join", frank, []any{"a"}, "")
		}
		call("join", erin(), []any{"a", "b"}, "")
		call("join", erin(), []any{"ab"}, "")
		if n := h.Status()[0].Calls - calls; n != 3 {
			t.Errorf("%d calls of a deterministic function with three sets of arguments", n)
		}
		call("join", erin(), []any{strings.Repeat("x", maxResult)}, "")
		kept := h.Status()[0].Kept
		call("join", erin(), []any{strings.Repeat("x", maxResult)}, "")
		if h.Status()[0].Kept != kept || h.Status()[0].Calls != calls+5 {
			t.Error("a large answer is kept")
		}
		for name, args := range map[string][]any{"fail": nil, "hang": nil} {
			ctx, sources := fresh.Watch(t.Context())
			if _, err := h.named(t, name).Check(ctx, erin(), args); err == nil || sources.Current() {
				t.Errorf("%s: %v, current %v", name, err, sources.Current())
			}
		}
	})
}

func TestSideEffects(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		add := h.named(t, "add")
		for want := 1.0; want <= 2; want++ {
			ctx, sources := fresh.Watch(t.Context())
			if got, err := add.Check(ctx, erin(), []any{1.0}); err != nil || got != want || sources.Current() {
				t.Errorf("%v, %v, current %v; want %v", got, err, sources.Current(), want)
			}
		}
		if got, err := add.Check(policyengine.WithoutEffects(t.Context()), erin(), []any{1.0}); err == nil {
			t.Errorf("without effects: %v", got)
		}
		if got, err := h.named(t, "join").Check(policyengine.WithoutEffects(t.Context()), erin(), []any{[]any{}, ""}); err != nil || got != "" {
			t.Errorf("a function without effects: %v, %v", got, err)
		}
		if got, err := add.Check(t.Context(), erin(), []any{0.0}); err != nil || got != 2.0 {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	})
}

func TestObserve(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		if !h.Observes() {
			t.Fatal("no observer")
		}
		nobody := &policyengine.Input{Application: "vpn", Protocol: "radius", Login: "mallory"}
		h.Observe(Outcome{Verdict: "accept", Reason: "ok", Input: erin(), Time: time.Unix(1, 0)})
		h.Observe(Outcome{Verdict: "reject", Reason: "unknown_user", Input: nobody, Time: time.Unix(2, 0)})
		h.Observe(Outcome{Verdict: "reject", Reason: "overloaded", Time: time.Unix(3, 0)})
		eventually(t, 30*time.Second, "told", func() bool { return h.Status()[0].Observed == 3 })
		got, err := h.named(t, "seen").Check(t.Context(), erin(), nil)
		want := []any{"accept ok vpn radius erin 1", "reject unknown_user vpn radius  2", "reject overloaded    3"}
		if diff := cmp.Diff(any(want), got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// TestObserverIsSlow: logins never wait for an observer, and what it has no time
// for is counted.
func TestObserverIsSlow(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	p := sample.Plugin()
	p.Observe = func(ctx context.Context, _ sdk.Outcome) error {
		select {
		case <-block:
		case <-ctx.Done():
		}
		return errors.New("too late")
	}
	h := inside(t, p)
	begin := time.Now()
	for range maxOutcomes + 100 {
		h.Observe(Outcome{Verdict: "accept", Input: erin()})
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if lost := h.Status()[0].Lost; lost < 90 || lost > 100 {
		t.Errorf("%d lost of those that had no room", lost)
	}
	if got, err := h.named(t, "greet").Check(t.Context(), erin(), nil); err != nil || got != "" {
		t.Errorf("a call meanwhile: %v, %v", got, err)
	}
	close(block)
	eventually(t, 30*time.Second, "through", func() bool { return h.Status()[0].Lost == maxOutcomes+100 })
	h.Close()
}

// TestStatusCounts: calls, errors and times.
func TestStatusCounts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, h *Host) {
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				_, _ = h.named(t, "count").Check(t.Context(), erin(), nil)
				_, _ = h.named(t, "fail").Check(t.Context(), erin(), nil)
			})
		}
		callers.Wait()
		s := h.Status()[0]
		if s.Calls != 16 || s.Errors != 8 || s.Latency.Count != 16 || s.Latency.Sum <= 0 || s.Running != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		most := 0.0
		for bound := range maps.Keys(s.Latency.Buckets) {
			most = max(most, bound)
		}
		if s.Latency.Buckets[most] != 16 {
			t.Errorf("buckets %v", s.Latency.Buckets)
		}
	})
}
