package lint

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// takenResults finds results of ak_call_policy that are taken for a condition. They
// are objects, and an object is true whatever the policy said.
func (u *unit) takenResults() {
	if !u.called[functionCallPolicy] {
		return
	}
	_, isPolicy := PolicyName(u.Module)
	for _, rule := range u.Rules {
		for _, r := range chain(rule) {
			if isPolicy && headName(r) == "allow" && r.Head.Value != nil && u.isResult(r.Head.Value, u.resultsIn(r.Body, nil, u.giving), u.giving) {
				u.taken(place(r.Head.Value, r.Location), r.Head.Value, false)
			}
		}
		eachBody(rule, nil, func(bodies []ast.Body) {
			var local map[ast.Var]bool
			for _, body := range bodies {
				local = u.resultsIn(body, local, u.giving)
			}
			for _, e := range bodies[len(bodies)-1] {
				if t, ok := condition(e); ok && u.isResult(t, local, u.giving) {
					u.taken(place(t, e.Location), t, e.Negated)
				}
			}
		})
	}
}

func (u *unit) taken(loc *ast.Location, t *ast.Term, negated bool) {
	text := fmt.Sprintf("%s is a result of %s, an object, which is always true", t, functionCallPolicy)
	if negated {
		text += ", and with not always false"
	}
	u.report(loc, Error, CallPolicyAsTruth, text, fmt.Sprintf("write %s.passing", t))
}

// givesResult tells whether a rule's value is a result: a complete rule or a
// function.
func (u *unit) givesResult(rule *ast.Rule, known map[*ast.Rule]bool) bool {
	for _, r := range chain(rule) {
		if r.Head.Key == nil && r.Head.Value != nil && u.isResult(r.Head.Value, u.resultsIn(r.Body, nil, known), known) {
			return true
		}
	}
	return false
}

// resultsIn adds the variables of a body that hold a result to those around it.
func (u *unit) resultsIn(body ast.Body, around map[ast.Var]bool, rules map[*ast.Rule]bool) map[ast.Var]bool {
	local := map[ast.Var]bool{}
	for name := range around {
		local[name] = true
	}
	for range body { // one may be assigned from another that stands below
		before := len(local)
		for _, e := range body {
			if name, value, ok := assignment(e); ok && u.isResult(value, local, rules) {
				local[name] = true
			}
			if name, ok := output(e); ok {
				local[name] = true
			}
		}
		if len(local) == before {
			break
		}
	}
	return local
}

// output is r of ak_call_policy(name, kwargs, r), another way to write r := ….
func output(e *ast.Expr) (ast.Var, bool) {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || len(terms) != 4 || terms[0].String() != functionCallPolicy {
		return "", false
	}
	name, ok := terms[3].Value.(ast.Var)
	return name, ok
}

// isResult tells whether a term is the whole result of ak_call_policy.
func (u *unit) isResult(t *ast.Term, local map[ast.Var]bool, rules map[*ast.Rule]bool) bool {
	switch v := t.Value.(type) {
	case ast.Call:
		if len(v) == 3 && v[0].String() == functionCallPolicy {
			return true
		}
		return slices.ContainsFunc(u.resolve(v[0].Value), func(r *ast.Rule) bool {
			return rules[r] && len(r.Head.Args) == len(v)-1
		})
	case ast.Var:
		return local[v] || u.means(v, rules)
	case ast.Ref:
		return u.means(v, rules)
	}
	return false
}
