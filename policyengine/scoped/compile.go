package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPolicies = 200_000
	maxNameLen  = 64
	maxScopeLen = 32
	maxActions  = 1_000
	maxTimeLen  = 1_024
	maxPriority = 1_000_000_000
)

// Compile checks a list of policies and makes a Set of them. It reports every
// fault at once: the error joins values of type *Fault.
//
// In Compat a pattern, network, time or condition that cannot be read is no
// fault; the queries that get as far as that fail instead, as those of the
// original do. The limits on sizes hold in both.
func Compile(policies []Policy, o Options) (*Set, error) {
	if len(policies) > maxPolicies {
		return nil, fmt.Errorf("%d scoped policies, at most %d are allowed", len(policies), maxPolicies)
	}
	c := compiler{options: o, memo: map[string]patternList{}}
	s := &Set{options: o, all: make([]compiled, len(policies)), byName: make(map[string]uint32, len(policies)), active: map[string]struct{}{}}
	for i := range policies {
		c.index, c.name = i, policies[i].Name
		s.all[i] = c.policy(&policies[i])
		s.all[i].created = i
		if _, twice := s.byName[policies[i].Name]; twice {
			c.fault("name", errors.New("there is another policy of this name: names are unique over files and store"))
		}
		s.byName[policies[i].Name] = 0
	}
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	slices.SortStableFunc(s.all, func(a, b compiled) int { return a.Priority - b.Priority })
	for i := range s.all {
		s.byName[s.all[i].Name] = uint32(i)
		if s.all[i].Active {
			s.active[s.all[i].Scope] = struct{}{}
		}
		s.asks = s.asks || len(s.all[i].Conditions) > 0 || s.all[i].CheckAllResolvers
		if len(s.all[i].Realm) > 0 || len(s.all[i].AdminRealm) > 0 {
			s.foldRealms = s.all[i].realm.folding
		}
		if s.all[i].UserCaseInsensitive {
			s.foldUsers = s.all[i].user.folding
		}
		if s.all[i].canFail() {
			s.fragile = append(s.fragile, uint32(i))
		}
	}
	s.index = buildIndex(s)
	return s, nil
}

// compiler compiles policies one after the other.
type compiler struct {
	options Options
	index   int
	name    string
	faults  []error
	// memo shares compiled lists: the same realms and users are named again and
	// again.
	memo map[string]patternList
}

// fault notes what is wrong with an attribute of the policy at hand.
func (c *compiler) fault(attribute string, err error) {
	for _, err := range each(err) {
		f := &Fault{Index: c.index, Policy: c.name, Attribute: attribute, Member: -1, Err: err}
		var m *memberError
		if errors.As(err, &m) && attribute != "action" {
			f.Member = m.member
		}
		c.faults = append(c.faults, f)
	}
}

// each takes a joined error apart.
func each(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		if _, own := err.(*kindError); !own { //nolint:errorlint // only what errors.Join made is taken apart
			return list.Unwrap()
		}
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// policy compiles one policy.
func (c *compiler) policy(p *Policy) compiled {
	compat := c.options.Semantics == Compat
	c.texts(p, compat)
	realms, users := exactly, exactly
	if !compat {
		realms = caseless
	}
	if p.UserCaseInsensitive {
		users = caseless
		if compat {
			users = lowering
		}
	}
	out := compiled{Policy: *p}
	out.actions = c.list("action", p.Action.Names(), exactly)
	out.realm = c.list("realm", p.Realm, realms)
	out.resolver = c.list("resolver", p.Resolver, exactly)
	out.user = c.list("user", p.User, users)
	out.adminRealm = c.list("adminrealm", p.AdminRealm, realms)
	out.adminUser = c.list("adminuser", p.AdminUser, users)
	var err error
	out.client, err = compileClients(p.Client, compat)
	c.fault("client", err)
	out.time, err = compileTime(p.Time, compat)
	c.fault("time", err)
	out.conditions, err = compileConditions(p.Conditions, compat)
	c.fault("conditions", err)
	for _, agent := range p.UserAgents {
		out.agents = append(out.agents, caseless.fold(agent))
	}
	return out
}

// list compiles a pattern list, or takes the one that was compiled before.
func (c *compiler) list(attribute string, members []string, f folding) patternList {
	if len(members) == 0 {
		return patternList{empty: true, folding: f, compat: c.options.Semantics == Compat}
	}
	var key string
	if len(members) <= smallList {
		key = fmt.Sprint(int(f)) + strings.Join(members, "\x00")
		if l, ok := c.memo[key]; ok {
			return l
		}
	}
	l, err := compilePatterns(members, f, c.options.Semantics == Compat)
	c.fault(attribute, err)
	if err == nil && key != "" {
		c.memo[key] = l
	}
	return l
}

// texts checks what is neither a pattern nor a network.
func (c *compiler) texts(p *Policy, compat bool) {
	c.fault("name", checkText(p.Name, maxNameLen, compat))
	c.fault("scope", checkText(p.Scope, maxScopeLen, compat))
	if p.Priority < 1 || p.Priority > maxPriority {
		c.fault("priority", fmt.Errorf("%d is not between 1 and %d", p.Priority, maxPriority))
	}
	if len(p.Action) > maxActions {
		c.fault("action", fmt.Errorf("%d actions, at most %d are allowed", len(p.Action), maxActions))
	}
	if len(p.Time) > maxTimeLen {
		c.fault("time", fmt.Errorf("%d octets, at most %d are allowed", len(p.Time), maxTimeLen))
	}
	for attribute, list := range map[string][]string{"pinode": p.PINode, "user_agents": p.UserAgents} {
		if len(list) > maxMembers {
			c.fault(attribute, fmt.Errorf("%d members, at most %d are allowed", len(list), maxMembers))
		}
	}
}

// checkText checks a name or scope. In Compat it may be empty.
func checkText(text string, limit int, compat bool) error {
	switch {
	case len(text) > limit:
		return fmt.Errorf("%d octets, at most %d are allowed", len(text), limit)
	case compat:
		return nil
	case strings.TrimSpace(text) == "":
		return errors.New("must not be empty")
	case text != strings.TrimSpace(text):
		return fmt.Errorf("%q begins or ends with a blank", text)
	}
	return nil
}

// canFail reports whether an attribute of the policy can fail, whatever a query
// asks.
func (c *compiled) canFail() bool {
	for _, l := range []*patternList{&c.actions, &c.realm, &c.adminRealm, &c.user, &c.adminUser, &c.resolver} {
		if l.broken {
			return true
		}
	}
	return c.client.err != nil || c.time.broken
}
