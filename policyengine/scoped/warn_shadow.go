package scoped

import "slices"

// remember notes a policy that can shadow others.
func (w *warner) remember(id uint32) {
	c := &w.set.all[id]
	if !c.Active || len(c.Conditions) > 0 || c.Time != "" {
		return
	}
	for _, item := range c.Action {
		key := [2]string{c.Scope, item.Name}
		w.byAction[key] = append(w.byAction[key], id)
	}
	if c.actions.empty || c.actions.star || len(c.actions.patterns) > 0 {
		w.wide[c.Scope] = append(w.wide[c.Scope], id)
	}
}

// maxShadows is how many policies are looked at to find one that shadows another.
const maxShadows = 100

// shadowed warns of values that never count, because a policy of better priority
// matches whenever this one does, and sets the action too or matches it without a
// value.
func (w *warner) shadowed(c *compiled, id uint32) {
	if !c.Active {
		return
	}
	for _, item := range c.Action {
		if item.Flag || takenFromAll(item.Name) {
			continue
		}
		sets := func(*compiled) bool { return true }
		if o := w.better(c, id, w.byAction[[2]string{c.Scope, item.Name}], sets); o != nil {
			w.warn(c, "action", "%s never counts: policy %q has a better priority, sets it too, and matches whenever this one does", item, o.Name)
			continue
		}
		if o := w.better(c, id, w.wide[c.Scope], func(o *compiled) bool { return o.matchesUnnamed(item.Name) }); o != nil {
			every := "every action"
			if !o.actions.empty && !o.actions.star {
				every = "this action by a pattern"
			}
			w.warn(c, "action", "%s is beaten by policy %q, which speaks to %s and sets no value for it: give this one a better priority, or the other one an action", item, o.Name, every)
		}
	}
}

// better finds a policy of better priority among others that matches whenever c
// does; nil if there is none.
func (w *warner) better(c *compiled, id uint32, others []uint32, fits func(*compiled) bool) *compiled {
	for _, other := range others[:min(len(others), maxShadows)] {
		o := &w.set.all[other]
		if other >= id || o.Priority >= c.Priority {
			break
		}
		if o.matchesWhenever(c) && fits(o) {
			return o
		}
	}
	return nil
}

// matchesUnnamed reports whether the policy matches an action without naming it.
func (c *compiled) matchesUnnamed(action string) bool {
	if _, named := c.Action.Get(action); named {
		return false
	}
	if c.actions.empty {
		return true
	}
	ok, err := c.actions.match(action, action)
	return ok && err == nil
}

// takenFromAll reports whether an action takes the values of all policies, and
// not only those of the best priority.
func takenFromAll(action string) bool {
	switch action {
	case "challenge_response", "tokentype", "serial", "tokeninfo", "mangle", "setrealm",
		"delete_custom_user_attributes", "set_custom_user_attributes":
		return true
	}
	return false
}

// matchesWhenever reports whether c matches whenever other does, as far as one
// can tell from empty and equal lists.
func (c *compiled) matchesWhenever(other *compiled) bool {
	wider := func(a, b []string) bool { return len(a) == 0 || slices.Equal(a, b) }
	return wider(c.Realm, other.Realm) && wider(c.PINode, other.PINode) && wider(c.Client, other.Client) &&
		wider(c.UserAgents, other.UserAgents) && wider(c.AdminRealm, other.AdminRealm) &&
		(len(c.User) == 0 || wider(c.User, other.User) && c.UserCaseInsensitive == other.UserCaseInsensitive) &&
		(len(c.AdminUser) == 0 || wider(c.AdminUser, other.AdminUser) && c.UserCaseInsensitive == other.UserCaseInsensitive) &&
		(len(c.Resolver) == 0 && !c.CheckAllResolvers || slices.Equal(c.Resolver, other.Resolver) && c.CheckAllResolvers == other.CheckAllResolvers)
}
