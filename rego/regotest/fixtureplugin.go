package regotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
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

// answers are what a function of a plugin answers: always the same, or by its
// arguments.
type answers struct {
	fixed any
	cases []answer
}

type answer struct {
	args   []any
	result any
}

// DecodeYAML reads a value, or a list of {args, result}.
func (a *answers) DecodeYAML(v any) error {
	if v == nil {
		return errors.New("has no value: plugins do not answer null")
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 || !slices.ContainsFunc(list, isCase) {
		a.fixed = numbered(v)
		return nil
	}
	for i, item := range list {
		m, _ := item.(map[string]any)
		args, isList := m["args"].([]any)
		result, known := m["result"]
		if !isList || !known || result == nil || len(m) != 2 {
			return fmt.Errorf("item %d: write {args: [ARGUMENT, …], result: VALUE}", i+1)
		}
		a.cases = append(a.cases, answer{numbered(args).([]any), numbered(result)})
	}
	return nil
}

func isCase(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["args"] != nil
}

// numbered makes float64 of all numbers, as helpers have them.
func numbered(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = numbered(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key := range v {
			object[key] = numbered(v[key])
		}
		return object
	}
	return v
}

// results are all values that the function can answer with.
func (a *answers) results() []any {
	if a.cases == nil {
		return []any{a.fixed}
	}
	all := make([]any, len(a.cases))
	for i := range a.cases {
		all[i] = a.cases[i].result
	}
	return all
}

var functionName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*\z`)

func (f *Fixture) checkPlugins(places config.Places) error {
	var faults []error
	for name, a := range f.plugins {
		if !functionName.MatchString(name) {
			faults = append(faults, places.Fault("plugins", "%.80q is no name of a function: write PLUGIN.FUNCTION", name))
		}
		results := a.results()
		for i := range results {
			if policyengine.TypeOf(results[i]) != policyengine.TypeOf(results[0]) {
				faults = append(faults, places.Fault("plugins."+name, "its results are of several types: a function has results of one"))
				break
			}
		}
		for i := range a.cases {
			if len(a.cases[i].args) != len(a.cases[0].args) {
				faults = append(faults, places.Fault("plugins."+name, "item %d has %d arguments, and item 1 has %d", i+1, len(a.cases[i].args), len(a.cases[0].args)))
			}
		}
	}
	return errors.Join(faults...)
}

// function answers for a function of a plugin.
type function struct {
	name    string
	answers *answers
}

// Check implements policyengine.Condition.
func (f function) Check(_ context.Context, _ *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	switch {
	case f.answers == nil:
		return nil, fmt.Errorf("the fixture has no answer for %s: add it to plugins", f.name)
	case f.answers.cases == nil:
		return f.answers.fixed, nil
	}
	for _, c := range f.answers.cases {
		if reflect.DeepEqual(c.args, args) {
			return c.result, nil
		}
	}
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the fixture has no answer for %s with the arguments %.200s: add {args: …, result: …} to plugins.%s", f.name, text, f.name)
}
