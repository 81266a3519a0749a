package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// look takes down the places of the input that an expression is about to look at.
// What is within a comprehension or every comes on its own, if it is run.
func (t *trace) look(x *ast.Expr, e topdown.Event) {
	ast.NewGenericVisitor(func(n any) bool {
		switch n := n.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, *ast.Every:
			return true
		case *ast.With: // what it is put in the place of is not looked at
			ast.WalkRefs(n.Value, func(ref ast.Ref) bool {
				t.lookAt(ref, e)
				return false
			})
			return true
		case ast.Ref:
			t.lookAt(n, e)
		}
		return false
	}).Walk(x)
}

func (t *trace) lookAt(ref ast.Ref, e topdown.Event) {
	if len(ref) == 0 || !ref[0].Equal(ast.InputRootDocument) {
		return
	}
	ref = slices.Clone(ref)
	for i := range ref[1:] {
		ref[i+1] = ast.NewTerm(plugged(ref[i+1].Value, e.Locals))
	}
	t.looked(below(ref))
}

// looked takes down places, each once.
func (t *trace) looked(paths ...policyengine.Path) {
	for _, p := range paths {
		if t != nil && len(t.places) < maxTraced && !slices.Contains(t.places, p) {
			t.places = append(t.places, p)
		}
	}
}

// lookedAt are the places that were looked at, by those that could be: where a
// whole object has been taken and only some of its keys are ever asked for, it is
// these.
func (t *trace) lookedAt(can []policyengine.Path) []policyengine.Path {
	var all []policyengine.Path
	for _, p := range t.places {
		for _, c := range can {
			switch {
			case within(p, c):
				all = append(all, p)
			case within(c, p):
				all = append(all, c)
			}
		}
	}
	return minimal(all)
}

// looksAt are the places that a call of the function looks at itself.
func (b *builtin) looksAt(args []ast.Value) []policyengine.Path {
	if b.narrow != nil {
		return b.narrow(terms(args))
	}
	return b.reads
}
