package rego

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
)

// lookups are the ways to compare the name of a group with a text. Each makes a
// test out of the text. The ones with an i compare without case.
var lookups = map[string]func(want string) func(name string) bool{
	"exact":       func(want string) func(string) bool { return func(name string) bool { return name == want } },
	"iexact":      folded(func(name, want string) bool { return name == want }),
	"contains":    plain(strings.Contains),
	"icontains":   folded(strings.Contains),
	"startswith":  plain(strings.HasPrefix),
	"istartswith": folded(strings.HasPrefix),
	"endswith":    plain(strings.HasSuffix),
	"iendswith":   folded(strings.HasSuffix),
}

func plain(test func(name, want string) bool) func(string) func(string) bool {
	return func(want string) func(string) bool {
		return func(name string) bool { return test(name, want) }
	}
}

func folded(test func(name, want string) bool) func(string) func(string) bool {
	return func(want string) func(string) bool {
		want = strings.ToLower(want)
		return func(name string) bool { return test(strings.ToLower(name), want) }
	}
}

// groupFilters makes a test for group names from an object of filters, such as
// {"name__startswith": "net-"}: a group has to fit all of them, and fits an
// empty object.
func groupFilters(patterns *patterns, filters ast.Object) (func(group string) bool, error) {
	var tests []func(string) bool
	err := filters.Iter(func(k, v *ast.Term) error {
		test, err := groupFilter(patterns, k.Value, v.Value)
		tests = append(tests, test)
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(group string) bool {
		for _, test := range tests {
			if !test(group) {
				return false
			}
		}
		return true
	}, nil
}

// checkFilters checks what is written down of a filter object in a policy.
func checkFilters(patterns *patterns, t *ast.Term) error {
	filters, ok := t.Value.(ast.Object)
	if !ok {
		return nil // known when it is evaluated
	}
	var faults []error
	filters.Foreach(func(k, v *ast.Term) {
		if !isData(k) {
			return
		}
		var err error
		if isData(v) {
			_, err = groupFilter(patterns, k.Value, v.Value)
		} else {
			_, err = lookupOf(k.Value)
		}
		faults = append(faults, err)
	})
	return errors.Join(faults...)
}

// isData tells that a term is a plain value all the way down: no reference, no
// call.
func isData(t *ast.Term) bool {
	data := true
	ast.WalkTerms(t, func(t *ast.Term) bool {
		switch t.Value.(type) {
		case ast.Ref, ast.Call, ast.Var, *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			data = false
		}
		return !data
	})
	return data
}

func groupFilter(patterns *patterns, key, value ast.Value) (func(group string) bool, error) {
	lookup, err := lookupOf(key)
	if err != nil {
		return nil, err
	}
	if lookup == "in" {
		return oneOf(key, value)
	}
	want, ok := value.(ast.String)
	if !ok {
		return nil, fmt.Errorf("filter %s: the value is %s: it must be a string", key, article(value))
	}
	if lookup == "regex" {
		re, err := patterns.compile(string(want))
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", key, err)
		}
		return re.MatchString, nil
	}
	return lookups[lookup](string(want)), nil
}

// oneOf is the lookup in: the value is an array or a set of names.
func oneOf(key, value ast.Value) (func(group string) bool, error) {
	var names []string
	collect := func(t *ast.Term) error {
		name, ok := t.Value.(ast.String)
		if !ok {
			return fmt.Errorf("filter %s: an item is %s: it must be a string", key, article(t.Value))
		}
		names = append(names, string(name))
		return nil
	}
	var err error
	switch value := value.(type) {
	case *ast.Array:
		err = value.Iter(collect)
	case ast.Set:
		err = value.Iter(collect)
	default:
		err = fmt.Errorf("filter %s: the value is %s: it must be an array or a set of names", key, article(value))
	}
	return func(group string) bool { return slices.Contains(names, group) }, err
}

// lookupOf splits a filter's key, field__lookup or field alone.
func lookupOf(key ast.Value) (string, error) {
	text, ok := key.(ast.String)
	if !ok {
		return "", fmt.Errorf("the filter key %s is %s: it must be a string", key, article(key))
	}
	field, lookup, found := strings.Cut(string(text), "__")
	if field != "name" {
		return "", fmt.Errorf("filter %q: there is no field %q: groups are known by their name%s", string(text), field, config.DidYouMean(field, []string{"name"}))
	}
	if !found {
		lookup = "exact"
	}
	if lookup != "in" && lookup != "regex" && lookups[lookup] == nil {
		known := append(sortedKeys(lookups), "in", "regex")
		return "", fmt.Errorf("filter %q: there is no lookup %q%s: there are %s", string(text), lookup, config.DidYouMean(lookup, known), strings.Join(known, ", "))
	}
	return lookup, nil
}
