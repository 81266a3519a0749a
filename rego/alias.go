package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// aliases are the variables of a rule that stand for a place of the input. The
// compiler makes one for each argument of a call that is a reference, policies
// make them by u := input.request.user, and most of them are asked for keys alone,
// or say to a function who is meant. What else is done with one needs all that it
// stands for, and it is not among them.
type aliases struct {
	paths map[ast.Var]policyengine.Path
	// bound are the expressions that give them their values.
	bound map[*ast.Expr]bool
}

func aliasesOf(rule *ast.Rule, builtins *builtins) *aliases {
	all := &aliases{paths: map[ast.Var]policyengine.Path{}, bound: map[*ast.Expr]bool{}}
	by := map[ast.Var]*ast.Expr{}
	used, fine := map[ast.Var]int{}, map[ast.Var]int{} // how often, and how often with a key alone
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			if v, path, ok := binding(x); ok {
				fine[v]++
				by[v], all.paths[v] = x, path
			}
			if operator := x.Operator(); operator != nil {
				b, operands := builtins.byName[operator.String()], x.Operands()
				if b != nil && b.whose && len(operands) > 0 {
					if v, ok := operands[0].Value.(ast.Var); ok {
						fine[v]++
					}
				}
			}
		case ast.Ref:
			if v, ok := x[0].Value.(ast.Var); ok && below(x) != wholeInput {
				fine[v]++
			}
		case ast.Var:
			used[x]++
		}
		return false
	}).Walk(rule)
	for v, x := range by {
		// Once for the value, and once for something that is asked of it: without
		// that the value itself is what counts.
		if used[v] == fine[v] && used[v] > 1 && !boundTwice(rule, v) {
			all.bound[x] = true
			continue
		}
		delete(all.paths, v)
	}
	return all
}

// binding takes an expression V = input.x.y apart.
func binding(x *ast.Expr) (ast.Var, policyengine.Path, bool) {
	if len(x.With) > 0 || x.Negated || !x.IsEquality() && !x.IsAssignment() {
		return "", "", false
	}
	for _, side := range [][2]int{{0, 1}, {1, 0}} {
		v, isVar := x.Operand(side[0]).Value.(ast.Var)
		ref, isRef := x.Operand(side[1]).Value.(ast.Ref)
		if !isVar || !isRef || !ref[0].Equal(ast.InputRootDocument) {
			continue
		}
		if plainTo(ref) {
			return v, below(ref), true
		}
	}
	return "", "", false
}

// plainTo tells whether a reference is nothing but plain names.
func plainTo(ref ast.Ref) bool {
	for _, t := range ref[1:] {
		key, ok := t.Value.(ast.String)
		if !ok || !plainKey.MatchString(string(key)) {
			return false
		}
	}
	return true
}

func boundTwice(rule *ast.Rule, v ast.Var) bool {
	n := 0
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		if name, _, ok := binding(x); ok && name == v {
			n++
		}
		return false
	})
	return n > 1
}

// path is the place of the input that a reference leads to.
func (a *aliases) path(ref ast.Ref) (policyengine.Path, bool) {
	if ref[0].Equal(ast.InputRootDocument) {
		return below(ref), true
	}
	v, ok := ref[0].Value.(ast.Var)
	if !ok {
		return "", false
	}
	above, ok := a.paths[v]
	return join(above, below(ref)), ok
}

// user is the place of the input that a user argument stands for.
func (a *aliases) user(t *ast.Term) (policyengine.Path, bool) {
	if v, ok := t.Value.(ast.Var); ok {
		path, ok := a.paths[v]
		return path, ok
	}
	return "", false
}
