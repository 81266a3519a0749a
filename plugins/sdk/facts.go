package sdk

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"
)

// Facts are what a function, or an observer, learns of a login: the facts that it
// declared to read. The zero value has none.
type Facts struct{ values map[string]*structpb.Value }

// NewFacts makes Facts by hand, for the tests of a helper: it takes whatever
// encoding/json can write.
func NewFacts(values map[string]any) (Facts, error) {
	f := Facts{make(map[string]*structpb.Value, len(values))}
	for name, value := range values {
		v, err := toValue(value)
		if err != nil {
			return Facts{}, fmt.Errorf("fact %s: %w", name, err)
		}
		f.values[name] = v
	}
	return f, nil
}

// Value is a fact, as encoding/json would decode it; nil for one that the login
// does not have or that was not declared.
func (f Facts) Value(name string) any { return f.values[name].AsInterface() }

// Has reports whether the login has the fact.
func (f Facts) Has(name string) bool {
	_, null := f.values[name].GetKind().(*structpb.Value_NullValue)
	return f.values[name] != nil && !null
}

// String is a fact that is a text. Like its siblings it is the zero value where
// Value is nil or of another type.
func (f Facts) String(name string) string { return f.values[name].GetStringValue() }

// Number is a fact that is a number.
func (f Facts) Number(name string) float64 { return f.values[name].GetNumberValue() }

// Boolean is a fact that is true or false.
func (f Facts) Boolean(name string) bool { return f.values[name].GetBoolValue() }

// Strings is a fact that is a list of texts, such as user.groups.
func (f Facts) Strings(name string) []string { return textsOf(f.values[name]) }

// Attribute is the texts of one attribute of user.attributes or
// radius.attributes.
func (f Facts) Attribute(name, attribute string) []string {
	return textsOf(f.values[name].GetStructValue().GetFields()[attribute])
}

func textsOf(list *structpb.Value) []string {
	values := list.GetListValue().GetValues()
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, v.GetStringValue())
	}
	return texts
}

// toValue turns what a function returned into what goes over the wire; values
// that structpb does not know (structs, maps of lists) take the way through JSON.
func toValue(v any) (*structpb.Value, error) {
	if texts, ok := v.([]string); ok {
		list := make([]any, len(texts))
		for i := range texts {
			list[i] = texts[i]
		}
		v = list
	}
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
