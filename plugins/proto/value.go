package proto

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/types/known/structpb"
)

// Check reports an error unless v is a value of type t that JSON can express:
// NaN and the infinities are refused, at any depth.
func (t Type) Check(v *structpb.Value) error {
	if t == Type_TYPE_UNSPECIFIED || TypeOf(v) != t {
		return fmt.Errorf("want %s, got %s", t.Text(), describe(v))
	}
	return finite(v)
}

// TypeOf is the type of a value; TYPE_UNSPECIFIED for null and for no value.
func TypeOf(v *structpb.Value) Type {
	switch v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return Type_TYPE_STRING
	case *structpb.Value_NumberValue:
		return Type_TYPE_NUMBER
	case *structpb.Value_BoolValue:
		return Type_TYPE_BOOLEAN
	case *structpb.Value_ListValue:
		return Type_TYPE_LIST
	case *structpb.Value_StructValue:
		return Type_TYPE_OBJECT
	}
	return Type_TYPE_UNSPECIFIED
}

// Text is the type's name as authors and administrators write it.
func (t Type) Text() string {
	switch t {
	case Type_TYPE_STRING:
		return "string"
	case Type_TYPE_NUMBER:
		return "number"
	case Type_TYPE_BOOLEAN:
		return "boolean"
	case Type_TYPE_LIST:
		return "list"
	case Type_TYPE_OBJECT:
		return "object"
	}
	return "unspecified"
}

func describe(v *structpb.Value) string {
	switch v.GetKind().(type) {
	case nil:
		return "no value"
	case *structpb.Value_NullValue:
		return "null"
	}
	return TypeOf(v).Text()
}

func finite(v *structpb.Value) error {
	switch k := v.GetKind().(type) {
	case nil:
		return fmt.Errorf("a value without a kind")
	case *structpb.Value_NumberValue:
		if math.IsNaN(k.NumberValue) || math.IsInf(k.NumberValue, 0) {
			return fmt.Errorf("%v is not a number of JSON", k.NumberValue)
		}
	case *structpb.Value_ListValue:
		for _, e := range k.ListValue.GetValues() {
			if err := finite(e); err != nil {
				return err
			}
		}
	case *structpb.Value_StructValue:
		for _, e := range k.StructValue.GetFields() {
			if err := finite(e); err != nil {
				return err
			}
		}
	}
	return nil
}
