package scoped

import (
	"fmt"
	"slices"
	"strings"
)

// ValueOptions say how values are taken from policies.
type ValueOptions struct {
	// Unique looks only at the policies of the priority of the first one, and
	// makes more than one distinct value an error.
	Unique bool
	// AllowWhiteSpace takes a value as it is; else it is split into words.
	AllowWhiteSpace bool
}

// Value is one value of an action and the names of the policies that set it.
type Value struct {
	Value string
	// Absent marks the policies that match the action and do not name it, by "*"
	// or a pattern. Only a question that allows white space has them.
	Absent   bool
	Policies []string
}

// Values are the distinct values of an action, in the order of the policies.
type Values []Value

// Get returns the names of the policies that set a value.
func (v Values) Get(value string) ([]string, bool) {
	for i := range v {
		if !v[i].Absent && v[i].Value == value {
			return v[i].Policies, true
		}
	}
	return nil, false
}

// ConflictError says that policies of the same priority set different values
// where there can be only one. It is of kind ErrPolicy.
type ConflictError struct {
	Action string
	Values Values
}

// Error names the policies, so that an administrator can give one of them
// another priority.
func (e *ConflictError) Error() string {
	parts := make([]string, len(e.Values))
	for i, v := range e.Values {
		parts[i] = fmt.Sprintf("%q by %s", v.Value, strings.Join(v.Policies, ", "))
		if v.Absent {
			parts[i] = fmt.Sprintf("nothing by %s", strings.Join(v.Policies, ", "))
		}
	}
	return fmt.Sprintf("scoped policies of the same priority set different values for %s: %s: change a priority",
		e.Action, strings.Join(parts, "; "))
}

// Unwrap returns the kind.
func (e *ConflictError) Unwrap() error { return ErrPolicy }

// ActionValues takes the values of an action from policies that matched, which
// must be in the order of Match (extract_action_values). In Compat it is an error
// of kind ErrBroken to ask for values of an action that a policy has without one;
// else such an action has the value "true".
func (s *Set) ActionValues(policies []*Policy, action string, o ValueOptions) (Values, error) {
	var values Values
	for _, p := range policies {
		if o.Unique && p.Priority != policies[0].Priority {
			continue
		}
		item, ok := p.Action.Get(action)
		if ok && item.Flag {
			if s.options.Semantics == Compat {
				return nil, failf(ErrBroken, "policy %q has action %s without a value", p.Name, action)
			}
			item.Value = "true"
		}
		values = values.extract(item.Value, !ok, p.Name, o.AllowWhiteSpace)
	}
	if o.Unique && len(values) > 1 {
		return nil, &ConflictError{action, values}
	}
	return values, nil
}

// extract adds the values of one text.
func (v Values) extract(text string, absent bool, policy string, whole bool) Values {
	switch {
	case strings.HasPrefix(text, "'") && strings.HasSuffix(text, "'"):
		return v.add(unquote(text), false, policy)
	case whole:
		return v.add(text, absent, policy)
	}
	for _, word := range words(text) {
		v = v.add(word, false, policy)
	}
	return v
}

func (v Values) add(value string, absent bool, policy string) Values {
	for i := range v {
		if v[i].Value == value && v[i].Absent == absent {
			v[i].Policies = append(v[i].Policies, policy)
			return v
		}
	}
	return append(v, Value{value, absent, []string{policy}})
}

// unquote strips one quote off each end of a text that begins and ends with one;
// a single quote is the empty text too.
func unquote(text string) string {
	if len(text) < 2 {
		return ""
	}
	return text[1 : len(text)-1]
}

// CheckConflicts demands that all policies of the smallest priority store the
// same text for the action, quotes included (check_for_conflicts). A policy that
// does not name the action is an error of kind ErrBroken.
func CheckConflicts(policies []*Policy, action string) error {
	if len(policies) < 2 {
		return nil
	}
	// The first of the best decides; the order of the others decides which error
	// comes first.
	best := slices.MinFunc(policies, func(a, b *Policy) int { return a.Priority - b.Priority })
	first, ok := best.Action.Get(action)
	if !ok {
		return failf(ErrBroken, "policy %q matches action %s and does not name it", best.Name, action)
	}
	for _, p := range policies {
		if p.Priority != best.Priority {
			continue
		}
		item, ok := p.Action.Get(action)
		if !ok {
			return failf(ErrBroken, "policy %q matches action %s and does not name it", p.Name, action)
		}
		if item != first {
			return &ConflictError{action, Values{
				{Value: first.Value, Policies: []string{best.Name}}, {Value: item.Value, Policies: []string{p.Name}},
			}}
		}
	}
	return nil
}

// GetActionValues matches active policies and takes the values of the query's
// action from them (get_action_values). The scope defaults to authorization.
func (s *Set) GetActionValues(q *Query, o ValueOptions) (Values, error) {
	asked := *q
	asked.Active = OnlyActive
	if !asked.Scope.Given {
		asked.Scope = Is(ScopeAuthorization)
	}
	found, err := s.Match(&asked, nil)
	if err != nil {
		return nil, err
	}
	return s.ActionValues(found, asked.Action.Value, o)
}
