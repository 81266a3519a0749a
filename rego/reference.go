package rego

import (
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// Helper describes a helper function to whoever writes policies.
type Helper struct {
	Name string
	Args []Argument
	// Result is the type of the answer, written as in Args.
	Result string
	Class  policyengine.Class
	// Memo: equal calls of one decision have one answer.
	Memo bool
	// Cost is 1 for cheap functions, 2 for a look-up in an index, 3 for a round
	// trip that may be needed and 4 for one that is.
	Cost         int
	Doc, Example string
}

// Argument is an argument of a Helper: a name, and a type as "string" or "array or
// set".
type Argument struct{ Name, Type string }

// Reference describes all helper functions but those of plugins, in the order of
// the documentation.
func Reference() []Helper {
	var all []Helper
	for _, b := range ownBuiltins(&world{}) {
		h := Helper{
			Name: b.name, Result: typeName(b.result), Class: b.class, Cost: b.cost, Doc: b.doc, Example: b.example,
			Memo: b.memoize || b.whose || b.name == callName || b.class == policyengine.Deterministic,
		}
		for _, a := range b.args {
			h.Args = append(h.Args, Argument{a.name, typeName(a.typ)})
		}
		all = append(all, h)
	}
	return all
}

// typeName writes a type as an administrator knows it.
func typeName(t types.Type) string {
	switch t := t.(type) {
	case types.Any:
		text := ""
		for _, one := range t {
			if text != "" {
				text += " or "
			}
			text += typeName(one)
		}
		if text == "" {
			return "any"
		}
		return text
	case *types.Array:
		return "array"
	case *types.Set:
		return "set"
	case *types.Object:
		return "object"
	case types.Null:
		return "null"
	}
	return t.String()
}
