package sdk

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"
)

// Call is one call of a function: its arguments, already checked against the
// declared types, and the facts that the function reads.
type Call struct {
	args  []*structpb.Value
	facts map[string]*structpb.Value
}

// NewCall makes a Call by hand, so that a function can be tested without
// Sallyport. It takes what a function may return.
func NewCall(args []any, facts map[string]any) (Call, error) {
	c := Call{facts: make(map[string]*structpb.Value, len(facts))}
	for i, a := range args {
		v, err := toValue(a)
		if err != nil {
			return Call{}, fmt.Errorf("argument %d: %w", i+1, err)
		}
		c.args = append(c.args, v)
	}
	for name, f := range facts {
		v, err := toValue(f)
		if err != nil {
			return Call{}, fmt.Errorf("fact %s: %w", name, err)
		}
		c.facts[name] = v
	}
	return c, nil
}

func (c Call) arg(i int) *structpb.Value {
	if i < 0 || i >= len(c.args) {
		return nil
	}
	return c.args[i]
}

// String is argument i, counted from 0. Like its siblings it is the zero value
// for an argument that was not declared with this type.
func (c Call) String(i int) string { return c.arg(i).GetStringValue() }

// Number is argument i.
func (c Call) Number(i int) float64 { return c.arg(i).GetNumberValue() }

// Boolean is argument i.
func (c Call) Boolean(i int) bool { return c.arg(i).GetBoolValue() }

// List is argument i, as encoding/json would decode it.
func (c Call) List(i int) []any { return c.arg(i).GetListValue().AsSlice() }

// Object is argument i, as encoding/json would decode it.
func (c Call) Object(i int) map[string]any { return c.arg(i).GetStructValue().AsMap() }

// Fact is a fact of the login, as encoding/json would decode it; nil for one
// that the login does not have or that the function does not read.
func (c Call) Fact(name string) any { return c.facts[name].AsInterface() }

// FactString is a fact that is a text; "" where Fact is nil.
func (c Call) FactString(name string) string { return c.facts[name].GetStringValue() }

// FactStrings is a fact that is a list of texts, such as user.groups; empty
// where Fact is nil.
func (c Call) FactStrings(name string) []string {
	values := c.facts[name].GetListValue().GetValues()
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, v.GetStringValue())
	}
	return texts
}

// toValue turns what a function returned into what goes over the wire; values
// that structpb does not know ([]string, structs) take the way through JSON.
func toValue(v any) (*structpb.Value, error) {
	if pv, err := structpb.NewValue(v); err == nil {
		return pv, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%T cannot be written as JSON: %w", v, err)
	}
	pv := new(structpb.Value)
	if err := pv.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("%T cannot be sent: %w", v, err)
	}
	return pv, nil
}
