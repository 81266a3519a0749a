package policyengine

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// fakePolicy is an expression that does what a test says.
type fakePolicy func(ctx context.Context, in *Input) (Result, error)

func (f fakePolicy) Eval(ctx context.Context, in *Input) (Result, error) { return f(ctx, in) }
func (fakePolicy) Reads() Reads                                          { return Reads{Paths: []Path{""}} }

func says(passing bool, messages ...string) fakePolicy {
	return func(context.Context, *Input) (Result, error) {
		return Result{Passing: passing, Messages: messages, Raw: passing}, nil
	}
}

var errBroken = errors.New("the disk of 10.0.0.9 is full")

var policies = map[string]Expression{
	"yes":   says(true),
	"hello": says(true, "hello"),
	"no":    says(false),
	"why":   says(false, "because"),
	"what":  says(false, "one", "two"),
	"breaks": fakePolicy(func(context.Context, *Input) (Result, error) {
		return Result{Passing: true, Messages: []string{"secret text"}}, errBroken
	}),
	"panics": fakePolicy(func(context.Context, *Input) (Result, error) { panic("boom") }),
	"hangs": fakePolicy(func(ctx context.Context, _ *Input) (Result, error) {
		<-ctx.Done()
		return Result{Passing: true, Messages: []string{"late"}}, ctx.Err()
	}),
	"sleeps": fakePolicy(func(context.Context, *Input) (Result, error) {
		time.Sleep(3 * time.Second)
		return Result{Passing: true}, nil
	}),
}

// bind makes a binding with the defaults that a configuration file would have.
func bind(b config.Binding) config.Binding {
	b.Enabled = true
	if b.Timeout == 0 {
		b.Timeout = 2 * time.Second
	}
	if b.FailureResult == "" {
		b.FailureResult = "refuse"
	}
	if b.Stage == "" {
		b.Stage = "access"
	}
	return b
}

