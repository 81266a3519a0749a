package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPolicies = 100_000
	maxNameLen  = 64
	maxScopeLen = 32
	maxActions  = 1_000
)

// Fault is what is wrong with one policy of a list.
type Fault struct {
	// Index is the place of the policy in the list given to Compile, from 0.
	Index int
	// Policy is its name, and Attribute the key that is wrong. Member is which
	// member of a list that is, from 0, and -1 for the attribute as a whole.
	Policy, Attribute string
	Member            int
	Err               error
}

// Error says which policy and which attribute, and what is wrong.
func (f *Fault) Error() string {
	return fmt.Sprintf("policy %q: %s: %v", f.Policy, f.Attribute, f.Err)
}

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Set is a compiled, immutable list of policies, safe for concurrent use. The
// nil Set is an empty one.
type Set struct {
	all    []*compiled // by priority, then as written
	byName map[string]*compiled
}

type compiled struct {
	name     string
	scope    string
	active   bool
	priority int
	action   Action
	actions  patternList
	realm    patternList
	user     patternList
	client   clientList
}

// Compile checks a list of policies and makes a Set of them. It reports every
// fault at once: the error joins values of type *Fault.
func Compile(policies []Policy) (*Set, error) {
	if len(policies) > maxPolicies {
		return nil, fmt.Errorf("%d scoped policies, at most %d are allowed", len(policies), maxPolicies)
	}
	s := &Set{byName: make(map[string]*compiled, len(policies))}
	var faults []error
	for i := range policies {
		fault := func(attribute string, err error) {
			for _, err := range each(err) {
				f := &Fault{Index: i, Policy: policies[i].Name, Attribute: attribute, Member: -1, Err: err}
				var m *memberError
				if errors.As(err, &m) && attribute != "action" {
					f.Member = m.member
				}
				faults = append(faults, f)
			}
		}
		c := compile(&policies[i], fault)
		if s.byName[c.name] != nil {
			fault("name", errors.New("there is another policy of this name: names are unique over all files"))
		}
		s.byName[c.name] = c
		s.all = append(s.all, c)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.SortStableFunc(s.all, func(a, b *compiled) int { return a.priority - b.priority })
	return s, nil
}

// each takes a joined error apart.
func each(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func compile(p *Policy, fault func(attribute string, err error)) *compiled {
	c := &compiled{name: p.Name, scope: p.Scope, active: p.Active, priority: p.Priority, action: p.Action}
	fault("name", checkText(p.Name, maxNameLen))
	fault("scope", checkText(p.Scope, maxScopeLen))
	if p.Priority < 1 || p.Priority > 1_000_000_000 {
		fault("priority", fmt.Errorf("%d is not between 1 and 1000000000", p.Priority))
	}
	if len(p.Action) > maxActions {
		fault("action", fmt.Errorf("%d actions, at most %d are allowed", len(p.Action), maxActions))
	}
	var err error
	c.actions, err = compilePatterns(p.Action.Names(), false)
	fault("action", err)
	c.realm, err = compilePatterns(p.Realm, true)
	fault("realm", err)
	c.user, err = compilePatterns(p.User, false)
	fault("user", err)
	c.client, err = compileClients(p.Client)
	fault("client", err)
	return c
}

func checkText(text string, limit int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("must not be empty")
	case text != strings.TrimSpace(text):
		return fmt.Errorf("%q begins or ends with a blank", text)
	case len(text) > limit:
		return fmt.Errorf("%d octets, at most %d are allowed", len(text), limit)
	}
	return nil
}

// Names returns the names of all policies, sorted.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	names := make([]string, 0, len(s.all))
	for _, c := range s.all {
		names = append(names, c.name)
	}
	slices.Sort(names)
	return names
}

// Has reports whether there is a policy of this name, active or not.
func (s *Set) Has(name string) bool { return s != nil && s.byName[name] != nil }
