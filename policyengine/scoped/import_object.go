package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxAttributes is how many attributes a policy of an import may have, those that
// are not known included.
const maxAttributes = 100

// policyOf makes a policy of the attributes of an export. Attributes that are not
// there have their defaults; unknown ones are named in the notes. A list may be
// written as text with commas, and the actions as text, as a list of pieces or as
// a map.
func policyOf(o object) (p Policy, notes []string, err error) {
	p = Policy{Active: true, Priority: DefaultPriority}
	if len(o) > maxAttributes {
		return p, nil, failf(ErrInvalid, "%d attributes, at most %d are allowed", len(o), maxAttributes)
	}
	var faults []error
	for i, m := range o {
		if slices.ContainsFunc(o[:i], func(earlier objectMember) bool { return earlier.key == m.key }) {
			faults = append(faults, failf(ErrInvalid, "%s: is there twice", m.key))
			continue
		}
		known, err := p.read(m.key, m.value)
		if err != nil {
			faults = append(faults, failf(ErrInvalid, "%s: %w", m.key, err))
		}
		if !known {
			notes = append(notes, fmt.Sprintf("%s: attribute %s is not known and was left out", p.Name, m.key))
		}
	}
	return p, notes, errors.Join(faults...)
}

// read sets one attribute; false means that there is none of this name.
func (p *Policy) read(key string, v any) (bool, error) {
	texts := map[string]*string{"name": &p.Name, "scope": &p.Scope, "description": &p.Description}
	lists := map[string]*[]string{
		"realm": &p.Realm, "resolver": &p.Resolver, "user": &p.User, "adminrealm": &p.AdminRealm, "adminuser": &p.AdminUser,
		"pinode": &p.PINode, "client": &p.Client, "user_agents": &p.UserAgents,
	}
	flags := map[string]*bool{"active": &p.Active, "check_all_resolvers": &p.CheckAllResolvers, "user_case_insensitive": &p.UserCaseInsensitive}
	var err error
	switch {
	case texts[key] != nil:
		*texts[key], err = textOf(v)
	case lists[key] != nil:
		*lists[key], err = listOf(v)
	case flags[key] != nil:
		*flags[key], err = boolOf(v)
	case key == "time":
		p.Time, err = timeOf(v)
	case key == "priority":
		p.Priority, err = priorityOf(v)
	case key == "action":
		p.Action, err = actionsOf(v)
	case key == "conditions":
		p.Conditions, err = conditionsOf(v)
	default:
		return false, nil
	}
	return true, err
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case int64, float64:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("%s is no text", kindOf(v))
}

// timeOf joins the ranges of a time that was taken for a list.
func timeOf(v any) (string, error) {
	if _, ok := v.([]any); !ok {
		return textOf(v)
	}
	list, err := listOf(v)
	return strings.Join(list, ", "), err
}

func listOf(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return SplitList(v), nil
	case []any:
		var list []string
		for i, item := range v {
			text, err := textOf(item)
			if err != nil || item == nil {
				return nil, fmt.Errorf("member %d: %s is no text", i+1, kindOf(item))
			}
			list = append(list, text)
		}
		return list, nil
	case nil:
		return nil, nil
	}
	return nil, fmt.Errorf("%s is no list", kindOf(v))
}

// boolOf takes the words for true and false in any case; another word is a fault,
// so that a mistyped one does not switch a policy off.
func boolOf(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		switch strings.ToLower(trim(v)) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
	}
	return false, fmt.Errorf("%s is neither True nor False", kindOf(v))
}

func priorityOf(v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return DefaultPriority, nil
	case int64:
		return int(v), nil
	case string:
		if n, err := strconv.Atoi(trim(v)); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s is no whole number", kindOf(v))
}

func actionsOf(v any) (Action, error) {
	count := 0
	switch v := v.(type) {
	case string:
		count = strings.Count(v, ",")
	case []any:
		count = len(v)
	case object:
		count = len(v)
	}
	if count > maxActions {
		return nil, fmt.Errorf("more than %d actions", maxActions)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if trim(v) == "" {
			return nil, errors.New("is empty: write {} for a policy that speaks to every action of its scope")
		}
		return ParseActionCompat(v), nil
	case []any:
		pieces, err := listOf(v)
		if err != nil {
			return nil, err
		}
		var action Action
		for _, piece := range pieces {
			name, value, found := strings.Cut(trim(piece), "=")
			action.Set(ActionItem{Name: name, Value: value, Flag: !found})
		}
		return action, nil
	case object:
		var action Action
		for _, m := range v {
			item, err := actionItemOf(m)
			if err != nil {
				return nil, err
			}
			action.Set(item)
		}
		return action, nil
	}
	return nil, fmt.Errorf("%s is no map of actions", kindOf(v))
}

func actionItemOf(m objectMember) (ActionItem, error) {
	switch v := m.value.(type) {
	case bool:
		if v {
			return ActionItem{Name: m.key, Flag: true}, nil
		}
		return ActionItem{}, fmt.Errorf("action %s: False is no value: leave the action out, or make the policy inactive", m.key)
	case string, int64, float64:
		text, err := textOf(v)
		return ActionItem{Name: m.key, Value: text}, err
	}
	return ActionItem{}, fmt.Errorf("action %s: %s is no value", m.key, kindOf(m.value))
}

// kindOf says what a value is, with its beginning, for texts of errors.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case object:
		return "a map"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("%.40q", v)
	}
	return fmt.Sprint(v)
}
