package scoped

import (
	"errors"
	"slices"
)

// Change is what shall be different about a policy. What is nil is absent: Set
// keeps what the policy has. An empty list or text that is given clears it.
type Change struct {
	Name                                   string
	Scope, Description, Time               *string
	Action                                 *Action
	Realm, Resolver, User                  *[]string
	AdminRealm, AdminUser                  *[]string
	PINode, Client, UserAgents             *[]string
	Conditions                             *[]Condition
	Priority                               *int
	Active                                 *bool
	CheckAllResolvers, UserCaseInsensitive *bool
}

// Editor changes lists of policies. Its functions return a new list and leave the
// one that they were given alone; what they put into a list was checked as
// Compile checks it with these options, and the values of actions by CheckValue.
//
// In Compat only the priority and the clients are checked, and a change without
// Active, CheckAllResolvers or UserCaseInsensitive sets them to true, false and
// false, as the original does.
type Editor struct{ Options Options }

// Set changes the policy of the change's name, or adds it at the end
// (set_policy). A new policy needs a scope; it is active, and in Compat has one
// action with an empty name, which matches no question, unless the change has
// actions. The error is ErrParameter or ErrInvalid.
func (e Editor) Set(policies []Policy, c Change) ([]Policy, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	compat := e.Options.Semantics == Compat
	out := slices.Clone(policies)
	i := find(out, c.Name)
	if i < 0 {
		if c.Scope == nil {
			return nil, failf(ErrParameter, "add policy %q: it has no scope", c.Name)
		}
		p := Policy{Name: c.Name, Active: true, Priority: DefaultPriority}
		if compat {
			p.Action = ParseActionCompat("")
		}
		i, out = len(out), append(out, p)
	}
	if compat {
		out[i].Active, out[i].CheckAllResolvers, out[i].UserCaseInsensitive = true, false, false
	}
	c.apply(&out[i])
	if !compat && c.Action != nil {
		for _, item := range *c.Action {
			if err := CheckValue(out[i].Scope, item); err != nil {
				return nil, failf(ErrInvalid, "set policy %q: action %s: %w", c.Name, item.Name, err)
			}
		}
	}
	if _, err := Compile(out[i:i+1], e.Options); err != nil {
		return nil, failf(ErrInvalid, "set policy: %w", err)
	}
	return out, nil
}

// Enable makes a policy active or not (enable_policy). In Compat this resets its
// two flags, as every change does. There being no such policy is ErrNotFound.
func (e Editor) Enable(policies []Policy, name string, active bool) ([]Policy, error) {
	if find(policies, name) < 0 {
		return nil, failf(ErrNotFound, "there is no policy %q", name)
	}
	return e.Set(policies, Change{Name: name, Active: &active})
}

// Delete takes a policy out (delete_policy). There being no such policy is
// ErrNotFound.
func (e Editor) Delete(policies []Policy, name string) ([]Policy, error) {
	i := find(policies, name)
	if i < 0 {
		return nil, failf(ErrNotFound, "there is no policy %q", name)
	}
	return slices.Delete(slices.Clone(policies), i, i+1), nil
}

func find(policies []Policy, name string) int {
	return slices.IndexFunc(policies, func(p Policy) bool { return p.Name == name })
}

// check finds what is wrong with a change whatever the semantics are.
func (c *Change) check() error {
	if c.Priority != nil && *c.Priority < 1 {
		return failf(ErrParameter, "policy %q: priority %d: the best one is 1, larger numbers come after it", c.Name, *c.Priority)
	}
	if c.Client == nil {
		return nil
	}
	// Compat reads every network that Hardened reads, and leaves it to the query to
	// fail; here it must not be stored in the first place.
	l, err := compileClients(*c.Client, true)
	if err := errors.Join(err, l.err); err != nil {
		return failf(ErrInvalid, "policy %q: client: %w", c.Name, err)
	}
	return nil
}

// apply writes what is given.
func (c *Change) apply(p *Policy) {
	give(&p.Scope, c.Scope)
	give(&p.Description, c.Description)
	give(&p.Time, c.Time)
	give(&p.Action, c.Action)
	give(&p.Realm, c.Realm)
	give(&p.Resolver, c.Resolver)
	give(&p.User, c.User)
	give(&p.AdminRealm, c.AdminRealm)
	give(&p.AdminUser, c.AdminUser)
	give(&p.PINode, c.PINode)
	give(&p.Client, c.Client)
	give(&p.UserAgents, c.UserAgents)
	give(&p.Conditions, c.Conditions)
	give(&p.Priority, c.Priority)
	give(&p.Active, c.Active)
	give(&p.CheckAllResolvers, c.CheckAllResolvers)
	give(&p.UserCaseInsensitive, c.UserCaseInsensitive)
}

func give[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
