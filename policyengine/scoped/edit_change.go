package scoped

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// ParseChange reads a change from attributes as a request or a command line has
// them: texts, numbers, bools, lists and maps. An attribute that is nil is absent.
//
// In Compat a list is joined and split again at its commas, which parts members
// that hold one; bools are read by IsTrue; actions by ParseActionCompat, false
// being the value "False". Otherwise members may hold commas, and what is neither
// true nor false, or blanks around an equals sign, are ErrInvalid. Conditions
// have to be tuples of four texts and a bool, else it is ErrParameter; without
// Compat what to do when data is missing may follow.
func ParseChange(fields map[string]any, semantics Semantics) (Change, error) {
	r := changeReader{compat: semantics == Compat}
	name, ok := fields["name"].(string)
	if !ok {
		return Change{}, failf(ErrParameter, "set policy: the name is missing")
	}
	r.change.Name = name
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	// The conditions come last: what is wrong with a priority or a client is
	// reported before them.
	slices.SortFunc(keys, func(a, b string) int {
		return strings.Compare(strings.Replace(a, "conditions", "\xff", 1), strings.Replace(b, "conditions", "\xff", 1))
	})
	for _, key := range keys {
		if key == "conditions" {
			if err := r.change.check(); err != nil {
				return Change{}, err
			}
		}
		if err := r.read(key, fields[key]); err != nil {
			return Change{}, fmt.Errorf("policy %q: %s: %w", name, key, err)
		}
	}
	return r.change, r.change.check()
}

// changeReader reads one change.
type changeReader struct {
	change Change
	compat bool
}

func (r *changeReader) read(key string, v any) error {
	c := &r.change
	texts := map[string]**string{"scope": &c.Scope, "time": &c.Time, "description": &c.Description}
	lists := map[string]**[]string{
		"realm": &c.Realm, "resolver": &c.Resolver, "user": &c.User, "adminrealm": &c.AdminRealm, "adminuser": &c.AdminUser,
		"pinode": &c.PINode, "client": &c.Client, "user_agents": &c.UserAgents,
	}
	flags := map[string]**bool{"active": &c.Active, "check_all_resolvers": &c.CheckAllResolvers, "user_case_insensitive": &c.UserCaseInsensitive}
	switch {
	case key == "name":
		return nil
	case flags[key] != nil:
		return r.flag(flags[key], v)
	case v == nil:
		return nil
	case texts[key] != nil:
		text, ok := v.(string)
		if !ok {
			return failf(ErrInvalid, "%s is no text", kindOf(v))
		}
		*texts[key] = &text
		return nil
	case lists[key] != nil:
		return r.list(lists[key], v)
	}
	switch key {
	case "action":
		return r.action(v)
	case "priority":
		return r.priority(v)
	case "conditions":
		return r.conditions(v)
	}
	return failf(ErrParameter, "there is no attribute of this name")
}

func (r *changeReader) flag(to **bool, v any) error {
	if r.compat {
		b := IsTrue(v)
		*to = &b
		return nil
	}
	if v == nil {
		return nil
	}
	b, err := boolOf(whole(v))
	if err != nil {
		return failf(ErrInvalid, "%w", err)
	}
	*to = &b
	return nil
}

func (r *changeReader) list(to **[]string, v any) error {
	list, err := listOf(ordered(v, 0))
	if err != nil {
		return failf(ErrInvalid, "%w", err)
	}
	if r.compat {
		list = SplitList(strings.Join(list, ", "))
	}
	*to = &list
	return nil
}

func (r *changeReader) priority(v any) error {
	if text, ok := v.(string); ok && r.compat {
		n, err := pythonInt(text)
		if err != nil || !n.IsInt64() {
			return failf(ErrInvalid, "%s is no whole number", kindOf(v))
		}
		v = n.Int64()
	}
	n, err := priorityOf(whole(v))
	if err != nil {
		return failf(ErrInvalid, "%w", err)
	}
	r.change.Priority = &n
	return nil
}

// whole makes whole numbers of floats, which JSON has no others of.
func whole(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return v
}

func (r *changeReader) action(v any) error {
	action, err := r.actionOf(v)
	if err != nil {
		return failf(ErrInvalid, "%w", err)
	}
	r.change.Action = &action
	return nil
}

func (r *changeReader) actionOf(v any) (Action, error) {
	if text, ok := v.(string); ok {
		if r.compat {
			return ParseActionCompat(text), nil
		}
		if trim(text) == "" {
			return nil, nil
		}
		return ParseAction(text)
	}
	if !r.compat {
		var action Action
		err := action.DecodeYAML(v)
		return action, err
	}
	pieces, err := compatPieces(ordered(v, 0))
	return ParseActionCompat(strings.Join(pieces, ", ")), err
}

// compatPieces writes a list or a map of actions as pieces of text.
func compatPieces(v any) ([]string, error) {
	o, ok := v.(object)
	if !ok {
		return listOf(v)
	}
	var pieces []string
	for _, m := range o {
		switch v := m.value.(type) {
		case bool:
			if v {
				pieces = append(pieces, m.key)
			} else {
				pieces = append(pieces, m.key+"=False")
			}
		default:
			text, err := textOf(whole(v))
			if err != nil || v == nil {
				return nil, fmt.Errorf("action %s: %s is no value", m.key, kindOf(v))
			}
			pieces = append(pieces, m.key+"="+text)
		}
	}
	return pieces, nil
}

func (r *changeReader) conditions(v any) error {
	list, ok := ordered(v, 0).([]any)
	if !ok {
		return failf(ErrParameter, "%s is no list", kindOf(v))
	}
	for i, item := range list {
		tuple, ok := item.([]any)
		if !ok && !r.compat {
			continue // an object
		}
		if !ok || len(tuple) != 5 && (r.compat || len(tuple) != 6) {
			return failf(ErrParameter, "condition %d: five members are due: section, key, comparator, value and active", i+1)
		}
		for _, text := range tuple[:4] {
			if _, ok := text.(string); !ok {
				return failf(ErrParameter, "condition %d: %s is no text", i+1, kindOf(text))
			}
		}
		if _, ok := tuple[4].(bool); !ok {
			return failf(ErrParameter, "condition %d: active is %s and not a bool", i+1, kindOf(tuple[4]))
		}
	}
	conditions, err := conditionsOf(list)
	if err != nil {
		return failf(ErrParameter, "%w", err)
	}
	r.change.Conditions = &conditions
	return nil
}
