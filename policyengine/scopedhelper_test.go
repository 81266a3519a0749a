package policyengine

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// answering is a condition helper made of a function.
type answering func(ctx context.Context, in *Input, args []Value) (Value, error)

func (f answering) Check(ctx context.Context, in *Input, args []Value) (Value, error) {
	return f(ctx, in, args)
}

func replies(v Value) answering {
	return func(context.Context, *Input, []Value) (Value, error) { return v, nil }
}

// echo answers with its arguments.
func echo(_ context.Context, _ *Input, args []Value) (Value, error) { return args, nil }

func helpersForTests() []Helper {
	return []Helper{
		{Name: "geo.country", Result: TypeString, Condition: replies("SE")},
		{Name: "geo.near", Args: []ValueType{TypeNumber, TypeNumber}, Result: TypeBoolean, Condition: replies(true)},
		{Name: "risk.score", Args: []ValueType{TypeString}, Result: TypeNumber, Condition: answering(func(_ context.Context, in *Input, args []Value) (Value, error) {
			return float64(len(in.User.Login) + len(args[0].(string))), nil
		})},
		{Name: "team.names", Result: TypeList, Condition: replies([]any{"night", "day"})},
		{Name: "team.nobody", Result: TypeList, Condition: replies([]any{})},
		{Name: "broken.dead", Result: TypeBoolean, Condition: answering(func(context.Context, *Input, []Value) (Value, error) {
			return nil, errors.New("the helper has died")
		})},
		{Name: "broken.hung", Result: TypeBoolean, Condition: answering(func(ctx context.Context, _ *Input, _ []Value) (Value, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})},
	}
}

func TestHelperConditions(t *testing.T) {
	for _, tt := range []struct {
		name, condition string
		want            string // true, false, or a part of the error
	}{
		{"text", `key: geo.country, comparator: equals, value: SE`, "true"},
		{"other text", `key: geo.country, comparator: in, value: "NO, DK"`, "false"},
		{"truth", `key: "geo.near(48.2, 16.37)", comparator: equals, value: "true"`, "true"},
		{"not truth", `key: "geo.near(48.2, 16.37)", comparator: "!equals", value: "true"`, "false"},
		{"number", `key: "risk.score(abc)", comparator: ">", value: "7"`, "true"}, // Alice and abc
		{"smaller number", `key: "risk.score(a)", comparator: ">", value: "7"`, "false"},
		{"list", `key: team.names, comparator: contains, value: night`, "true"},
		{"nothing in it", `key: team.nobody, comparator: contains, value: night`, "is empty"},
		{"nothing in it, and that is an answer", `key: team.nobody, comparator: contains, value: night, missing: "true"`, "true"},
		{"wrong type", `key: geo.country, comparator: "<", value: "7"`, "condition helper geo.country"},
		{"no answer", `key: broken.dead, comparator: equals, value: "true"`, "the helper has died"},
		{"no answer is not a missing value", `key: broken.dead, comparator: equals, value: "true", missing: "false"`, "the helper has died"},
		{"nor the other one", `key: broken.dead, comparator: "!equals", value: "true", missing: "true"`, "the helper has died"},
		{"too late", `key: broken.hung, comparator: equals, value: "true", missing: "true"`, "no answer in time"},
		{"inactive", `key: broken.gone, comparator: equals, value: "true", active: false`, "true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "policies:\n  - name: p\n    scope: authorization\n    conditions:\n      - {section: helper, " + tt.condition + "}\n"
			loaded, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{}), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := loaded.CheckHelpers(helpersForTests()); err != nil {
				t.Fatal(err)
			}
			cfg := &config.Config{Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
				Timeout:  time.Minute,
				Bindings: []config.Binding{{Scoped: "p", Enabled: true, Stage: "access", Timeout: 20 * time.Millisecond, FailureResult: "refuse"}},
			}}}}
			e, err := New(cfg, Options{Scoped: loaded.Set, Helpers: helpersForTests()})
			if err != nil {
				t.Fatal(err)
			}
			d, err := e.Decide(t.Context(), StageAccess, alice())
			if err != nil {
				t.Fatal(err)
			}
			switch cause := d.Bindings[0].Err; {
			case cause != nil && (d.Allowed || !d.Failed || !strings.Contains(cause.Error(), tt.want)):
				t.Errorf("%+v, want %s", d, tt.want)
			case cause == nil && d.Allowed != (tt.want == "true"):
				t.Errorf("allowed %v, want %s", d.Allowed, tt.want)
			case cause == nil && tt.want != "true" && tt.want != "false":
				t.Errorf("no error, want %s", tt.want)
			}
		})
	}
}

