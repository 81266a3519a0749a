package rego

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// listBuiltins are list_flatten and slugify.
func listBuiltins() []*builtin {
	return []*builtin{
		{
			name: "list_flatten", args: []arg{{"value", types.A}}, result: types.A,
			class: policyengine.Deterministic, cost: 1,
			doc:     "The first item of an array, null for an empty one; anything else as it is.",
			example: `list_flatten(input.request.user.attributes.mail)`,
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				list, ok := args[0].(*ast.Array)
				switch {
				case !ok:
					return args[0], nil
				case list.Len() == 0:
					return ast.NullValue, nil
				}
				return list.Elem(0).Value, nil
			},
		},
		{
			name: "slugify", args: []arg{{"value", types.A}}, result: types.S,
			class: policyengine.Deterministic, cost: 1,
			doc:     "A text in small ASCII letters, digits, - and _; null gives none.",
			example: `slugify("Some Name") == "some-name"`,
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				return ast.String(slugify(pythonText(args[0]))), nil
			},
		},
	}
}

// pythonText is a value as Python writes it, where slugify comes from.
func pythonText(v ast.Value) string {
	switch v := v.(type) {
	case ast.String:
		return string(v)
	case ast.Null:
		return "None"
	case ast.Boolean:
		if v {
			return "True"
		}
		return "False"
	}
	return v.String()
}
