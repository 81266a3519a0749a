package rego

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// TestRulesBehindOthers has libraries in which a rule with a variable key stands
// above the one that is asked for, which the evaluator asks all the same. What
// the lower one reads must be in the document, or "not" would let everybody in.
func TestRulesBehindOthers(t *testing.T) {
	for name, lib := range map[string]string{
		"object above rule": `facts[k] := v if { some k, v in {"z": 1} }` + "\nfacts.%s",
		"rule beside key":   `facts.z := 1` + "\n" + `facts[k].c := v if { some k, v in {"q": 1} }` + "\nfacts.%s",
		"alone":             "facts.%s",
	} {
		t.Run(name, func(t *testing.T) {
			set, err := load(t, map[string]string{
				"lib.rego": "package sallyport.lib.x\n" + fmt.Sprintf(lib, `barred.list := {"now": true} if "staff" in input.request.user.groups`),
				"p.rego":   policyText("allow if not data.sallyport.lib.x.facts.barred.list.now"),
			})
			if err != nil {
				t.Fatal(err)
			}
			p := set.Expressions()["p"]
			if want := []policyengine.Path{"request.user.groups"}; !slices.Equal(p.Reads().Paths, want) {
				t.Errorf("it reads %q, want %q", p.Reads().Paths, want)
			}
			if r, err := p.Eval(t.Context(), alice()); err != nil || r.Passing {
				t.Errorf("who is barred: passing %v, error %v", r.Passing, err)
			}
			if r, err := p.Eval(t.Context(), user("bob")); err != nil || !r.Passing {
				t.Errorf("who is not: passing %v, error %v", r.Passing, err)
			}
		})
	}
}
