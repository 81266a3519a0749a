package lint

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// uncertain are the parts of the input that are null where nothing is known.
// Those with a flag say with it whether they know anything.
var uncertain = []struct {
	ref, known ast.Ref
}{
	{ast.MustParseRef("input.geoip"), ast.MustParseRef("input.geoip.known")},
	{ast.MustParseRef("input.asn"), ast.MustParseRef("input.asn.known")},
	{ast.MustParseRef("input.context"), nil},
}

// sure are the parts of the context that every login has, with all that is below
// them but unsure.
var (
	sure = []ast.Ref{
		ast.MustParseRef("input.context.application"), ast.MustParseRef("input.context.source"), ast.MustParseRef("input.context.pending_user"),
	}
	unsure = []ast.Ref{
		ast.MustParseRef("input.context.pending_user.attributes"), ast.MustParseRef("input.context.pending_user.dn"),
		ast.MustParseRef("input.context.pending_user.email"), ast.MustParseRef("input.context.pending_user.last_login"),
		ast.MustParseRef("input.context.pending_user.name"), ast.MustParseRef("input.context.pending_user.password_change_time"),
	}
)

// isSure tells whether every login has a value there: the context itself, and
// what is sure below it.
func isSure(ref ast.Ref) bool {
	prefix := ref.ConstantPrefix()
	if len(ref) == 2 {
		return ref.String() == "input.context"
	}
	return slices.ContainsFunc(sure, prefix.HasPrefix) && !slices.ContainsFunc(unsure, prefix.HasPrefix)
}

// negations finds "not" over what may be unknown: it holds for the unknown too,
// and so do != and comparisons where nothing counts as less than everything.
// A test whether it is known, in the same body or one around it, is enough.
func (u *unit) negations(bodies []ast.Body) {
	for _, e := range bodies[len(bodies)-1] {
		reported := map[string]bool{}
		visit := func(ref ast.Ref) bool {
			u.mayBeUnknown(ref, e, bodies, reported)
			return false
		}
		if e.Negated {
			ast.WalkRefs(e, visit)
			continue
		}
		for _, t := range trueOfNull(e) {
			if ref, ok := t.Value.(ast.Ref); ok {
				visit(ref)
			}
		}
	}
}

// trueOfNull are the operands of a comparison that holds where they are null.
func trueOfNull(e *ast.Expr) []*ast.Term {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || len(terms) != 3 {
		return nil
	}
	switch terms[0].String() {
	case "neq":
		return terms[1:]
	case "lt", "lte":
		return terms[1:2]
	case "gt", "gte":
		return terms[2:]
	}
	return nil
}

// mayBeUnknown reports a reference of an expression that holds for null. What is
// compared and has no flag that says whether it is known is left to "not".
func (u *unit) mayBeUnknown(ref ast.Ref, e *ast.Expr, bodies []ast.Body, reported map[string]bool) {
	prefix := ref.ConstantPrefix()
	for _, part := range uncertain {
		if !prefix.HasPrefix(part.ref) || part.known != nil && prefix.HasPrefix(part.known) || part.known == nil && !e.Negated || isSure(ref) ||
			reported[ref.String()] || certain(ref, part.known, e, bodies) {
			continue
		}
		reported[ref.String()] = true
		hint := fmt.Sprintf("add %s != null", ref)
		if part.known != nil {
			hint = fmt.Sprintf("add %s", part.known)
		}
		u.report(e.Location, Warning, NegatedUnknown, fmt.Sprintf("%s may be null, and then `%s` holds", ref, written(e)), hint)
	}
}

// certain tells whether another expression tests that the value is known: the
// flag of its part, a comparison with null, or is_null.
func certain(ref, known ast.Ref, negated *ast.Expr, bodies []ast.Body) bool {
	tests := func(e *ast.Expr) bool {
		if known != nil && anyTerm(e, func(t *ast.Term) bool { return t.Value.Compare(known) == 0 }) {
			return true
		}
		terms, ok := e.Terms.([]*ast.Term)
		if !ok || !anyTerm(e, func(t *ast.Term) bool { return t.Value.Compare(ref) == 0 }) {
			return false
		}
		return terms[0].String() == "is_null" && e.Negated ||
			terms[0].String() == "neq" && anyTerm(e, func(t *ast.Term) bool { return t.Value.Compare(ast.NullValue) == 0 })
	}
	for _, body := range bodies {
		for _, e := range body {
			if (e == negated && isNullTest(e)) || e != negated && tests(e) {
				return true
			}
		}
	}
	return false
}

// isNullTest tells whether the negated expression is itself the test: not
// is_null(x), not x == null.
func isNullTest(e *ast.Expr) bool {
	terms, ok := e.Terms.([]*ast.Term)
	return ok && (terms[0].String() == "is_null" || anyTerm(e, func(t *ast.Term) bool { return t.Value.Compare(ast.NullValue) == 0 }))
}
