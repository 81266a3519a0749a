package policyengine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

func events(n int) []Event {
	list := make([]Event, n)
	for i := range list {
		list[i] = Event{Action: fmt.Sprintf("custom_%d", i)}
	}
	return list
}

// TestEvents: those of policies that count are the decision's, refused or not, and
// no more than MaxEvents.
func TestEvents(t *testing.T) {
	creates := func(n int, passing bool, err error) *counted {
		return &counted{reads: Reads{Uncacheable: "it writes"}, eval: func(context.Context, *Input) (Result, error) {
			return Result{Passing: passing, Events: events(n), Notes: []string{"for the audit"}, Messages: []string{"said"}, Raw: n}, err
		}}
	}
	e := caching(t, 10, map[string]Expression{
		"refuses": creates(2, false, nil), "many": creates(20, true, nil), "dry": creates(3, false, nil), "fails": creates(4, true, errBroken),
	}, bind(config.Binding{Policy: "dry", DryRun: true}), bind(config.Binding{Policy: "fails"}), bind(config.Binding{Policy: "refuses"}), bind(config.Binding{Policy: "many"}))
	d := decide(t, e, alice())
	if diff := cmp.Diff(append(events(2), events(MaxEvents-2)...), d.Events); d.Allowed || diff != "" {
		t.Errorf("allowed %v, events (-want +got):\n%s", d.Allowed, diff)
	}
	for i, want := range []BindingRecord{
		{Events: events(3), Notes: []string{"for the audit"}, Messages: []string{"said"}, Raw: 3}, // for the line of the dry run
		{},
		{Events: events(2), Notes: []string{"for the audit"}, Messages: []string{"said"}, Raw: 2},
	} {
		got := d.Bindings[i]
		if diff := cmp.Diff(want, BindingRecord{Events: got.Events, Notes: got.Notes, Messages: got.Messages, Raw: got.Raw}); diff != "" {
			t.Errorf("record of %s (-want +got):\n%s", got.Name, diff)
		}
	}
}

// TestDryRunsHaveNoEffects: what a binding with dry_run asks is told so, and shares
// nothing with those that count, whichever is asked first.
func TestDryRunsHaveNoEffects(t *testing.T) {
	type key struct{}
	writes := &counted{reads: Reads{Uncacheable: "it writes"}, eval: func(ctx context.Context, _ *Input) (Result, error) {
		wanted := Share(ctx, key{}, func() bool { return Effects(ctx) })
		return Result{Passing: wanted && Effects(ctx)}, nil
	}}
	dry, counts := bind(config.Binding{Policy: "writes", DryRun: true}), bind(config.Binding{Policy: "writes"})
	for _, bindings := range [][]config.Binding{{dry, counts}, {counts, dry}} {
		d := decide(t, caching(t, 10, map[string]Expression{"writes": writes}, bindings...), alice())
		for _, r := range d.Bindings {
			if r.Passing == r.DryRun {
				t.Errorf("dry run %v: effects %v", r.DryRun, r.Passing)
			}
		}
		if !d.Allowed {
			t.Errorf("the binding that counts: %+v", d)
		}
	}
}

