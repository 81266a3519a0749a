package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Explanation says how a query came out, policy by policy.
type Explanation struct {
	// Scope and Action are what was asked, for people.
	Scope, Action string
	// Policies are those of the scope (all of them, if the query has none), by
	// priority and creation.
	Policies []Verdict
	// Values are the values in force of the query's action, and Beaten those of
	// worse priority. Without an action both are empty.
	Values, Beaten Values
	// Conflict is set when policies disagree that have to agree.
	Conflict error
	// Err is why there is no answer; the first policy that failed has it too.
	Err error
}

// Verdict is how one policy came out.
type Verdict struct {
	Policy  *Policy
	Matched bool
	// Attribute is the first attribute that did not match or failed, and Reason
	// says why, with both values: "client 10.2.0.9 is excluded by -10.2.0.0/24".
	Attribute, Reason string
	// Err is set when the policy failed.
	Err error
	// Value is what a policy that matched sets for the action, and Set whether it
	// does; Beaten names a policy of better priority that sets it too.
	Value  string
	Set    bool
	Beaten string
}

// Matched returns the policies that matched, in order; none when the query
// failed.
func (e *Explanation) Matched() []*Policy {
	if e.Err != nil {
		return nil
	}
	var found []*Policy
	for i := range e.Policies {
		if e.Policies[i].Matched {
			found = append(found, e.Policies[i].Policy)
		}
	}
	return found
}

// attributeNames are the attributes by stage, as they are written down.
var attributeNames = [allStages]string{
	"name", "active", "scope", "action", "realm", "adminrealm", "user", "adminuser", "resolver", "pinode", "client", "user_agents",
	"time", "conditions",
}

// Explain answers like Match, and says of every policy of the scope why it
// matches or does not.
func (s *Set) Explain(q *Query) *Explanation {
	e := &Explanation{Scope: q.Scope.Value, Action: q.Action.Value}
	if s == nil {
		return e
	}
	a := asked{q: *q}
	if e.Err = s.prepare(&a); e.Err != nil {
		return e
	}
	if e.Err = a.place(q.UserObject); e.Err != nil {
		return e
	}
	s.fold(&a)
	ids := make([]uint32, 0, len(s.all))
	for i := range s.all {
		if !q.Scope.Given || s.all[i].Scope == q.Scope.Value {
			ids = append(ids, uint32(i))
		}
	}
	s.order(&a, ids)
	e.Policies = make([]Verdict, len(ids))
	failed := allStages + 1
	for i, id := range ids {
		v, st := s.verdict(&a, &s.all[id])
		e.Policies[i] = v
		if v.Err != nil && st < failed { // the earliest stage fails the query, as in Match
			e.Err, failed = v.Err, st
		}
	}
	if e.Err == nil && q.Action.Given {
		e.values(q.Action.Value)
	}
	return e
}

// verdict compares one policy, stage by stage, until one does not match.
func (s *Set) verdict(a *asked, c *compiled) (Verdict, stage) {
	v := Verdict{Policy: &c.Policy}
	for st := range stageConditions {
		ok, err := s.attribute(a, c, st)
		if err != nil {
			v.Attribute, v.Reason, v.Err = attributeNames[st], err.Error(), fmt.Errorf("scoped policy %q: %w", c.Name, err)
			return v, st
		}
		if !ok {
			v.Attribute, v.Reason = attributeNames[st], a.why(c, st)
			return v, st
		}
	}
	if i, ok, err := s.firstFalse(a, c); err != nil || !ok {
		v.Attribute, v.Err = "conditions", err
		if err != nil {
			v.Reason = errors.Unwrap(err).Error()
		} else {
			cond := &c.conditions[i]
			v.Reason = fmt.Sprintf("condition %d does not hold: %s %s %q", i+1, cond.name(), cond.Comparator, cond.Value)
		}
		return v, stageConditions
	}
	v.Matched = true
	return v, allStages
}