func engineFor(t testing.TB, mode string, bindings ...config.Binding) *Engine {
	t.Helper()
	set, err := scoped.Compile([]scoped.Policy{
		{Name: "office", Scope: "authorization", Client: []string{"10.0.0.0/8"}, Active: true, Priority: 1},
		{Name: "asleep", Scope: "authorization", Priority: 1},
	}, scoped.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{
		Realms: map[string]*config.Realm{"Corp": {}, "lab": {}},
		Applications: map[string]*config.Application{
			"vpn": {Policies: config.ApplicationPolicies{Mode: mode, Message: "Access denied.", Timeout: 5 * time.Second, Bindings: bindings}},
		},
	}
	e, err := New(cfg, Options{Scoped: set, Expressions: policies})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func alice() *Input {
	return &Input{
		RequestID: "r1", Application: "vpn", Realm: "Corp",
		User:     &identity.User{Login: "Alice", Groups: []string{"staff", "vpn-users"}},
		ClientIP: netip.MustParseAddr("10.1.2.3"),
	}
}

func TestDecide(t *testing.T) {
	type want struct {
		allowed, failed bool
		policy          string
		messages        []string
	}
	denied := []string{"Access denied."}
	for _, tt := range []struct {
		name     string
		mode     string
		bindings []config.Binding
		want     want
	}{
		{"no bindings", "all", nil, want{allowed: true}},
		{"no bindings, any", "any", nil, want{allowed: true}},
		{"group", "all", []config.Binding{{Group: "vpn-users"}}, want{allowed: true, policy: "group vpn-users"}},
		{"other group", "all", []config.Binding{{Group: "admins"}}, want{policy: "group admins", messages: denied}},
		{"group in other case", "all", []config.Binding{{Group: "VPN-users"}}, want{policy: "group VPN-users", messages: denied}},
		{"user", "all", []config.Binding{{User: "alice"}}, want{allowed: true, policy: "user alice"}},
		{"user in realm", "all", []config.Binding{{User: "ALICE@corp"}}, want{allowed: true, policy: "user ALICE@corp"}},
		{"user in other realm", "all", []config.Binding{{User: "alice@lab"}}, want{policy: "user alice@lab", messages: denied}},
		{"other user", "all", []config.Binding{{User: "bob"}}, want{policy: "user bob", messages: denied}},
		{"scoped", "all", []config.Binding{{Scoped: "office"}}, want{allowed: true, policy: "scoped office"}},
		{"inactive scoped", "all", []config.Binding{{Scoped: "asleep"}}, want{policy: "scoped asleep", messages: denied}},
		{"policy refuses", "all", []config.Binding{{Policy: "why"}}, want{policy: "policy why", messages: []string{"because"}}},
		{"policy passes with a message", "all", []config.Binding{{Policy: "hello"}}, want{allowed: true, policy: "policy hello", messages: []string{"hello"}}},
		{"binding's message first", "all", []config.Binding{{Policy: "what", Message: "Ask Bob."}}, want{policy: "policy what", messages: []string{"Ask Bob.", "one", "two"}}},
		{"message of a group", "all", []config.Binding{{Group: "admins", Message: "Admins only."}}, want{policy: "group admins", messages: []string{"Admins only."}}},
		{"message unused when passing", "all", []config.Binding{{Group: "staff", Message: "Staff only."}}, want{allowed: true, policy: "group staff"}},

		{"all: one refuses", "all", []config.Binding{{Policy: "hello"}, {Policy: "why"}, {Policy: "what"}}, want{policy: "policy why", messages: []string{"hello", "because", "one", "two"}}},
		{"all pass", "all", []config.Binding{{Policy: "yes"}, {Group: "staff"}}, want{allowed: true}},
		{"any: one passes", "any", []config.Binding{{Policy: "why", Message: "No."}, {Policy: "hello"}}, want{allowed: true, policy: "policy hello", messages: []string{"because", "hello"}}},
		{"any: none passes", "any", []config.Binding{{Policy: "why"}, {Group: "admins", Message: "Admins only."}}, want{policy: "policy why", messages: []string{"because", "Admins only."}}},
		{"order, then as written", "all", []config.Binding{{Policy: "what", Order: 5}, {Policy: "why", Order: 5}, {Policy: "hello", Order: -1}}, want{policy: "policy what", messages: []string{"hello", "one", "two", "because"}}},

		{"negate a pass", "all", []config.Binding{{Policy: "hello", Negate: true}}, want{policy: "policy hello", messages: []string{"hello"}}},
		{"negate a refusal", "all", []config.Binding{{Group: "admins", Negate: true, Message: "unused"}}, want{allowed: true, policy: "group admins"}},

		{"failure refuses", "all", []config.Binding{{Policy: "breaks", Message: "unused"}}, want{failed: true, policy: "policy breaks", messages: denied}},
		{"failure is not negated", "all", []config.Binding{{Policy: "breaks", Negate: true}}, want{failed: true, policy: "policy breaks", messages: denied}},
		{"failure passes by choice", "all", []config.Binding{{Policy: "breaks", FailureResult: "pass"}}, want{allowed: true, policy: "policy breaks"}},
		{"a passing failure is not negated", "all", []config.Binding{{Policy: "breaks", FailureResult: "pass", Negate: true}}, want{allowed: true, policy: "policy breaks"}},
		{"panic", "all", []config.Binding{{Policy: "panics"}}, want{failed: true, policy: "policy panics", messages: denied}},
		{"all: a refusal comes before a failure", "all", []config.Binding{{Policy: "breaks"}, {Policy: "why"}}, want{policy: "policy why", messages: []string{"because"}}},
		{"any: a failure comes before a refusal", "any", []config.Binding{{Policy: "why"}, {Policy: "breaks"}}, want{failed: true, policy: "policy breaks", messages: []string{"because"}}},
		{"any: a pass beats a failure", "any", []config.Binding{{Policy: "breaks"}, {Policy: "yes"}}, want{allowed: true, policy: "policy yes"}},

		{"dry run does not refuse", "all", []config.Binding{{Policy: "why", DryRun: true}, {Policy: "yes"}}, want{allowed: true, policy: "policy yes"}},
		{"dry run does not let in", "any", []config.Binding{{Policy: "hello", DryRun: true}, {Policy: "why"}}, want{policy: "policy why", messages: []string{"because"}}},
		{"nothing but dry runs", "any", []config.Binding{{Policy: "why", DryRun: true}}, want{allowed: true}},
		{"a failing dry run", "all", []config.Binding{{Policy: "breaks", DryRun: true}}, want{allowed: true}},
		{"another stage", "all", []config.Binding{{Policy: "no", Stage: "admission"}}, want{allowed: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.bindings {
				tt.bindings[i] = bind(tt.bindings[i])
			}
			d, err := engineFor(t, tt.mode, tt.bindings...).Decide(t.Context(), StageAccess, alice())
			if err != nil {
				t.Fatal(err)
			}
			got := want{d.Allowed, d.Failed, d.Policy, d.Messages}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if !d.Allowed && len(d.Messages) == 0 {
				t.Error("a refusal without a text")
			}
		})
	}
}

// TestDecideCosts holds what is asked for every login to what it needs.
func TestDecideCosts(t *testing.T) {
	e := engineFor(t, "all", bind(config.Binding{Group: "vpn-users"}), bind(config.Binding{Scoped: "office"}))
	for _, tt := range []struct {
		stage Stage
		want  float64
	}{
		{StageAdmission, 0}, // which has no bindings
		{StageAccess, 1},    // the trace
	} {
		in := alice()
		got := testing.AllocsPerRun(100, func() {
			if d, err := e.Decide(t.Context(), tt.stage, in); err != nil || !d.Allowed {
				t.Error(d, err)
			}
		})
		if got > tt.want {
			t.Errorf("stage %s: %v allocations, want at most %v", tt.stage, got, tt.want)
		}
	}
}

func BenchmarkBindings(b *testing.B) {
	for name, bindings := range map[string][]config.Binding{
		"none": nil, "group": {bind(config.Binding{Group: "vpn-users"})}, "policy": {bind(config.Binding{Policy: "yes"})},
	} {
		b.Run(name, func(b *testing.B) {
			e, in := engineFor(b, "all", bindings...), alice()
			b.ReportAllocs()
			for b.Loop() {
				if d, err := e.Decide(b.Context(), StageAccess, in); err != nil || !d.Allowed {
					b.Fatal(d, err)
				}
			}
		})
	}
}

func TestRecords(t *testing.T) {
	off := bind(config.Binding{Policy: "no"})
	off.Enabled = false
	e := engineFor(t, "all", off,
		bind(config.Binding{Policy: "hello"}),
		bind(config.Binding{Policy: "breaks", FailureResult: "pass"}),
		bind(config.Binding{Policy: "why", DryRun: true, Message: "Not you."}))
	d, err := e.Decide(t.Context(), StageAccess, alice())
	if err != nil {
		t.Fatal(err)
	}
	if !d.Allowed || len(d.Bindings) != 4 {
		t.Fatalf("decision %+v", d)
	}
	disabled, hello, broke, dry := d.Bindings[0], d.Bindings[1], d.Bindings[2], d.Bindings[3]
	if disabled.Skipped == "" || disabled.Passing {
		t.Errorf("disabled: %+v", disabled)
	}
	if !hello.Passing || hello.Raw != true || hello.Name != "policy hello" {
		t.Errorf("hello: %+v", hello)
	}
	if !broke.Passing || !errors.Is(broke.Err, errBroken) || broke.Messages != nil {
		t.Errorf("broke: %+v", broke)
	}
	if !dry.DryRun || dry.Passing || !slices.Equal(dry.Messages, []string{"because"}) {
		t.Errorf("dry run: %+v", dry)
	}
}

func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name     string
		bindings []config.Binding
		took     time.Duration
		failures int
	}{
		{"binding", []config.Binding{{Policy: "hangs", Timeout: 300 * time.Millisecond}}, 300 * time.Millisecond, 1},
		{"a late answer is none", []config.Binding{{Policy: "sleeps"}}, 3 * time.Second, 1},
		{"decision", []config.Binding{{Policy: "hangs"}, {Policy: "hangs"}, {Policy: "hangs"}, {Policy: "hangs"}}, 5 * time.Second, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i := range tt.bindings {
					tt.bindings[i] = bind(tt.bindings[i])
				}
				start := time.Now()
				d, err := engineFor(t, "all", tt.bindings...).Decide(t.Context(), StageAccess, alice())
				if err != nil {
					t.Fatal(err)
				}
				if d.Allowed || !d.Failed {
					t.Errorf("decision %+v", d)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				for _, r := range d.Bindings[:tt.failures] {
					if !errors.Is(r.Err, context.DeadlineExceeded) || !strings.Contains(r.Err.Error(), "in time") {
						t.Errorf("error %v", r.Err)
					}
				}
			})
		})
	}
}

func TestGroupsAnswerAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engineFor(t, "any", bind(config.Binding{Policy: "hangs", Timeout: time.Minute}), bind(config.Binding{Group: "staff"}))
		d, err := e.Decide(t.Context(), StageAccess, alice())
		if err != nil {
			t.Fatal(err)
		}
		if !d.Allowed || d.Policy != "group staff" {
			t.Errorf("what needs no time has an answer at any time: %+v", d)
		}
	})
}

func TestDecideRefusesToDecide(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	e := engineFor(t, "all", bind(config.Binding{Policy: "yes"}))
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		stage  Stage
		change func(in *Input) *Input
	}{
		{"no input", t.Context(), StageAccess, func(*Input) *Input { return nil }},
		{"no user", t.Context(), StageAccess, func(in *Input) *Input { in.User = nil; return in }},
		{"unknown application", t.Context(), StageAccess, func(in *Input) *Input { in.Application = "wiki"; return in }},
		{"unknown stage", t.Context(), "later", func(in *Input) *Input { return in }},
		{"login over", ended, StageAccess, func(in *Input) *Input { return in }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := e.Decide(tt.ctx, tt.stage, tt.change(alice()))
			if err == nil || d.Allowed {
				t.Errorf("decided: %+v", d)
			}
		})
	}
	t.Run("login over meanwhile", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cut := map[string]Expression{"cut": fakePolicy(func(context.Context, *Input) (Result, error) {
			cancel()
			return Result{Passing: true}, nil
		})}
		cfg := &config.Config{Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
			Timeout: time.Second, Bindings: []config.Binding{bind(config.Binding{Policy: "cut"})},
		}}}}
		e, err := New(cfg, Options{Expressions: cut})
		if err != nil {
			t.Fatal(err)
		}
		if d, err := e.Decide(ctx, StageAccess, alice()); !errors.Is(err, context.Canceled) || d.Allowed {
			t.Errorf("decision %+v, error %v", d, err)
		}
	})
}
