package rego

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// named is a policy of this name with some lines.
func named(name, lines string) string {
	return fmt.Sprintf("package sallyport.policies.%s\n\ndefault allow := false\n\n%s\n", name, lines)
}

func TestCallPolicy(t *testing.T) {
	question := policyengine.Helper{
		Name: "t.open", Result: policyengine.TypeBoolean, Class: policyengine.Deterministic,
		Condition: conditionFunc(func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			return true, nil
		}),
	}
	panics := question
	panics.Name = "t.panics"
	panics.Condition = conditionFunc(func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
		panic("boom")
	})
	chain := func(n int) map[string]string {
		files := map[string]string{"last.rego": named(fmt.Sprintf("c%d", n), "allow := true")}
		for i := range n {
			files[fmt.Sprintf("c%d.rego", i)] = named(fmt.Sprintf("c%d", i), fmt.Sprintf(`r := ak_call_policy("c%d", {})`+"\nallow if r.passing\nraw_result := r", i+1))
		}
		return files
	}
	for _, tt := range []struct {
		name, lines string
		files       map[string]string
		want        any
		err         string
	}{
		{
			"passes", `raw_result := ak_call_policy("q", {})`,
			map[string]string{"q.rego": named("q", `allow := true`+"\nmessages := [\"b\", \"a\"]\nraw_result := {\"x\": 1}")},
			map[string]any{"passing": true, "messages": []any{"b", "a"}, "raw_result": map[string]any{"x": 1}},
			"",
		},
		{
			"refuses", `raw_result := ak_call_policy("q", {})`,
			map[string]string{"q.rego": named("q", "")},
			map[string]any{"passing": false, "messages": []any{}, "raw_result": false},
			"",
		},
		{
			"kwargs", `raw_result := [ak_call_policy("q", {"auth_method": "x", "y": 1}).raw_result, input.context.auth_method]`,
			map[string]string{"q.rego": named("q", "raw_result := [input.context.auth_method, input.context.y, input.context.application.name, input.request.id]")},
			[]any{[]any{"x", 1, "vpn", "r1"}, nil},
			"",
		},
		{
			"kwargs of kwargs", `raw_result := ak_call_policy("q", {"a": 1, "b": 1}).raw_result`,
			map[string]string{"q.rego": named("q", `raw_result := ak_call_policy("r", {"b": 2}).raw_result`), "r.rego": named("r", "raw_result := [input.context.a, input.context.b]")},
			[]any{1, 2},
			"",
		},
		{
			"another user", `raw_result := [ak_call_policy("q", {"pending_user": "bob"}).passing, ak_call_policy("q", {}).passing]`,
			map[string]string{"q.rego": named("q", `allow if ak_is_group_member(input.context.pending_user, {"name": "net-admins"})`)},
			[]any{false, true},
			"",
		},
		{"computed name", `raw_result := ak_call_policy(concat("", ["q"]), {}).passing`, map[string]string{"q.rego": named("q", "allow := true")}, true, ""},
		{
			"callee fails", `raw_result := ak_call_policy("q", {})`,
			map[string]string{"q.rego": named("q", `allow if not regex_match(input.request.user.email, "x")`)},
			map[string]any{"passing": false, "messages": []any{}, "raw_result": nil, "error": "helper_failed"},
			"",
		},
		{"callee conflicts", `raw_result := ak_call_policy("q", {}).error`, map[string]string{"q.rego": named("q", "allow if x == 1\nx := 1 if input.client_ip\nx := 2 if input.peer_ip")}, "conflict", ""},
		{"callee has no boolean", `raw_result := ak_call_policy("q", {}).error`, map[string]string{"q.rego": named("q", "allow := input.client_ip")}, "bad_result", ""},
		{
			"scoped", `raw_result := [ak_call_policy("yes", {}), ak_call_policy("no", {}).passing, ak_call_policy("broken", {}).error]`, nil,
			[]any{map[string]any{"passing": true, "messages": []any{}, "raw_result": true}, false, "helper_failed"},
			"",
		},
		{"plugin", `raw_result := ak_call_policy("plugin.t.open", {})`, nil, map[string]any{"passing": true, "messages": []any{}, "raw_result": true}, ""},
		{"plugin panics", `raw_result := ak_call_policy("plugin.t.panics", {}).error`, nil, "panic", ""},
		{"computed name of nobody", `raw_result := ak_call_policy(input.client_ip, {})`, nil, nil, `there is no policy "198.51.100.7"`},
		{"itself", `raw_result := ak_call_policy(concat("", ["p"]), {})`, nil, nil, "policies call each other in a circle: p, p"},
		{"a circle", `raw_result := ak_call_policy("q", {}).error`, map[string]string{"q.rego": named("q", `allow if ak_call_policy("p", {}).passing`)}, "helper_failed", ""},
		{"deep", `raw_result := ak_call_policy("c0", {}).passing`, chain(7), true, ""},
		{"too deep", `raw_result := ak_call_policy("c0", {}).passing`, chain(8), false, ""},
		{"often", `raw_result := count([1 | some i in numbers.range(1, 64); ak_call_policy("q", {"i": i}).passing])`, map[string]string{"q.rego": named("q", "allow := true")}, 64, ""},
		{"too often", `raw_result := count([1 | some i in numbers.range(1, 65); ak_call_policy("q", {"i": i}).passing])`, map[string]string{"q.rego": named("q", "allow := true")}, nil, "more than 64 calls"},
		{"the same often", `raw_result := count([1 | some i in numbers.range(1, 200); ak_call_policy("q", {"i": i % 2}).passing])`, map[string]string{"q.rego": named("q", "allow := true")}, 200, ""},
		{"name of a wrong type", `raw_result := ak_call_policy(input.request.user.email, {})`, nil, nil, "the name is null"},
		{"kwargs of a wrong type", `raw_result := ak_call_policy("yes", input.client_ip)`, nil, nil, "kwargs is a string"},
		{"a key of a wrong type", `raw_result := ak_call_policy("yes", {x: 1 | some x in [input.now.hour]})`, nil, nil, "a key of kwargs is a number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"p.rego": policyText(tt.lines)}
			maps.Copy(files, tt.files)
			set := loadWith(t, Options{Native: scopes{"yes": true, "no": false, "broken": true}, Users: colleagues(), Helpers: []policyengine.Helper{question, panics}}, files)
			r, err := set.Expressions()["p"].Eval(t.Context(), alice())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%+v, error %v", r, err)
				}
				return
			}
			if err != nil || !same(r.Raw, tt.want) {
				t.Errorf("raw_result %v, want %v, error %v", r.Raw, tt.want, err)
			}
		})
	}
}

