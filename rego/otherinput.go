package rego

import "github.com/open-policy-agent/opa/v1/ast"

// otherInput refuses an expression that puts something in the place of the input,
// or of a part of it, and comes to a function that looks at the login itself: that
// one would answer for the input that there is, and not for the one that is
// written there.
func (a *analyzer) otherInput(x *ast.Expr) {
	if !replacesInput(x) {
		return
	}
	within := &analyzer{compiler: a.compiler, builtins: a.builtins, visited: map[*ast.Rule]bool{}}
	within.looks = func(function string) {
		a.faults = append(a.faults, at(x.Location, "%s looks at the login itself, and with input does not change that for it: "+
			"give it what it needs as arguments (ak_call_policy: kwargs)", function))
	}
	plain := *x
	plain.With = nil
	within.walk(&plain, &aliases{})
}

func replacesInput(x *ast.Expr) bool {
	for _, w := range x.With {
		if ref, ok := w.Target.Value.(ast.Ref); ok && ref[0].Equal(ast.InputRootDocument) {
			return true
		}
	}
	return false
}
