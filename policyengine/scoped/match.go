package scoped

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Query is a question to a Set: what do the policies say of this action, for
// this user at this client? Every field restricts, also an empty one.
type Query struct {
	Scope, Action string
	// User is the login without realm, as the directory spells it.
	User, Realm string
	// Client is the end user's address. An invalid one is an error as soon as a
	// policy asks for the client.
	Client netip.Addr
}

// Setting is one value and the names of the policies that set it.
type Setting struct {
	Value    string
	Policies []string
}

// ConflictError says that the policies of the best priority disagree about a
// value that there can be only one of.
type ConflictError struct {
	Scope, Action string
	Settings      []Setting
}

// Error names the policies, so that an administrator can give one of them
// another priority.
func (e *ConflictError) Error() string {
	parts := make([]string, len(e.Settings))
	for i, s := range e.Settings {
		parts[i] = fmt.Sprintf("%q by %s", s.Value, strings.Join(s.Policies, ", "))
	}
	return fmt.Sprintf("scoped policies of the same priority set different values for %s in scope %s: %s: change a priority",
		e.Action, e.Scope, strings.Join(parts, "; "))
}

// Match returns the names of the active policies that match the query, by
// priority and then in the order in which they were given to Compile.
func (s *Set) Match(q Query) ([]string, error) {
	found, err := s.match(q)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.name
	}
	return names, nil
}

// Applies reports whether the named policy is active and matches the user, the
// realm and the client of the query, whatever its scope and its actions are. A
// name that does not exist is an error.
func (s *Set) Applies(name string, q Query) (bool, error) {
	if !s.Has(name) {
		return false, fmt.Errorf("there is no scoped policy %q", name)
	}
	c := s.byName[name]
	if !c.active {
		return false, nil
	}
	return c.matchLogin(q)
}

// Values returns the value of an action: among the matching policies only those
// of the best priority count, and they have to agree, else the error is a
// *ConflictError. No policy that matches, or none that names the action itself
// (an action such as "*" matches and sets nothing), gives false.
func (s *Set) Values(q Query) (Setting, bool, error) {
	found, err := s.match(q)
	if err != nil {
		return Setting{}, false, err
	}
	var settings []Setting
	for _, c := range found {
		if c.priority != found[0].priority {
			break
		}
		item, ok := c.action.Get(q.Action)
		if !ok {
			continue
		}
		value := "true"
		if !item.Flag {
			value = unquote(item.Value)
		}
		i := slices.IndexFunc(settings, func(s Setting) bool { return s.Value == value })
		if i < 0 {
			settings = append(settings, Setting{Value: value, Policies: []string{c.name}})
			continue
		}
		settings[i].Policies = append(settings[i].Policies, c.name)
	}
	switch len(settings) {
	case 0:
		return Setting{}, false, nil
	case 1:
		return settings[0], true, nil
	}
	return Setting{}, false, &ConflictError{Scope: q.Scope, Action: q.Action, Settings: settings}
}

func (s *Set) match(q Query) ([]*compiled, error) {
	if s == nil {
		return nil, nil
	}
	var found []*compiled
	for _, c := range s.all {
		if !c.active || c.scope != q.Scope || !c.actions.match(q.Action) {
			continue
		}
		ok, err := c.matchLogin(q)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, c)
		}
	}
	return found, nil
}

func (c *compiled) matchLogin(q Query) (bool, error) {
	if !c.realm.match(q.Realm) || !c.user.match(q.User) {
		return false, nil
	}
	if !c.client.empty && !q.Client.IsValid() {
		return false, fmt.Errorf("scoped policy %q asks for the client, and the client's address is not known", c.name)
	}
	return c.client.match(q.Client), nil
}

// unquote takes the single quotes off a value that begins and ends with one.
func unquote(value string) string {
	if value == "'" {
		return ""
	}
	if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
		return value[1 : len(value)-1]
	}
	return value
}