// TestCallPolicyLeaves looks at what policies that are called leave behind.
func TestCallPolicyLeaves(t *testing.T) {
	set := loadWith(t, Options{Users: colleagues()}, map[string]string{
		"p.rego":   policyText("one := ak_call_policy(\"q\", {})\ntwo := ak_call_policy(\"bad\", {})\nallow if { one.passing; not two.passing }"),
		"q.rego":   named("q", "allow if { ak_create_event(\"seen\", {\"password\": \"x\", \"k\": 1}); ak_message(\"for q alone\") }"),
		"bad.rego": named("bad", "allow if not regex_match(input.request.user.email, \"x\")"),
	})
	ctx, sources := fresh.Watch(t.Context())
	r, err := set.Expressions()["p"].Eval(ctx, alice())
	if err != nil || !r.Passing || len(r.Messages) > 0 {
		t.Fatalf("%+v, error %v", r, err)
	}
	if len(r.Events) != 2 {
		t.Fatalf("events %+v", r.Events)
	}
	i := slices.IndexFunc(r.Events, func(e policyengine.Event) bool { return e.Action == "policy_exception" })
	failed, seen := r.Events[i], r.Events[1-i]
	if failed.Policy != "bad" || failed.Context["code"] != "helper_failed" || !strings.Contains(fmt.Sprint(failed.Context["location"]), "bad.rego:5:") {
		t.Errorf("the event of the failure: %+v", failed)
	}
	if seen.Action != "custom_seen" || seen.Policy != "q" || seen.Context["password"] == "x" || !same(seen.Context["k"], 1) {
		t.Errorf("the event: %+v", seen)
	}
	if ok, why := sources.Keep(); ok || !strings.Contains(why, "bad") {
		t.Errorf("the result of a failure can be kept: %q", why)
	}
}

// TestCallsOfADecision has two policies of one decision that call the same one,
// which runs once and counts for both.
func TestCallsOfADecision(t *testing.T) {
	runs := 0
	slow := helper("t.slow", policyengine.TypeBoolean, func([]policyengine.Value) (policyengine.Value, error) {
		runs++
		return true, nil
	})
	slow.Class = policyengine.SideEffect // which has no memory of its own
	set := loadWith(t, Options{Helpers: []policyengine.Helper{slow}}, map[string]string{
		"q.rego": named("q", "allow if { plugin.t.slow(1); ak_create_event(\"seen\", {}) }"),
		"a.rego": named("a", "allow if ak_call_policy(\"q\", {}).passing"),
		"b.rego": named("b", "allow if ak_call_policy(\"q\", {}).passing"),
	})
	for decisions := range 2 {
		decide(t, alice(), func(ctx context.Context, in *policyengine.Input) {
			for _, name := range []string{"a", "b"} {
				r, err := set.Expressions()[name].Eval(ctx, in)
				if err != nil || !r.Passing || len(r.Events) != 1 {
					t.Errorf("%s: %+v, error %v", name, r, err)
				}
			}
		})
		if runs != decisions+1 {
			t.Errorf("it ran %d times in %d decisions", runs, decisions+1)
		}
	}
}

