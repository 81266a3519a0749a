package rego

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// said is an expression that always has the same result.
type said struct {
	Order    int      `json:"order"`
	Passing  bool     `json:"passing"`
	Messages []string `json:"messages"`
}

func (s said) Eval(context.Context, *policyengine.Input) (policyengine.Result, error) {
	return policyengine.Result{Passing: s.Passing, Messages: s.Messages}, nil
}

func (said) Reads() policyengine.Reads { return policyengine.Reads{} }

// engineResult lets the engine join results. What is different there is put in
// other words: results are in the order of their bindings, cached or not (so the
// messages of the cases count without cached ones); an application without
// bindings lets in, and one that should not has a binding that refuses; a mode
// that does not exist is refused when the configuration is read.
func engineResult(t *testing.T, args []any) (any, error) {
	var c struct {
		Mode          string
		Fresh, Cached []said
		Static        *said
		Empty         bool `json:"empty_result"`
	}
	text, err := json.Marshal(args[0])
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.Fresh, func(a, b said) int { return cmp.Compare(a.Order, b.Order) })
	all := slices.Concat(c.Fresh, c.Cached)
	if c.Static != nil {
		all = append(all, *c.Static)
	}
	mode := c.Mode
	if len(all) == 0 {
		mode = "all"
		if !c.Empty {
			all = []said{{}}
		}
	} else if mode == "" {
		mode = "none"
	}
	app := &config.Application{Policies: config.ApplicationPolicies{Mode: mode, Timeout: time.Minute}}
	expressions := map[string]policyengine.Expression{}
	for i, s := range all {
		name := fmt.Sprintf("p%d", i)
		expressions[name] = s
		app.Policies.Bindings = append(app.Policies.Bindings, config.Binding{
			Policy: name, Order: i, Enabled: true, Timeout: time.Minute, FailureResult: "refuse", Stage: "access",
		})
	}
	engine, err := policyengine.New(&config.Config{Applications: map[string]*config.Application{"vpn": app}}, policyengine.Options{Expressions: expressions})
	if mode == "none" && err != nil {
		return map[string]any{"passing": false, "messages": []string{}}, nil //nolint:nilerr // refused, as it should be
	}
	if err != nil {
		return nil, err
	}
	d, err := engine.Decide(t.Context(), policyengine.StageAccess, alice())
	if err != nil {
		return nil, err
	}
	messages := slices.DeleteFunc(append([]string{}, d.Messages...), func(m string) bool { return m == "Access denied." })
	return map[string]any{"passing": d.Allowed, "messages": messages}, nil
}

// cachedResults tells that some results of a case come from the cache.
func cachedResults(arg any) bool {
	o, _ := arg.(map[string]any)
	cached, _ := o["cached"].([]any)
	return len(cached) > 0
}
