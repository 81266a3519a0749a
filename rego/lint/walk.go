package lint

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// eachCall visits every call: as a condition of its own, and within terms.
func eachCall(x any, visit func(function string, operator *ast.Term, args []*ast.Term)) {
	ast.NewGenericVisitor(func(n any) bool {
		switch n := n.(type) {
		case *ast.Expr:
			if terms, ok := n.Terms.([]*ast.Term); ok && len(terms) > 0 {
				visit(terms[0].String(), terms[0], terms[1:])
			}
		case ast.Call:
			if len(n) > 0 {
				visit(n[0].String(), n[0], n[1:])
			}
		}
		return false
	}).Walk(x)
}

// eachBody visits every body of a rule with the bodies around it: the last one
// is the body itself.
func eachBody(x any, around []ast.Body, visit func(bodies []ast.Body)) {
	ast.NewGenericVisitor(func(n any) bool {
		body, ok := n.(ast.Body)
		if !ok {
			return false
		}
		inner := append(slices.Clip(around), body)
		visit(inner)
		for _, e := range body {
			eachBody(e, inner, visit)
		}
		return true
	}).Walk(x)
}

// condition takes an expression apart that stands for its truth: a term, or the
// call of a function. Assignments and the like are none.
func condition(e *ast.Expr) (term *ast.Term, ok bool) {
	switch terms := e.Terms.(type) {
	case *ast.Term:
		return terms, true
	case []*ast.Term:
		if e.IsEquality() || e.IsAssignment() {
			return nil, false
		}
		return &ast.Term{Value: ast.Call(terms), Location: place(terms[0], e.Location)}, true
	}
	return nil, false
}

// assignment takes "name := value" and "name = value" apart.
func assignment(e *ast.Expr) (name ast.Var, value *ast.Term, ok bool) {
	if !e.IsAssignment() && !e.IsEquality() {
		return "", nil, false
	}
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || len(terms) != 3 {
		return "", nil, false
	}
	name, ok = terms[1].Value.(ast.Var)
	return name, terms[2], ok
}

// anyTerm tells whether a term within x fits.
func anyTerm(x any, fits func(*ast.Term) bool) bool {
	found := false
	ast.WalkTerms(x, func(t *ast.Term) bool {
		found = found || fits(t)
		return found
	})
	return found
}

// headName is the name of a rule, or of the document that it is part of.
func headName(r *ast.Rule) string {
	if ref := r.Head.Ref(); len(ref) > 0 {
		if v, ok := ref[0].Value.(ast.Var); ok {
			return string(v)
		}
	}
	return string(r.Head.Name)
}

// place is that of a term, or of the rule or expression around it where the
// parser has made the term up.
func place(t *ast.Term, around *ast.Location) *ast.Location {
	if t == nil || t.Location == nil || t.Location.File == "" {
		return around
	}
	return t.Location
}

// chain is a rule and its else branches.
func chain(r *ast.Rule) []*ast.Rule {
	var all []*ast.Rule
	for ; r != nil; r = r.Else {
		all = append(all, r)
	}
	return all
}