// TestEventsOfACall: a policy that is called several times, by one policy or by
// two, has one event in the decision, and another one with other arguments.
func TestEventsOfACall(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{
		"q.rego": named("q", "allow if ak_create_event(\"seen\", {})"),
		"a.rego": named("a", "allow if { ak_call_policy(\"q\", {}).passing; ak_call_policy(\"q\", {}).passing }"),
		"b.rego": named("b", "allow if { ak_call_policy(\"q\", {}).passing; ak_call_policy(\"q\", {\"x\": 1}).passing; ak_create_event(\"seen\", {}) }"),
	})
	var bindings []config.Binding
	for _, name := range []string{"a", "b"} {
		bindings = append(bindings, config.Binding{Policy: name, Enabled: true, Timeout: time.Minute, FailureResult: "refuse", Stage: "access"})
	}
	app := &config.Application{Policies: config.ApplicationPolicies{Timeout: time.Minute, Bindings: bindings}}
	engine, err := policyengine.New(&config.Config{Applications: map[string]*config.Application{"vpn": app}}, policyengine.Options{Expressions: set.Expressions()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := engine.Decide(t.Context(), policyengine.StageAccess, alice())
	if err != nil || !d.Allowed {
		t.Fatalf("%+v, error %v", d, err)
	}
	if len(d.Events) != 3 || len(d.Bindings[0].Events) != 1 || len(d.Bindings[1].Events) != 3 {
		t.Errorf("events %+v, of the bindings %+v, %+v", d.Events, d.Bindings[0].Events, d.Bindings[1].Events)
	}
}

// TestCallsFromElsewhere calls a policy where it closes a circle, and where it
// does not: the one answer must not be given for the other.
func TestCallsFromElsewhere(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{
		"a.rego": named("a", "allow if ak_call_policy(\"b\", {\"again\": false}).passing\nallow if input.context.again == false"),
		"b.rego": named("b", "raw_result := ak_call_policy(\"a\", {\"again\": false})\nallow if raw_result.passing"),
	})
	decide(t, alice(), func(ctx context.Context, in *policyengine.Input) {
		for _, policy := range []string{"a", "b", "a"} {
			alone, err := set.Expressions()[policy].Eval(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := set.Expressions()[policy].Eval(ctx, in); err != nil || r.Passing != alone.Passing || !same(r.Raw, alone.Raw) {
				t.Errorf("%s: %+v, error %v; alone %+v", policy, r, err, alone)
			}
		}
	})
}

// TestCallDeadline lets the time end within a policy that is called: nobody has a
// result then.
func TestCallDeadline(t *testing.T) {
	waits := policyengine.Helper{
		Name: "t.waits", Result: policyengine.TypeBoolean, Class: policyengine.ReadsNetwork,
		Condition: conditionFunc(func(ctx context.Context, _ *policyengine.Input, _ []policyengine.Value) (policyengine.Value, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
	}
	set := loadWith(t, Options{Helpers: []policyengine.Helper{waits}}, map[string]string{
		"p.rego": policyText(`allow if not ak_call_policy("q", {}).passing`),
		"q.rego": named("q", "allow if plugin.t.waits()"),
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := set.Expressions()["p"].Eval(ctx, alice())
	var x *policyengine.Exception
	if !errors.As(err, &x) || x.Code != policyengine.ExceptionTimeout || x.Policy != "p" {
		t.Errorf("error %v", err)
	}
}

func TestCallReads(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        []policyengine.Path
		uncacheable string
	}{
		{"literal", `allow if ak_call_policy("q", {}).passing`, []policyengine.Path{"client_ip", "context.level", "request.user.email"}, ""},
		{"kwargs", `allow if ak_call_policy("q", {"level": input.ldap.tls}).passing`, []policyengine.Path{"client_ip", "ldap.tls", "request.user.email"}, ""},
		{"the user as kwarg", `allow if ak_call_policy("q", {"pending_user": {"email": "x"}}).passing`, []policyengine.Path{"client_ip", "context.level"}, ""},
		{"computed kwargs", `allow if ak_call_policy("q", {k: 1 | some k in ["level"]}).passing`, []policyengine.Path{"client_ip", "context.level", "request.user.email"}, ""},
		{"computed name", `allow if ak_call_policy(concat("", ["q"]), {}).passing`, []policyengine.Path{wholeInput}, "it calls policies by computed names"},
		{"circle", `allow if ak_call_policy("back", {}).passing`, []policyengine.Path{"peer_ip"}, ""},
		{"scoped", `allow if ak_call_policy("yes", {}).passing`, []policyengine.Path{"client_ip"}, ""},
		{"scoped with a time", `allow if ak_call_policy("timed", {}).passing`, nil, "scoped policy timed has a time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := loadWith(t, Options{Native: scopes{"yes": true, "timed": true}}, map[string]string{
				"p.rego":    policyText(tt.lines),
				"q.rego":    named("q", "allow if { input.client_ip; input.context.level; input.context.pending_user.email }"),
				"back.rego": named("back", "allow if { input.peer_ip; ak_call_policy(\"p\", {}).passing }"),
			})
			got := set.Expressions()["p"].Reads()
			if diff := cmp.Diff(tt.want, got.Paths); diff != "" || got.Uncacheable != tt.uncacheable {
				t.Errorf("%s\n%q, want %q", diff, got.Uncacheable, tt.uncacheable)
			}
		})
	}
}
