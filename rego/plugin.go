package rego

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/policyengine"
)

var helperName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*\z`)

// typesOf are the declared types of helpers as the compiler knows them.
var typesOf = map[policyengine.ValueType]types.Type{
	policyengine.TypeString:  types.S,
	policyengine.TypeNumber:  types.N,
	policyengine.TypeBoolean: types.B,
	policyengine.TypeList:    types.NewArray(nil, types.A),
	policyengine.TypeObject:  types.NewObject(nil, types.NewDynamicProperty(types.S, types.A)),
	AnyType:                  types.A,
}

const pluginPrefix = "plugin."

// AnyType is the type of arguments and results of which nothing is declared: a
// test knows functions of plugins by their answers alone.
const AnyType policyengine.ValueType = "any"

// pluginBuiltin makes the function plugin.<Helper.Name> of a condition helper. The
// results that can be kept for a while are those that the host of plugins keeps
// itself, and notes.
func pluginBuiltin(h policyengine.Helper) (*builtin, error) {
	if !helperName.MatchString(h.Name) {
		return nil, errors.New("the name must be PLUGIN.FUNCTION, both of letters, digits and underscores")
	}
	if h.Condition == nil {
		return nil, errors.New("there is nothing to call")
	}
	b := &builtin{
		name: pluginPrefix + h.Name, class: h.Class, cost: 3, doc: h.Doc,
		memoize: h.Class != policyengine.SideEffect,
		reads:   h.Reads,
	}
	if h.TTL <= 0 && (h.Class == policyengine.ReadsState || h.Class == policyengine.ReadsNetwork) {
		b.never = "its answers are for the moment"
	}
	for i, t := range h.Args {
		if typesOf[t] == nil {
			return nil, fmt.Errorf("argument %d has the unknown type %q", i+1, t)
		}
		b.args = append(b.args, arg{fmt.Sprintf("argument%d", i+1), typesOf[t]})
	}
	if b.result = typesOf[h.Result]; b.result == nil {
		return nil, fmt.Errorf("the result has the unknown type %q", h.Result)
	}
	b.call = func(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
		return callHelper(ctx, h, e.in, args)
	}
	return b, nil
}

var errEffects = errors.New("it was not called: it has side effects")

func callHelper(ctx context.Context, h policyengine.Helper, in *policyengine.Input, args []ast.Value) (ast.Value, error) {
	if h.Class == policyengine.SideEffect && !policyengine.Effects(ctx) {
		return nil, errEffects
	}
	values := make([]policyengine.Value, len(args))
	for i, a := range args {
		v, err := toValue(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		if got := policyengine.TypeOf(v); got != h.Args[i] && h.Args[i] != AnyType {
			return nil, wrongType(a, fmt.Sprintf("argument %d", i+1), articled(string(h.Args[i])))
		}
		values[i] = v
	}
	v, err := h.Check(ctx, in, values)
	if late := ctx.Err(); late != nil {
		return nil, ended(late)
	}
	if err != nil {
		return nil, err
	}
	result, err := fromValue(v)
	if err != nil {
		return nil, err
	}
	if got := policyengine.TypeOf(v); got != h.Result && h.Result != AnyType {
		return nil, fmt.Errorf("the helper answered with %s, it declares %s", article(result), articled(string(h.Result)))
	}
	return result, nil
}

// toValue turns a value of Rego into one for helpers; sets become lists.
func toValue(v ast.Value) (policyengine.Value, error) {
	j, err := ast.JSONWithOpt(v, ast.JSONOpt{SortSets: true})
	if err != nil {
		return nil, err
	}
	return plainNumbers(j)
}

func plainNumbers(v any) (policyengine.Value, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return v.Float64()
	case []any:
		list := make([]policyengine.Value, len(v))
		for i := range v {
			if list[i], err = plainNumbers(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]policyengine.Value, len(v))
		for key := range v {
			if object[key], err = plainNumbers(v[key]); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return v, nil
}

// fromValue turns a helper's answer into a value of Rego.
func fromValue(v policyengine.Value) (ast.Value, error) {
	if n, ok := v.(float64); ok && (math.IsNaN(n) || math.IsInf(n, 0)) {
		return nil, fmt.Errorf("the helper answered with %v, which is no number of JSON", n)
	}
	result, err := ast.InterfaceToValue(v)
	if err != nil {
		return nil, fmt.Errorf("the helper's answer: %w", err)
	}
	return result, nil
}
