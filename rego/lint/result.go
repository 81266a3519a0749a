package lint

import (
	"fmt"
	"maps"

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
			var local map[ast.Var]int
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

// givesResult tells how many steps below a rule's value results are: 0 for a
// complete rule or a function that is one, 1 for a set of them.
func (u *unit) givesResult(rule *ast.Rule, known map[*ast.Rule]int) (steps int, ok bool) {
	for _, r := range chain(rule) {
		value, above := r.Head.Value, max(len(r.Head.Ref())-1, 0)
		if r.Head.Key != nil && value == nil { // contains
			value, above = r.Head.Key, above+1
		}
		if value == nil {
			continue
		}
		if steps, ok := u.steps(value, u.resultsIn(r.Body, nil, known), known); ok {
			return steps + above, true
		}
	}
	return 0, false
}

// resultsIn adds the variables of a body that hold results to those around it.
func (u *unit) resultsIn(body ast.Body, around map[ast.Var]int, rules map[*ast.Rule]int) map[ast.Var]int {
	local := maps.Clone(around)
	if local == nil {
		local = map[ast.Var]int{}
	}
	for range body { // one may be assigned from another that stands below
		before := len(local)
		for _, e := range body {
			u.bind(e, local, rules)
		}
		if len(local) == before {
			break
		}
	}
	return local
}

// bind adds the variables that an expression gives results.
func (u *unit) bind(e *ast.Expr, local map[ast.Var]int, rules map[*ast.Rule]int) {
	// items are variables for what a collection holds.
	items := func(t, collection *ast.Term) {
		name, isVar := t.Value.(ast.Var)
		if steps, ok := u.steps(collection, local, rules); ok && isVar && steps > 0 {
			local[name] = steps - 1
		}
	}
	switch terms := e.Terms.(type) {
	case *ast.Every:
		items(terms.Value, terms.Domain)
	case *ast.SomeDecl:
		if call, ok := terms.Symbols[0].Value.(ast.Call); ok && len(call) > 2 {
			items(call[len(call)-2], call[len(call)-1])
		}
	case []*ast.Term:
		if (e.IsAssignment() || e.IsEquality()) && len(terms) == 3 {
			u.unify(terms[1], terms[2], local, rules)
			u.unify(terms[2], terms[1], local, rules)
		}
		if name, ok := output(e); ok {
			local[name] = 0
		}
	}
}

// unify gives a variable what it is put equal to, and those of an array each
// its item.
func (u *unit) unify(to, from *ast.Term, local map[ast.Var]int, rules map[*ast.Rule]int) {
	switch v := to.Value.(type) {
	case ast.Var:
		if steps, ok := u.steps(from, local, rules); ok {
			local[v] = steps
		}
	case *ast.Array:
		if other, ok := from.Value.(*ast.Array); ok && other.Len() == v.Len() {
			for i := range v.Len() {
				u.unify(v.Elem(i), other.Elem(i), local, rules)
			}
		}
	}
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
func (u *unit) isResult(t *ast.Term, local map[ast.Var]int, rules map[*ast.Rule]int) bool {
	steps, ok := u.steps(t, local, rules)
	return ok && steps == 0
}

// steps tells how many steps below a term results of ak_call_policy are: 0 for a
// result, 1 for a list of them. Collections that hold something else too are
// nothing.
func (u *unit) steps(t *ast.Term, local map[ast.Var]int, rules map[*ast.Rule]int) (steps int, ok bool) {
	switch v := t.Value.(type) {
	case ast.Call:
		if len(v) == 3 && v[0].String() == functionCallPolicy {
			return 0, true
		}
		for _, r := range u.resolve(v[0].Value) {
			if steps, ok := rules[r]; ok && len(r.Head.Args) == len(v)-1 {
				return steps, true
			}
		}
	case ast.Var:
		if steps, ok := local[v]; ok {
			return steps, true
		}
		return u.stepsOfRef(ast.Ref{t}, local, rules)
	case ast.Ref:
		return u.stepsOfRef(v, local, rules)
	case *ast.ArrayComprehension:
		return above(u.steps(v.Term, u.resultsIn(v.Body, local, rules), rules))
	case *ast.SetComprehension:
		return above(u.steps(v.Term, u.resultsIn(v.Body, local, rules), rules))
	case *ast.ObjectComprehension:
		return above(u.steps(v.Value, u.resultsIn(v.Body, local, rules), rules))
	}
	items := itemsOf(t.Value)
	for i, item := range items {
		n, same := u.steps(item, local, rules)
		if !same || i > 0 && n != steps {
			return 0, false
		}
		steps = n
	}
	return steps + 1, len(items) > 0
}

func above(steps int, ok bool) (int, bool) { return steps + 1, ok }

// itemsOf are what a collection holds that is written down.
func itemsOf(v ast.Value) []*ast.Term {
	var items []*ast.Term
	switch v := v.(type) {
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { items = append(items, t) })
	case ast.Set:
		v.Foreach(func(t *ast.Term) { items = append(items, t) })
	case ast.Object:
		v.Foreach(func(_, t *ast.Term) { items = append(items, t) })
	}
	return items
}

// stepsOfRef follows a reference from what holds results: a rule, a variable or a
// term.
func (u *unit) stepsOfRef(ref ast.Ref, local map[ast.Var]int, rules map[*ast.Rule]int) (steps int, ok bool) {
	for n := len(ref); n > 0 && !ok; n-- {
		for _, r := range u.resolve(ref[:n]) {
			if held, gives := rules[r]; gives && len(r.Head.Args) == 0 {
				steps, ok = held-(len(ref)-n), true
			}
		}
	}
	if len(ref) > 1 && !ok {
		if steps, ok = u.steps(ref[0], local, rules); ok {
			steps -= len(ref) - 1
		}
	}
	return steps, ok && steps >= 0
}