// TestExceptions: whatever goes wrong has a code, the policy and the place.
func TestExceptions(t *testing.T) {
	fails := func(err error) Expression {
		return fakePolicy(func(context.Context, *Input) (Result, error) { return Result{}, err })
	}
	conflict := &Exception{Code: ExceptionConflict, Policy: "callee", Location: "callee.rego:3:1", Err: errBroken}
	for _, tt := range []struct {
		name   string
		policy Expression
		want   Exception
		text   string
	}{
		{"its own", fails(conflict), *conflict, "policy x: callee.rego:3:1: the disk of 10.0.0.9 is full"},
		{"wrapped", fails(fmt.Errorf("evaluate: %w", conflict)), *conflict, "policy x: callee.rego:3:1: the disk of 10.0.0.9 is full"},
		{"plain", fails(errBroken), Exception{Code: ExceptionInternal, Policy: "x"}, "policy x: the disk of 10.0.0.9 is full"},
		{"panic", policies["panics"], Exception{Code: ExceptionPanic, Policy: "x"}, "policy x: panic: boom"},
		{"late", policies["hangs"], Exception{Code: ExceptionTimeout, Policy: "x"}, "policy x: no answer in time (the binding has 2s, and all of them what policies.timeout says): context deadline exceeded"},
		{"late at a place", fakePolicy(func(ctx context.Context, _ *Input) (Result, error) {
			<-ctx.Done()
			return Result{}, &Exception{Code: ExceptionHelper, Policy: "x", Location: "x.rego:5:2", Err: errBroken}
		}), Exception{Code: ExceptionTimeout, Policy: "x", Location: "x.rego:5:2"}, "policy x: x.rego:5:2: no answer in time (the binding has 2s, and all of them what policies.timeout says): context deadline exceeded: the disk of 10.0.0.9 is full"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := decide(t, caching(t, 10, map[string]Expression{"x": tt.policy}, bind(config.Binding{Policy: "x"})), alice())
				var got *Exception
				if err := d.Bindings[0].Err; !errors.As(err, &got) || err.Error() != tt.text {
					t.Fatalf("error %v, want %s", err, tt.text)
				}
				if got.Code != tt.want.Code || got.Policy != tt.want.Policy || got.Location != tt.want.Location {
					t.Errorf("exception %+v, want %+v", got, tt.want)
				}
			})
		})
	}
	if conflict.Err != errBroken { //nolint:errorlint // the very same
		t.Error("the policy's own exception was changed")
	}
}

// TestRecordsSurviveTheEnd: what bindings said is there for the record, though the
// login ran out of time.
func TestRecordsSurviveTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := caching(t, 10, map[string]Expression{
		"says": &counted{eval: func(context.Context, *Input) (Result, error) {
			return Result{Passing: true, Messages: []string{"hello"}, Events: events(1)}, nil
		}},
		"ends": fakePolicy(func(context.Context, *Input) (Result, error) { cancel(); return Result{}, context.Canceled }),
	}, bind(config.Binding{Policy: "says"}), bind(config.Binding{Policy: "ends", FailureResult: "pass"}))
	d, err := e.Decide(ctx, StageAccess, alice())
	if !errors.Is(err, context.Canceled) || d.Allowed || d.Messages != nil || len(d.Events) != 1 || len(d.Bindings) != 2 {
		t.Errorf("%v, decision %+v", err, d)
	}
	var x *Exception
	if !errors.As(d.Bindings[1].Err, &x) || x.Code != ExceptionCanceled {
		t.Errorf("error %v", d.Bindings[1].Err)
	}
}

// explaining is a policy that tells how it came to its result.
type explaining struct{ counted }

func (x *explaining) Explain(ctx context.Context, in *Input) (Explanation, error) {
	r, err := x.Eval(ctx, in)
	return Explanation{Result: r, Calls: []HelperCall{{Name: "f", Result: Effects(ctx)}}}, err
}

