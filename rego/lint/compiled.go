package lint

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// Compiled looks at what only the compiler knows: whether the values that allow
// can have are all booleans. It takes modules that Modules finds no fault with.
func Compiled(c *ast.Compiler) []Finding {
	var all []Finding
	seen := map[string]bool{}
	for _, m := range c.Modules {
		name, ok := PolicyName(m)
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		ref := append(m.Package.Path.Copy(), ast.StringTerm("allow"))
		kind := otherThanBoolean(c.TypeEnv.GetByRef(ref))
		if kind == "" {
			continue
		}
		all = append(all, at(computed(c.GetRulesExact(ref)), Error, AllowNotBoolean,
			fmt.Sprintf("allow can be %s", kind), "it must be true or false"))
	}
	return sorted(all)
}

// computed is the first rule whose value is not written down as a boolean.
func computed(rules []*ast.Rule) *ast.Location {
	var first *ast.Location
	for _, rule := range rules {
		for _, r := range chain(rule) {
			if _, written := r.Head.Value.Value.(ast.Boolean); written {
				continue
			}
			if first == nil || r.Location.Compare(first) < 0 {
				first = r.Location
			}
		}
	}
	if first == nil && len(rules) > 0 {
		return rules[0].Location
	}
	return first
}

// otherThanBoolean names a type that is not boolean, or has one among others;
// empty if there is none, or if nothing is known.
func otherThanBoolean(t types.Type) string {
	switch t := t.(type) {
	case nil, types.Boolean:
		return ""
	case types.Any:
		for _, one := range t {
			if name := otherThanBoolean(one); name != "" {
				return name
			}
		}
		return ""
	case types.Null:
		return "null"
	case types.String:
		return "a string"
	case types.Number:
		return "a number"
	case *types.Array:
		return "an array"
	case *types.Set:
		return "a set"
	case *types.Object:
		return "an object"
	}
	return types.Sprint(t)
}
