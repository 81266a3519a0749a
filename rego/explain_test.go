package rego

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestExplain(t *testing.T) {
	var log strings.Builder
	called := false
	noisy := helper("t.noisy", policyengine.TypeBoolean, func([]policyengine.Value) (policyengine.Value, error) {
		called = true
		return true, nil
	})
	noisy.Class = policyengine.SideEffect
	set := loadWith(t, Options{Log: debugLog(&log), Helpers: []policyengine.Helper{noisy}}, map[string]string{
		"p.rego": policyText(`
allow if ak_call_policy("q", {"x": 1}).passing

messages contains m if some m in ["a", "b"]

raw_result := {"who": [u]} if u := input.request.user.username
`),
		"q.rego":     "package sallyport.policies.q\ndefault allow := false\nallow if {\n\tinput.context.x == 1\n\tak_logger.info(\"x\", {\"password\": \"y\"})\n\tprint(\"here\")\n}",
		"noisy.rego": "package sallyport.policies.noisy\ndefault allow := false\nallow if plugin.t.noisy(1)",
	})
	x, err := set.policies["p"].Explain(t.Context(), alice())
	if err != nil || !x.Result.Passing || x.Took <= 0 {
		t.Fatalf("%+v, error %v", x, err)
	}
	if diff := cmp.Diff([]policyengine.RuleTrace{
		{Policy: "p", Rule: "allow", Location: "p.rego:6:1", Text: `allow if ak_call_policy("q", {"x": 1}).passing`, Value: true},
		{Policy: "p", Rule: "messages", Location: "p.rego:8:1", Text: `messages contains m if some m in ["a", "b"]`, Value: "a"},
		{Policy: "p", Rule: "messages", Location: "p.rego:8:1", Text: `messages contains m if some m in ["a", "b"]`, Value: "b"},
		{Policy: "p", Rule: "raw_result", Location: "p.rego:10:1", Text: `raw_result := {"who": [u]} if u := input.request.user.username`, Value: map[string]any{"who": []any{"alice"}}},
		{Policy: "q", Rule: "allow", Location: "q.rego:3:1", Text: "allow if {", Value: true},
	}, baseRules(x.Rules)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	var calls []string
	for _, c := range x.Calls {
		calls = append(calls, c.Name+" "+filepath.Base(c.Location))
	}
	if diff := cmp.Diff([]string{"ak_call_policy p.rego:6:10", "ak_logger.info q.rego:5:2", "print q.rego:6:2"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := x.Calls[1].Args[1].(map[string]any)["password"]; got == "y" || x.Calls[1].Result != true {
		t.Errorf("a call of ak_logger.info: %+v", x.Calls[1])
	}
	if log.Len() > 0 {
		t.Errorf("an explanation was logged: %s", &log)
	}
	if _, err := set.policies["noisy"].Explain(t.Context(), alice()); err == nil || called || !strings.Contains(err.Error(), "side effects") {
		t.Errorf("a function with side effects: called %v, error %v", called, err)
	}
}

// keeping is a helper that says of every answer but the first that it was kept.
type keeping struct{ calls int }

func (k *keeping) Check(ctx context.Context, _ *policyengine.Input, _ []policyengine.Value) (policyengine.Value, error) {
	if k.calls++; k.calls > 1 {
		policyengine.Remembered(ctx)
	}
	return true, nil
}

// TestExplainRemembered: of each call it is told whether its answer was kept, by the
// helper's host or in this decision.
func TestExplainRemembered(t *testing.T) {
	k := helper("t.keeping", policyengine.TypeBoolean, nil)
	k.Class, k.Condition = policyengine.ReadsState, &keeping{}
	set := loadWith(t, Options{Helpers: []policyengine.Helper{k}}, map[string]string{
		"p.rego": policyText(`
allow if {
	plugin.t.keeping(1)
	plugin.t.keeping(2)
	ak_call_policy("q", {}).passing
}
`),
		"q.rego": "package sallyport.policies.q\ndefault allow := false\nallow if {\n\tplugin.t.keeping(2)\n\tplugin.t.keeping(3)\n}",
	})
	x, err := set.policies["p"].Explain(t.Context(), alice())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range x.Calls {
		got = append(got, fmt.Sprint(c.Name, c.Args, c.Cached))
	}
	want := []string{
		"plugin.t.keeping[1] false", "plugin.t.keeping[2] true", "ak_call_policy[q map[]] false", "plugin.t.keeping[2] true", "plugin.t.keeping[3] true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestExplainRefused shows the default where nothing else holds.
func TestExplainRefused(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{"p.rego": policyText("allow if input.request.user.username == \"bob\"")})
	x, err := set.policies["p"].Explain(t.Context(), alice())
	if err != nil || x.Result.Passing {
		t.Fatalf("%+v, error %v", x, err)
	}
	want := []policyengine.RuleTrace{{Policy: "p", Rule: "allow", Location: "p.rego:3:1", Text: "default allow := false", Value: false}}
	if diff := cmp.Diff(want, baseRules(x.Rules)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if _, err := set.policies["p"].Explain(t.Context(), nil); err == nil {
		t.Error("explained a policy for nobody")
	}
}

// baseRules have their places without directories.
func baseRules(rules []policyengine.RuleTrace) []policyengine.RuleTrace {
	for i := range rules {
		rules[i].Location = filepath.Base(rules[i].Location)
	}
	return rules
}
