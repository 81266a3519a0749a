package scoped

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Warning is something about a policy that works and is probably not what was
// meant.
type Warning struct {
	// Policy is empty when the set as a whole is meant.
	Policy, Attribute, Text string
}

// String is "policy \"x\": user: …".
func (w Warning) String() string {
	if w.Policy == "" {
		return w.Attribute + ": " + w.Text
	}
	return fmt.Sprintf("policy %q: %s: %s", w.Policy, w.Attribute, w.Text)
}

// Warnings looks for policies that can never match, set values that never count,
// ask for what no login has, or speak of scopes and actions that are not defined;
// nil definitions leave the latter out.
func (s *Set) Warnings(defs *Definitions) []Warning {
	if s == nil {
		return nil
	}
	w := warner{set: s, defs: defs, byAction: map[[2]string][]uint32{}, wide: map[string][]uint32{}}
	for i := range s.all {
		w.remember(uint32(i))
	}
	for i := range s.all {
		c := &s.all[i]
		w.lists(c)
		w.clients(c)
		w.times(c)
		w.parts(c)
		w.shadowed(c, uint32(i))
		w.atLogin(c)
		if defs != nil {
			w.defined(c)
		}
	}
	w.asleep()
	return w.found
}

// warner looks at the policies of a set.
type warner struct {
	set   *Set
	defs  *Definitions
	found []Warning
	// byAction are the active policies that set an action without restricting
	// when: those that can shadow others, the best first.
	byAction map[[2]string][]uint32
	// wide are those by scope that match actions which they do not name: they take
	// part in the comparison of priorities without a value.
	wide map[string][]uint32
}

func (w *warner) warn(c *compiled, attribute, format string, args ...any) {
	w.found = append(w.found, Warning{c.Name, attribute, fmt.Sprintf(format, args...)})
}

// namedList is a list of patterns with the attribute that it is.
type namedList struct {
	attribute string
	list      *patternList
}

// patternLists are the attributes of the policy that are lists of patterns.
func (c *compiled) patternLists() []namedList {
	return []namedList{
		{"action", &c.actions},
		{"realm", &c.realm},
		{"user", &c.user},
		{"adminrealm", &c.adminRealm},
		{"adminuser", &c.adminUser},
		{"resolver", &c.resolver},
	}
}

// lists warns of lists that let nobody through.
func (w *warner) lists(c *compiled) {
	for _, l := range c.patternLists() {
		if !l.list.empty && l.list.hopeless() {
			w.warn(c, l.attribute, "the list only excludes, and so matches nobody: put * in front")
		}
	}
	if c.Scope != ScopeAdmin && (len(c.AdminRealm) > 0 || len(c.AdminUser) > 0) {
		w.warn(c, "adminuser", "adminrealm and adminuser are looked at in scope admin only")
	}
	if w.set.compat() && c.CheckAllResolvers && len(c.Resolver) == 0 {
		w.warn(c, "check_all_resolvers", "without resolvers it matches nobody")
	}
}

// hopeless reports whether every member is an exclusion, or excluded by one.
func (l *patternList) hopeless() bool {
	if l.star || len(l.patterns) > 0 {
		return false
	}
	return !slices.ContainsFunc(l.exact.list, func(m string) bool {
		return !isExclusion(m) && !l.excluded.has(m)
	})
}

func (w *warner) clients(c *compiled) {
	if c.client.empty {
		return
	}
	positive := false
	for _, m := range c.Client {
		m = trim(m)
		positive = positive || m != "" && !isExclusion(m)
		if bare := strings.TrimLeft(m, "-!"); bare != "" && !strings.ContainsAny(bare, "/:") && strings.Count(bare, ".") < 3 {
			if p, err := parseNetworkCompat(bare); err == nil {
				w.warn(c, "client", "%s is the single address %s: write it as a network, such as %s/16", m, p.Addr(), p.Addr())
			}
		}
	}
	if !positive {
		w.warn(c, "client", "the list names no network to match, and so matches nobody: put 0.0.0.0/0 and ::/0 in front")
		return
	}
	if !slices.ContainsFunc(c.client.found.list, func(p netip.Prefix) bool { return !covered(p, c.client.excluded.list) }) {
		w.warn(c, "client", "every network of the list is excluded by another member")
	}
}

