package sdk

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"
)

// Value is a type that an argument or a result can have in Go: text, number,
// true or false, list and object of JSON. A []string is a list of texts alone.
type Value interface {
	string | float64 | bool | []string | []any | map[string]any
}

// Callable is code with the types of its arguments and its result. Func0 to Func4
// make it of a Go function, FuncN of one that takes any number of arguments.
type Callable struct {
	args   []Type
	result Type
	call   func(ctx context.Context, facts Facts, args []*structpb.Value) (any, error)
}

// Func0 makes a Callable of a function without arguments. What holds for the
// function of any Callable: many calls run at once. It should end when ctx does.
// An error means that there is no answer, and refuses the login unless the
// administrator wrote otherwise; its text goes to the log. A panic becomes an
// error.
func Func0[R Value](fn func(ctx context.Context, facts Facts) (R, error)) Callable {
	return Callable{nil, typeFor[R](), func(ctx context.Context, facts Facts, _ []*structpb.Value) (any, error) {
		return fn(ctx, facts)
	}}
}

// Func1 makes a Callable of a function with one argument.
func Func1[A, R Value](fn func(ctx context.Context, facts Facts, a A) (R, error)) Callable {
	return Callable{[]Type{typeFor[A]()}, typeFor[R](), func(ctx context.Context, facts Facts, args []*structpb.Value) (any, error) {
		a, err := argument[A](args, 0)
		if err != nil {
			return nil, err
		}
		return fn(ctx, facts, a)
	}}
}

// Func2 makes a Callable of a function with two arguments.
func Func2[A, B, R Value](fn func(ctx context.Context, facts Facts, a A, b B) (R, error)) Callable {
	return Callable{[]Type{typeFor[A](), typeFor[B]()}, typeFor[R](), func(ctx context.Context, facts Facts, args []*structpb.Value) (any, error) {
		b, err := argument[B](args, 1)
		if err != nil {
			return nil, err
		}
		return Func1(func(ctx context.Context, facts Facts, a A) (R, error) { return fn(ctx, facts, a, b) }).call(ctx, facts, args)
	}}
}

// Func3 makes a Callable of a function with three arguments.
func Func3[A, B, C, R Value](fn func(ctx context.Context, facts Facts, a A, b B, c C) (R, error)) Callable {
	return Callable{[]Type{typeFor[A](), typeFor[B](), typeFor[C]()}, typeFor[R](), func(ctx context.Context, facts Facts, args []*structpb.Value) (any, error) {
		c, err := argument[C](args, 2)
		if err != nil {
			return nil, err
		}
		return Func2(func(ctx context.Context, facts Facts, a A, b B) (R, error) { return fn(ctx, facts, a, b, c) }).call(ctx, facts, args)
	}}
}

// Func4 makes a Callable of a function with four arguments.
func Func4[A, B, C, D, R Value](fn func(ctx context.Context, facts Facts, a A, b B, c C, d D) (R, error)) Callable {
	return Callable{[]Type{typeFor[A](), typeFor[B](), typeFor[C](), typeFor[D]()}, typeFor[R](), func(ctx context.Context, facts Facts, args []*structpb.Value) (any, error) {
		d, err := argument[D](args, 3)
		if err != nil {
			return nil, err
		}
		return Func3(func(ctx context.Context, facts Facts, a A, b B, c C) (R, error) { return fn(ctx, facts, a, b, c, d) }).call(ctx, facts, args)
	}}
}

// FuncN makes a Callable of a function that gets its arguments, of the given
// types, as encoding/json would decode them.
func FuncN[R Value](args []Type, fn func(ctx context.Context, facts Facts, args []any) (R, error)) Callable {
	return Callable{args, typeFor[R](), func(ctx context.Context, facts Facts, values []*structpb.Value) (any, error) {
		plain := make([]any, len(values))
		for i, v := range values {
			plain[i] = v.AsInterface()
		}
		return fn(ctx, facts, plain)
	}}
}

// typeFor is the type in the contract of a type in Go.
func typeFor[V Value]() Type {
	var v V
	switch any(v).(type) {
	case string:
		return String
	case float64:
		return Number
	case bool:
		return Boolean
	case map[string]any:
		return Object
	}
	return List
}

// argument is the Go value of an argument whose type was checked.
func argument[V Value](args []*structpb.Value, i int) (V, error) {
	var out V
	v := args[i]
	switch into := any(&out).(type) {
	case *string:
		*into = v.GetStringValue()
	case *float64:
		*into = v.GetNumberValue()
	case *bool:
		*into = v.GetBoolValue()
	case *map[string]any:
		*into = v.GetStructValue().AsMap()
	case *[]any:
		*into = v.GetListValue().AsSlice()
	case *[]string:
		for j, item := range v.GetListValue().GetValues() {
			if _, ok := item.GetKind().(*structpb.Value_StringValue); !ok {
				return out, fmt.Errorf("argument %d: item %d is no text", i+1, j+1)
			}
		}
		*into = textsOf(v)
	}
	return out, nil
}