func TestExplain(t *testing.T) {
	method := ""
	x := &explaining{counted{eval: func(_ context.Context, in *Input) (Result, error) {
		method = in.AuthMethod
		return Result{Passing: true}, nil
	}}}
	silent := &counted{}
	fails := &explaining{counted{eval: func(context.Context, *Input) (Result, error) { return Result{}, errBroken }}}
	off := bind(config.Binding{Policy: "x"})
	off.Enabled = false
	e := caching(t, 10, map[string]Expression{"x": x, "silent": silent, "fails": fails},
		bind(config.Binding{Policy: "x", Stage: "admission"}), bind(config.Binding{Group: "staff"}), off,
		bind(config.Binding{Policy: "silent"}), bind(config.Binding{Policy: "fails", DryRun: true}), bind(config.Binding{Policy: "x"}))
	in := alice()
	in.AuthMethod = "password"
	decide(t, e, in)
	before := e.CacheStats()
	all, err := e.Explain(t.Context(), in)
	if err != nil || len(all) != 2 || all[0].Stage != StageAdmission || all[1].Stage != StageAccess {
		t.Fatalf("%v, %+v", err, all)
	}
	if len(all[0].Policies) != 1 || all[0].Policies[0] == nil || !all[0].Decision.Allowed {
		t.Errorf("admission: %+v", all[0])
	}
	access := all[1]
	var told []bool
	for i, p := range access.Policies {
		told = append(told, p != nil)
		if r := access.Decision.Bindings[i]; r.Cached != (i == 2 || i == 4) {
			t.Errorf("%s: cached %v", r.Name, r.Cached)
		}
	}
	if diff := cmp.Diff([]bool{false, false, false, true, true}, told); diff != "" {
		t.Fatalf("explanations (-want +got):\n%s", diff)
	}
	if got := access.Policies[4].Calls[0].Result; got != false || method != "password" {
		t.Errorf("effects %v, method %q", got, method)
	}
	if !errors.Is(access.Decision.Bindings[3].Err, errBroken) {
		t.Errorf("the failed one: %+v", access.Decision.Bindings[3])
	}
	if diff := cmp.Diff(before, e.CacheStats()); diff != "" || x.calls != 3 || silent.calls != 2 {
		t.Errorf("evaluated %d and %d times; the cache counted:\n%s", x.calls, silent.calls, diff)
	}
	in.Application = "wiki"
	if _, err := e.Explain(t.Context(), in); err == nil {
		t.Error("explained an application that is not there")
	}
}

// TestNativeReads: what Applies looks at is said, or that it cannot be.
func TestNativeReads(t *testing.T) {
	set, err := scoped.Compile([]scoped.Policy{
		{Name: "plain", Scope: "a", User: []string{"Alice"}, Realm: []string{"corp"}, Client: []string{"10.0.0.0/8"}, Active: true, Priority: 1},
		{Name: "asleep", Scope: "a", Time: "Mon: 8-9", Priority: 1},
		{Name: "timed", Scope: "a", Time: "Mon: 8-9", Active: true, Priority: 1},
		{Name: "asks", Scope: "a", Active: true, Priority: 1, Conditions: []scoped.Condition{{Section: "helper", Key: "x.writes()", Comparator: "equals", Value: "true", Active: true}}},
	}, scoped.Options{})
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	n := NewNative(&config.Config{}, set, []Helper{{Name: "x.writes", Result: TypeBoolean, Class: SideEffect, Condition: answering(func(context.Context, *Input, []Value) (Value, error) {
		calls++
		return true, nil
	})}})
	for name, want := range map[string]Reads{
		"plain":  {Paths: []Path{"client_ip", "request.obj.name", "request.user.source", "request.user.username"}},
		"asleep": {}, "nobody": {},
		"timed": {Uncacheable: "scoped policy timed has a time"},
		"asks":  {Uncacheable: "scoped policy asks has conditions"},
	} {
		if diff := cmp.Diff(want, n.Reads(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if ok, err := n.Applies(t.Context(), "plain", alice()); !ok || err != nil || !n.Has("plain") || n.Has("nobody") {
		t.Errorf("plain: %v, %v", ok, err)
	}
	if _, err := n.Applies(t.Context(), "nobody", alice()); err == nil {
		t.Error("a policy that is not there has an answer")
	}
	if ok, err := n.Applies(t.Context(), "asks", alice()); !ok || err != nil || calls != 1 {
		t.Errorf("asks: %v, %v after %d calls", ok, err, calls)
	}
	if _, err := n.Applies(WithoutEffects(t.Context()), "asks", alice()); err == nil || calls != 1 {
		t.Errorf("a helper with side effects was called for an explanation: %v", err)
	}
}

// TestSideEffectsAreNotKept: what was found without side effects is not what a
// login would find.
func TestSideEffectsAreNotKept(t *testing.T) {
	x := &counted{}
	e := caching(t, 10, map[string]Expression{"x": x}, bind(config.Binding{Policy: "x", Timeout: time.Second}))
	if _, err := e.Decide(WithoutEffects(t.Context()), StageAccess, alice()); err != nil || e.CacheStats().Entries != 0 {
		t.Errorf("%v, %+v", err, e.CacheStats())
	}
}
