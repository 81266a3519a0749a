package scoped

import (
	"fmt"
	"slices"
)

// compare compares one attribute of a policy with the query.
func (s *Set) compare(a *asked, c *compiled, st stage) (bool, error) {
	ok, err := s.attribute(a, c, st)
	if err != nil {
		return false, fmt.Errorf("scoped policy %q: %w", c.Name, err)
	}
	return ok, nil
}

func (s *Set) attribute(a *asked, c *compiled, st stage) (bool, error) {
	switch st {
	case stageName:
		return !a.q.Name.Given || c.Name == a.q.Name.Value, nil
	case stageActive:
		return a.q.Active == AnyActivity || c.Active == (a.q.Active == OnlyActive), nil
	case stageScope:
		return !a.q.Scope.Given || c.Scope == a.q.Scope.Value, nil
	case stageAction:
		return matchArg(&c.actions, a.q.Action, "", "action")
	case stageRealm:
		return matchArg(&c.realm, a.realm, a.realmFolded, "realm")
	case stageAdminRealm:
		return matchAdmin(a, &c.adminRealm, a.q.AdminRealm, a.adminRealmFolded, "adminrealm")
	case stageUser:
		return matchArg(&c.user, a.user, a.userFolded, "user")
	case stageAdminUser:
		return matchAdmin(a, &c.adminUser, a.q.AdminUser, a.adminUserFolded, "adminuser")
	case stageResolver:
		return a.matchResolver(c)
	case stagePINode:
		return !a.q.PINode.Given || len(c.PINode) == 0 || slices.Contains(c.PINode, a.q.PINode.Value), nil
	case stageClient:
		return a.matchClient(c)
	case stageUserAgent:
		return !a.q.UserAgent.Given || len(c.agents) == 0 || slices.Contains(c.agents, a.agent), nil
	case stageTime:
		return a.matchTime(c)
	}
	return true, nil
}

func matchArg(l *patternList, arg Arg, folded, attribute string) (bool, error) {
	if !arg.Given || l.empty {
		return true, nil
	}
	ok, err := l.match(arg.Value, folded)
	if err != nil {
		return false, fmt.Errorf("%s: %w", attribute, err)
	}
	return ok, nil
}

// matchAdmin compares what only scope admin has.
func matchAdmin(a *asked, l *patternList, arg Arg, folded, attribute string) (bool, error) {
	if !a.admin {
		return true, nil
	}
	return matchArg(l, arg, folded, attribute)
}

// matchResolver compares resolvers: that of the user or, with
// check_all_resolvers, all those of the realm. In Compat exclusions do not count,
// and with check_all_resolvers an empty list matches nothing.
func (a *asked) matchResolver(c *compiled) (bool, error) {
	if !a.resolver.Given || c.resolver.empty && (!a.compat || !c.CheckAllResolvers) {
		return true, nil
	}
	candidates := []string{a.resolver.Value}
	if c.CheckAllResolvers {
		if a.realm.Value == "" || a.user.Value == "" {
			return false, nil
		}
		candidates = a.resolvers()
	}
	for _, r := range candidates {
		found, excluded, err := c.resolver.search(r, r)
		if err != nil {
			return false, fmt.Errorf("resolver: %w", err)
		}
		if found && (a.compat || !excluded) {
			return true, nil
		}
	}
	return false, nil
}

// resolvers lists the resolvers of the realm, which are looked up once.
func (a *asked) resolvers() []string {
	if !a.looked && a.q.World != nil && a.q.World.Resolvers != nil {
		a.candidates = a.q.World.Resolvers(lowering.fold(a.realm.Value))
	}
	a.looked = true
	return a.candidates
}

func (a *asked) matchClient(c *compiled) (bool, error) {
	switch {
	case !a.hasClient || c.client.empty:
		return true, nil
	case c.client.blank:
		return false, nil
	case a.clientErr != nil:
		return false, failf(ErrBroken, "client: %w", a.clientErr)
	case c.client.err != nil:
		return false, c.client.err
	}
	found, excluded := c.client.search(a.client)
	return found && !excluded, nil
}

func (a *asked) matchTime(c *compiled) (bool, error) {
	if c.time.empty {
		return true, nil
	}
	if err := clockless(a.now); err != nil {
		return false, err
	}
	return c.time.match(a.now)
}
