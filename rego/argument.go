package rego

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// errType says that an argument is of a type that the function does not take.
var errType = errors.New("wrong type")

// typeError is an errType that says more, and nothing of the wrong type itself.
type typeError struct{ text string }

// Error implements error.
func (e *typeError) Error() string { return e.text }

// Is makes every typeError an errType.
func (*typeError) Is(target error) bool { return target == errType }

func wrongType(v ast.Value, name, want string) error {
	return &typeError{fmt.Sprintf("%s is %s: it must be %s", name, article(v), want)}
}

// stringArg demands that an argument is a string. OPA's own check sees only what
// is known when a policy is compiled, and not what comes from the input.
func stringArg(args []ast.Value, i int, name string) (string, error) {
	s, ok := args[i].(ast.String)
	if !ok {
		return "", wrongType(args[i], name, "a string")
	}
	return string(s), nil
}

func objectArg(args []ast.Value, i int, name string) (ast.Object, error) {
	o, ok := args[i].(ast.Object)
	if !ok {
		return nil, wrongType(args[i], name, "an object")
	}
	return o, nil
}

// integerArg demands a whole number, of any size that is reasonable. As in Python,
// true is 1 and false is 0.
func integerArg(args []ast.Value, i int, name string) (*big.Int, error) {
	const maxDigits = 64
	if b, ok := args[i].(ast.Boolean); ok {
		if b {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	}
	n, ok := args[i].(ast.Number)
	if !ok {
		return nil, wrongType(args[i], name, "a whole number")
	}
	if len(n) <= maxDigits {
		if whole, ok := new(big.Int).SetString(string(n), 10); ok {
			return whole, nil
		}
	}
	return nil, &typeError{fmt.Sprintf("%s is %.*s: it must be a whole number", name, maxDigits, string(n))}
}

// article names the type of a value with its article.
func article(v ast.Value) string { return articled(ast.ValueName(v)) }

// articled is the name of a type, in Rego or of a plugin, with its article.
func articled(name string) string {
	switch name {
	case "null":
		return name
	case "array", "object":
		return "an " + name
	}
	return "a " + name
}

// objectType is an object with string keys.
func objectType() types.Type {
	return types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))
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

// plainObject is an object of Rego as JSON has it. Its keys must be strings.
func plainObject(o ast.Object, name string) (map[string]any, error) {
	err := o.Iter(func(k, _ *ast.Term) error {
		if _, ok := k.Value.(ast.String); !ok {
			return wrongType(k.Value, "a key of "+name, "a string")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v, err := ast.JSONWithOpt(o, ast.JSONOpt{SortSets: true})
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: not an object", name)
	}
	return m, nil
}