// TestExplainHelperConditions: explanations show which helpers the conditions of a
// scoped policy called, and what these said.
func TestExplainHelperConditions(t *testing.T) {
	text := `policies:
  - name: p
    scope: authorization
    conditions:
      - {section: helper, key: "risk.score(abc)", comparator: ">", value: "7"}
      - {section: helper, key: broken.dead, comparator: equals, value: "true"}
`
	loaded, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
		Timeout:  time.Minute,
		Bindings: []config.Binding{{Scoped: "p", Enabled: true, Stage: "access", Timeout: time.Minute, FailureResult: "refuse"}},
	}}}}
	e, err := New(cfg, Options{Scoped: loaded.Set, Helpers: helpersForTests()})
	if err != nil {
		t.Fatal(err)
	}
	stages, err := e.Explain(t.Context(), alice())
	if err != nil || len(stages) != 2 || len(stages[1].Policies) != 1 || stages[1].Policies[0] == nil {
		t.Fatalf("%+v, %v", stages, err)
	}
	x := stages[1].Policies[0]
	if x.Result.Passing || x.Reads.Uncacheable == "" || len(x.Calls) != 2 {
		t.Fatalf("%+v", x)
	}
	if c := x.Calls[0]; c.Name != "risk.score" || !reflect.DeepEqual(c.Args, []Value{"abc"}) || c.Result != 8.0 || c.Err != nil {
		t.Errorf("%+v", c)
	}
	if c := x.Calls[1]; c.Name != "broken.dead" || c.Err == nil || c.Result != nil {
		t.Errorf("%+v", c)
	}
}

// TestHelperForValues: a condition that cannot be evaluated makes the values
// unknown, and the login's own deadline ends the wait.
func TestHelperForValues(t *testing.T) {
	text := "policies:\n  - name: p\n    scope: authorization\n    action: {authorized: deny_access}\n" +
		"    conditions: [{section: helper, key: broken.hung, comparator: equals, value: \"true\"}]\n"
	set, err := loadScoped(t, map[string]string{"a.yaml": text})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(&config.Config{}, Options{Scoped: set, Helpers: helpersForTests()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if v, err := e.Values(ctx, alice(), "authorization", "authorized"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v, error %v", v, err)
	}
}

func TestCheckHelpers(t *testing.T) {
	for _, tt := range []struct{ key, want string }{
		{"geo.country", ""},
		{"geo.country()", ""},
		{"geo.near(1, -2.5e1)", ""},
		{"geo.contry", `f.yaml:6:9: policies[0].conditions[1]: policy "p": conditions: there is no condition helper "geo.contry", did you mean "geo.country"?`},
		{"geo.country(SE)", "geo.country takes no arguments, and not 1"},
		{"risk.score", "risk.score takes 1 argument (string), and not 0"},
		{"geo.near(1)", "geo.near takes 2 arguments (number, number), and not 1"},
		{"geo.near(1, here)", `geo.near: argument 2: "here" is no number`},
		{"geo.near(1, NaN)", `geo.near: argument 2: "NaN" is no number`},
		{"geo.near(1, true)", `geo.near: argument 2: "true" is no number`},
	} {
		text := "policies:\n  - name: p\n    scope: authorization\n    conditions:\n      - {section: userinfo, key: a, comparator: equals}\n      - {section: helper, key: \"" + tt.key + "\", comparator: equals, value: x}\n"
		s, err := LoadScoped(configured(t, "f.yaml", text, config.Policies{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = s.CheckHelpers(helpersForTests())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.key, err, tt.want)
		}
	}
}

// TestCheckHelpersInactive: nothing asks a policy that is not active.
func TestCheckHelpersInactive(t *testing.T) {
	condition := []scoped.Condition{{Section: scoped.SectionHelper, Key: "gone.x", Comparator: "equals", Value: "x", Active: true}}
	for _, active := range []bool{false, true} {
		p := scoped.Policy{Name: "p", Scope: "authorization", Active: active, Priority: 1, Conditions: condition}
		s, err := LoadScoped(&config.Config{}, []scoped.Policy{p})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckHelpers(nil); (err != nil) != active {
			t.Errorf("active %v: error %v", active, err)
		}
	}
}

func TestMissingPlugins(t *testing.T) {
	cfg := &config.Config{Plugins: config.Plugins{Allow: []config.Plugin{{Name: "geo"}}}}
	for _, tt := range []struct{ semantics, key, want string }{
		{"hardened", "geo.country", ""},
		{"hardened", "geo.whatever(1)", ""},
		{"hardened", "geography.x(1)", `policy "p": conditions: member 1 calls geography.x, and plugins.allow of the configuration does not name the helper program "geography"`},
		{"hardened", "geo", `the helper program "geo"`},
		{"compat", "gone.x", ""},
	} {
		cfg.Policies.Semantics = tt.semantics
		s, err := LoadScoped(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := scoped.Policy{Name: "p", Conditions: []scoped.Condition{
			{Section: scoped.SectionHelper, Key: tt.key, Active: true},
			{Section: scoped.SectionHelper, Key: "gone.x"},
			{Section: "userinfo", Key: "gone.x", Active: true},
		}}
		err = s.MissingPlugins(&p)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.key, err, tt.want)
		}
	}
}

// TestHelperLiterals: arguments arrive as the type that the helper declares.
func TestHelperLiterals(t *testing.T) {
	e, err := New(&config.Config{}, Options{Helpers: []Helper{{
		Name: "x.echo", Args: []ValueType{TypeString, TypeNumber, TypeBoolean, TypeList, TypeObject}, Result: TypeList, Condition: answering(echo),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.native.askHelper(t.Context(), alice(), scoped.Call{Name: "x.echo", Args: []string{"12", "12", "true", `[1, "a"]`, `{"a": null}`}})
	want := []Value{"12", 12.0, true, []any{1.0, "a"}, map[string]any{"a": nil}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, error %v", got, err)
	}
}