// covered reports whether one of the networks contains all of p.
func covered(p netip.Prefix, by []netip.Prefix) bool {
	return slices.ContainsFunc(by, func(b netip.Prefix) bool { return b.Bits() <= p.Bits() && b.Contains(p.Addr()) })
}

// times warns of times that never come, which only Compat has.
func (w *warner) times(c *compiled) {
	if c.time.empty || c.time.broken {
		return
	}
	for _, r := range c.time.ranges {
		if slices.Contains(r.days[:], true) {
			return
		}
	}
	w.warn(c, "time", "%q never comes: in compat, days and hours do not wrap round, and ranges behind one that cannot be read are left out", c.Time)
}

// parts warns, in Compat, of what fails when a query comes to it.
func (w *warner) parts(c *compiled) {
	if !w.set.compat() {
		return
	}
	for _, l := range c.patternLists() {
		for _, p := range l.list.patterns {
			if p.err != nil {
				w.warn(c, l.attribute, "every query that comes to member %d (%.60q) fails: %v", p.member+1, p.own, p.err)
			}
		}
	}
	if c.client.err != nil {
		w.warn(c, "client", "every query that comes to it fails: %v", c.client.err)
	}
	if c.time.broken {
		w.warn(c, "time", "%q names a day that there is not: queries that come to it fail", c.Time)
	}
	for i := range c.conditions {
		if err := c.conditions[i].check(true); err != nil && c.conditions[i].Active {
			w.warn(c, "conditions", "every query that comes to condition %d fails: %v", i+1, err)
		}
	}
}

// defined warns of scopes and actions without a definition.
func (w *warner) defined(c *compiled) {
	if !w.defs.KnownScope(c.Scope) {
		w.warn(c, "scope", "there is no scope %q: nothing asks for it", c.Scope)
		return
	}
	for _, item := range c.Action {
		name := strings.TrimLeft(item.Name, "-!")
		if name == "*" {
			continue
		}
		if _, ok := w.defs.Lookup(c.Scope, name); ok || w.patternOf(c.Scope, name) {
			continue
		}
		hint := ""
		for _, d := range w.defs.Scope(c.Scope) {
			if strings.EqualFold(d.Action, name) {
				hint = ", did you mean " + d.Action + "?"
			}
		}
		w.warn(c, "action", "scope %s has no action %q%s", c.Scope, name, hint)
	}
}

// patternOf reports whether a name is a pattern of some defined action.
func (w *warner) patternOf(scope, name string) bool {
	l, err := compilePatterns([]string{name}, exactly, w.set.compat())
	if err != nil || len(l.patterns) == 0 {
		return false
	}
	for _, d := range w.defs.Scope(scope) {
		if ok, err := l.match(d.Action, ""); ok && err == nil {
			return true
		}
	}
	return false
}

// asleep warns of scopes that have policies and none of them active, for then
// Match.Allowed allows everything.
func (w *warner) asleep() {
	for scope, sc := range w.set.index.scopes {
		if w.set.emptyScopeAllows(scope) && len(sc.ids.ids) > 0 && w.set.ScopeEmpty(Is(scope)) {
			w.found = append(w.found, Warning{"", "scope " + scope, "no policy is active, and so whatever is asked for is allowed: activate one, or set empty_scope to deny"})
		}
	}
}

// EmptyScopes lists the defined scopes without an active policy in which
// everything is allowed, because Options.EmptyScope does not say otherwise.
func (s *Set) EmptyScopes(defs *Definitions) []string {
	var scopes []string
	for _, scope := range defs.Scopes() {
		if s.ScopeEmpty(Is(scope)) && s.emptyScopeAllows(scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}
