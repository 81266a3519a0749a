package regotest

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

const pluginPrefix = "plugin."

// helpers are the functions of plugins that the fixture answers for, and those that
// modules call without: these fail when they are called. What a function takes is
// known from the calls alone.
func (f *Fixture) helpers(modules ...map[string]*ast.Module) []policyengine.Helper {
	arity := map[string]int{}
	call := func(operator *ast.Term, operands int) {
		name, ok := strings.CutPrefix(operator.String(), pluginPrefix)
		if !ok || !functionName.MatchString(name) {
			return
		}
		if known, again := arity[name]; !again || operands < known { // more is a call f(x, y) for f(x) == y
			arity[name] = operands
		}
	}
	for _, all := range modules {
		for _, m := range all {
			ast.NewGenericVisitor(func(x any) bool {
				switch x := x.(type) {
				case *ast.Expr:
					if terms, ok := x.Terms.([]*ast.Term); ok && len(terms) > 0 {
						call(terms[0], len(terms)-1)
					}
				case ast.Call:
					call(x[0], len(x)-1)
				}
				return false
			}).Walk(m)
		}
	}
	for name := range f.plugins {
		if a := f.plugins[name]; a.cases != nil {
			arity[name] = len(a.cases[0].args)
		} else if _, called := arity[name]; !called {
			arity[name] = 0
		}
	}
	helpers := make([]policyengine.Helper, 0, len(arity))
	for _, name := range slices.Sorted(maps.Keys(arity)) {
		h := policyengine.Helper{
			Name: name, Args: slices.Repeat([]policyengine.ValueType{rego.AnyType}, arity[name]),
			Result: rego.AnyType, Class: policyengine.ReadsNetwork, Condition: function{name: name},
		}
		if a, ok := f.plugins[name]; ok {
			h.Result = policyengine.TypeOf(a.results()[0])
			h.Condition = function{name, &a}
		}
		helpers = append(helpers, h)
	}
	return helpers
}
