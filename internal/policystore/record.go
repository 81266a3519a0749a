package policystore

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// record is a policy as its text in the store has it.
type record struct {
	Name                string      `json:"name"`
	Scope               string      `json:"scope"`
	Active              bool        `json:"active"`
	Description         string      `json:"description,omitempty"`
	Action              []action    `json:"action,omitempty"`
	Realm               []string    `json:"realm,omitempty"`
	Resolver            []string    `json:"resolver,omitempty"`
	User                []string    `json:"user,omitempty"`
	AdminRealm          []string    `json:"adminrealm,omitempty"`
	AdminUser           []string    `json:"adminuser,omitempty"`
	PINode              []string    `json:"pinode,omitempty"`
	Client              []string    `json:"client,omitempty"`
	UserAgents          []string    `json:"user_agents,omitempty"`
	Time                string      `json:"time,omitempty"`
	Conditions          []condition `json:"conditions,omitempty"`
	Priority            int         `json:"priority"`
	CheckAllResolvers   bool        `json:"check_all_resolvers,omitempty"`
	UserCaseInsensitive bool        `json:"user_case_insensitive,omitempty"`
}

// action and condition have the fields of their counterparts, so that one turns
// into the other.
type (
	action struct {
		Name  string `json:"name"`
		Value string `json:"value,omitempty"`
		Flag  bool   `json:"flag,omitempty"`
	}
	condition struct {
		Section    string `json:"section"`
		Key        string `json:"key"`
		Comparator string `json:"comparator"`
		Value      string `json:"value"`
		Active     bool   `json:"active"`
		Missing    string `json:"missing,omitempty"`
	}
)

// encode writes a policy as it is stored. A policy that the text could not give
// back is refused.
func encode(p *scoped.Policy) (store.Policy, error) {
	r := recordOf(p)
	text, err := json.Marshal(r)
	if err != nil {
		return store.Policy{}, fmt.Errorf("policy %q: write as JSON: %w", p.Name, err)
	}
	var back record
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, r) {
		return store.Policy{}, fmt.Errorf("policy %q: one of its texts is not valid UTF-8", p.Name)
	}
	return store.Policy{Name: p.Name, Text: string(text)}, nil
}

// decode reads a stored policy. An attribute that this program does not know may
// restrict the policy, and is therefore an error.
func decode(stored store.Policy) (scoped.Policy, error) {
	var r record
	d := json.NewDecoder(strings.NewReader(stored.Text))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	if err == nil && r.Name != stored.Name {
		err = errors.New("its text is that of another policy")
	}
	if err != nil {
		return scoped.Policy{}, fmt.Errorf("stored policy %q: %w; was it written by a newer Sallyport?", stored.Name, err)
	}
	return r.policy(), nil
}

func recordOf(p *scoped.Policy) record {
	return record{
		Name: p.Name, Scope: p.Scope, Active: p.Active, Description: p.Description,
		Action: each(p.Action, func(a scoped.ActionItem) action { return action(a) }),
		Realm:  clean(p.Realm), Resolver: clean(p.Resolver), User: clean(p.User),
		AdminRealm: clean(p.AdminRealm), AdminUser: clean(p.AdminUser),
		PINode: clean(p.PINode), Client: clean(p.Client), UserAgents: clean(p.UserAgents), Time: p.Time,
		Conditions: each(p.Conditions, func(c scoped.Condition) condition { return condition(c) }),
		Priority:   p.Priority, CheckAllResolvers: p.CheckAllResolvers, UserCaseInsensitive: p.UserCaseInsensitive,
	}
}

func (r *record) policy() scoped.Policy {
	return scoped.Policy{
		Name: r.Name, Scope: r.Scope, Active: r.Active, Description: r.Description,
		Action: each(r.Action, func(a action) scoped.ActionItem { return scoped.ActionItem(a) }),
		Realm:  r.Realm, Resolver: r.Resolver, User: r.User, AdminRealm: r.AdminRealm, AdminUser: r.AdminUser,
		PINode: r.PINode, Client: r.Client, UserAgents: r.UserAgents, Time: r.Time,
		Conditions: each(r.Conditions, func(c condition) scoped.Condition { return scoped.Condition(c) }),
		Priority:   r.Priority, CheckAllResolvers: r.CheckAllResolvers, UserCaseInsensitive: r.UserCaseInsensitive,
		Origin: Origin,
	}
}

// each turns every member of a list into something else. An empty list is nil:
// to policies both are the same.
func each[A, B any](list []A, f func(A) B) []B {
	var out []B
	for _, a := range list {
		out = append(out, f(a))
	}
	return out
}

// clean makes nil of an empty list.
func clean(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