// why says in words why a stage does not match.
func (a *asked) why(c *compiled, st stage) string {
	switch st {
	case stageName:
		return fmt.Sprintf("the query asks for policy %q", a.q.Name.Value)
	case stageActive:
		return fmt.Sprintf("the policy is %s", map[bool]string{true: "active", false: "not active"}[c.Active])
	case stageScope:
		return fmt.Sprintf("scope %q is not %q", c.Scope, a.q.Scope.Value)
	case stageAction:
		return inList("action", a.q.Action.Value, "", c.Action.Names(), &c.actions)
	case stageRealm:
		return inList("realm", a.realm.Value, a.realmFolded, c.Realm, &c.realm)
	case stageAdminRealm:
		return inList("adminrealm", a.q.AdminRealm.Value, a.adminRealmFolded, c.AdminRealm, &c.adminRealm)
	case stageUser:
		return inList("user", a.user.Value, a.userFolded, c.User, &c.user)
	case stageAdminUser:
		return inList("adminuser", a.q.AdminUser.Value, a.adminUserFolded, c.AdminUser, &c.adminUser)
	case stageResolver:
		return a.whyResolver(c)
	case stagePINode:
		return fmt.Sprintf("node %q is not in %s", a.q.PINode.Value, listed(c.PINode))
	case stageClient:
		return a.whyClient(c)
	case stageUserAgent:
		return fmt.Sprintf("user agent %q is not in %s", a.q.UserAgent.Value, listed(c.UserAgents))
	}
	return fmt.Sprintf("%s is not in %q", a.now.Format("Mon 15:04 MST"), c.Time)
}

// inList says why a pattern list does not let a value through.
func inList(what, value, folded string, members []string, l *patternList) string {
	if l.folding == exactly {
		folded = value
	}
	for _, m := range members {
		if isExclusion(m) && l.folding.fold(m[1:]) == folded {
			return fmt.Sprintf("%s %q is excluded by %s", what, value, m)
		}
	}
	return fmt.Sprintf("%s %q is not in %s", what, value, listed(members))
}

func (a *asked) whyResolver(c *compiled) string {
	switch {
	case !c.CheckAllResolvers:
		return inList("resolver", a.resolver.Value, a.resolver.Value, c.Resolver, &c.resolver)
	case a.realm.Value == "" || a.user.Value == "":
		return "check_all_resolvers needs a user and a realm, and one of them is empty"
	case len(c.Resolver) == 0:
		return "check_all_resolvers without resolvers matches nobody"
	}
	return fmt.Sprintf("none of the resolvers %s of realm %q is in %s", listed(a.resolvers()), a.realm.Value, listed(c.Resolver))
}

func (a *asked) whyClient(c *compiled) string {
	if c.client.blank {
		return "the list of clients has nothing but empty members"
	}
	found, excluded := c.client.search(a.client)
	for _, m := range c.Client {
		text := trim(m)
		if text == "" {
			continue
		}
		if p, negative, err := parseMember(text, a.compat); excluded && negative && err == nil && p.Contains(a.client) {
			return fmt.Sprintf("client %s is excluded by %s", a.client, text)
		}
	}
	if !found && !slices.ContainsFunc(c.Client, func(m string) bool { m = trim(m); return m != "" && !isExclusion(m) }) {
		return fmt.Sprintf("client %s is not in %s, which only excludes: put 0.0.0.0/0 and ::/0 in front", a.client, listed(c.Client))
	}
	return fmt.Sprintf("client %s is not in %s", a.client, listed(c.Client))
}

// listed shows a list, shortened if it is long.
func listed(members []string) string {
	const most = 10
	if len(members) > most {
		return fmt.Sprintf("[%s and %d more]", strings.Join(members[:most], ", "), len(members)-most)
	}
	return "[" + strings.Join(members, ", ") + "]"
}

// values finds what the policies that matched set for the action, and which of
// them are beaten by one of better priority. Some actions take what all policies
// say; setrealm alone of those wants them to agree.
func (e *Explanation) values(action string) {
	all := takenFromAll(action)
	best := ""
	priority := 0
	for i := range e.Policies {
		v := &e.Policies[i]
		if !v.Matched {
			continue
		}
		if best == "" {
			best, priority = v.Policy.Name, v.Policy.Priority
		}
		item, ok := v.Policy.Action.Get(action)
		if !ok {
			continue
		}
		v.Value, v.Set = item.Value, true
		if item.Flag {
			v.Value = "true"
		}
		if v.Policy.Priority > priority && !all {
			v.Beaten = best
			e.Beaten = e.Beaten.extract(v.Value, false, v.Policy.Name, true)
			continue
		}
		e.Values = e.Values.extract(v.Value, false, v.Policy.Name, true)
	}
	if len(e.Values) > 1 && (!all || action == ActionSetRealm) {
		e.Conflict = &ConflictError{action, e.Values}
	}
}
