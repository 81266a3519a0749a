package scoped

import (
	"fmt"
	"slices"
	"strings"
)

// Action are the actions of a policy in the order in which they were written.
// Names are unique.
type Action []ActionItem

// ActionItem is one action: a flag ("enable"), or a name with a value
// ("otppin=userstore").
type ActionItem struct {
	Name string
	// Value is the text behind the first equals sign, quotes included; empty for a
	// flag.
	Value string
	// Flag says that the action has no value of its own, and counts as true.
	Flag bool
}

// Get returns the action of exactly this name.
func (a Action) Get(name string) (ActionItem, bool) {
	for i := range a {
		if a[i].Name == name {
			return a[i], true
		}
	}
	return ActionItem{}, false
}

// Set replaces the action of this name in its place, or appends it.
func (a *Action) Set(item ActionItem) {
	for i := range *a {
		if (*a)[i].Name == item.Name {
			(*a)[i] = item
			return
		}
	}
	*a = append(*a, item)
}

// Names returns the names in order.
func (a Action) Names() []string {
	names := make([]string, len(a))
	for i := range a {
		names[i] = a[i].Name
	}
	return names
}

// String is the text form, "a=b, c".
func (a Action) String() string {
	pieces := make([]string, len(a))
	for i, item := range a {
		pieces[i] = item.String()
	}
	return strings.Join(pieces, ", ")
}

// String is "name" or "name=value".
func (i ActionItem) String() string {
	if i.Flag {
		return i.Name
	}
	return i.Name + "=" + i.Value
}

// ParseAction reads actions as text, "a=b, c": split at every comma, each piece
// at its first equals sign. A later duplicate wins. Blanks around an equals sign
// would become part of the name or the value and are therefore refused.
func ParseAction(text string) (Action, error) {
	return parsePieces(strings.Split(text, ","))
}

// DecodeYAML takes what a YAML parser makes of an action: text ("a=b, c"), a
// list of such pieces ([a=b, c]), or a mapping whose values are text, numbers or
// true. A mapping has no order; its actions are sorted by name.
func (a *Action) DecodeYAML(v any) error {
	var err error
	switch v := v.(type) {
	case nil:
		*a = nil
	case string:
		*a, err = ParseAction(v)
	case []any:
		pieces := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return fmt.Errorf("item %d is a %T: write text such as authorized=deny_access", i+1, item)
			}
			pieces[i] = text
		}
		*a, err = parsePieces(pieces)
	case map[string]any:
		*a, err = actionOf(v)
	default:
		err = fmt.Errorf("a %T is no action: write a mapping such as {authorized: deny_access}", v)
	}
	return err
}

func parsePieces(pieces []string) (Action, error) {
	if len(pieces) > maxActions {
		return nil, fmt.Errorf("%d actions, at most %d are allowed", len(pieces), maxActions)
	}
	a := make(Action, 0, len(pieces))
	for _, piece := range pieces {
		name, value, found := strings.Cut(trim(piece), "=")
		if name == "" {
			return nil, fmt.Errorf("%q has no action name", piece)
		}
		if name != trim(name) || value != trim(value) {
			return nil, fmt.Errorf("%q has blanks around the equals sign: they would be part of the name or the value, remove them", piece)
		}
		a.Set(ActionItem{Name: name, Value: value, Flag: !found})
	}
	return a, nil
}

func actionOf(m map[string]any) (Action, error) {
	if len(m) > maxActions {
		return nil, fmt.Errorf("%d actions, at most %d are allowed", len(m), maxActions)
	}
	a := make(Action, 0, len(m))
	for name, v := range m {
		switch v := v.(type) {
		case string:
			a = append(a, ActionItem{Name: name, Value: v})
		case bool:
			if !v {
				return nil, fmt.Errorf("action %s: false is no value: leave the action out, or set the policy's active to false", name)
			}
			a = append(a, ActionItem{Name: name, Flag: true})
		case int, int64, uint64, float64:
			a = append(a, ActionItem{Name: name, Value: fmt.Sprint(v)})
		case nil:
			return nil, fmt.Errorf("action %s: no value: write true if the action needs none", name)
		default:
			return nil, fmt.Errorf("action %s: a %T is no value: write text, a number or true", name, v)
		}
	}
	slices.SortFunc(a, func(x, y ActionItem) int { return strings.Compare(x.Name, y.Name) })
	return a, nil
}
