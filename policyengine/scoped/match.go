package scoped

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// asked is a query with everything prepared that all policies are compared with.
// It holds the query by value, so that neither goes to the heap.
type asked struct {
	q        Query
	compat   bool
	user     Arg
	realm    Arg
	resolver Arg
	admin    bool
	// What lists that fold compare the values by.
	userFolded, realmFolded           string
	adminUserFolded, adminRealmFolded string
	// client is the address; clientErr says why there is none.
	client    netip.Addr
	hasClient bool
	clientErr error
	agent     string
	now       time.Time
	// candidates are the resolvers of the realm, once they were looked up.
	candidates []string
	looked     bool
}

// stage is one attribute; policies are compared stage by stage in this order.
type stage uint8

const (
	stageName stage = iota
	stageActive
	stageScope
	stageAction
	stageRealm
	stageAdminRealm
	stageUser
	stageAdminUser
	stageResolver
	stagePINode
	stageClient
	stageUserAgent
	listStages // the filters of List end here
)

const (
	stageTime stage = listStages + iota
	stageConditions
	allStages
)

// List returns the policies that pass the filters of the query, without looking
// at users, times and conditions (list_policies), by priority and then in the
// order in which they were created. They are appended to buf, which may be nil,
// and must not be changed.
func (s *Set) List(q *Query, buf []*Policy) ([]*Policy, error) {
	if s == nil {
		return buf, nil
	}
	a := asked{q: *q}
	if err := s.prepare(&a); err != nil {
		return nil, err
	}
	return s.run(&a, listStages, buf)
}

// Match returns the policies that match the query: the filters with the user
// object in their place, then times, then conditions (match_policies). They are
// appended to buf, which may be nil, and must not be changed. Active is not
// forced. An error means that there is no answer, never that nothing matches.
func (s *Set) Match(q *Query, buf []*Policy) ([]*Policy, error) {
	if s == nil {
		return buf, nil
	}
	a := asked{q: *q}
	if err := s.prepare(&a); err != nil {
		return nil, err
	}
	if err := a.place(q.UserObject); err != nil {
		return nil, err
	}
	return s.run(&a, allStages, buf)
}

// Applies reports whether the named policy is active and matches the query,
// whatever its scope and its actions are. A name that does not exist is an error.
func (s *Set) Applies(name string, q *Query) (bool, error) {
	if s == nil || !s.Has(name) {
		return false, failf(ErrNotFound, "there is no scoped policy %q", name)
	}
	a := asked{q: *q}
	a.q.Name, a.q.Active = Is(name), OnlyActive
	a.q.Scope, a.q.Action = Arg{}, Arg{}
	if err := s.prepare(&a); err != nil {
		return false, err
	}
	if err := a.place(q.UserObject); err != nil {
		return false, err
	}
	var room [1]uint32
	ids, err := s.matching(&a, allStages, room[:0])
	return len(ids) > 0, err
}

// prepare readies the query.
func (s *Set) prepare(a *asked) error {
	q := &a.q
	a.compat, a.now = s.compat(), q.Now
	a.user, a.realm, a.resolver = q.User, q.Realm, q.Resolver
	a.admin = q.Scope.Given && q.Scope.Value == ScopeAdmin
	if s.options.Location != nil && !q.Now.IsZero() {
		a.now = q.Now.In(s.options.Location)
	}
	if q.UserAgent.Given {
		a.agent = caseless.fold(q.UserAgent.Value)
	}
	switch {
	case q.Client.Given && q.Client.Value == "":
		return failf(ErrParameter, "the address of the client is empty")
	case q.Client.Given && a.compat:
		a.client, a.clientErr = parseClientCompat(q.Client.Value)
	case q.Client.Given:
		a.client, a.clientErr = parseClient(q.Client.Value)
	case !q.ClientAddr.IsValid():
		return nil
	case a.compat:
		a.client = q.ClientAddr.WithZone("")
	default:
		a.client = q.ClientAddr.Unmap().WithZone("")
	}
	a.hasClient = true
	return nil
}

// fold folds the names, for the lists that fold.
func (s *Set) fold(a *asked) {
	a.realmFolded = s.foldRealms.fold(a.realm.Value)
	a.userFolded = s.foldUsers.fold(a.user.Value)
	if a.admin {
		a.adminRealmFolded = s.foldRealms.fold(a.q.AdminRealm.Value)
		a.adminUserFolded = s.foldUsers.fold(a.q.AdminUser.Value)
	}
}

// place puts the user object into the place of user, realm and resolver. What was
// given besides must agree.
func (a *asked) place(u *User) error {
	if u == nil {
		return nil
	}
	for _, arg := range []struct {
		what  string
		given Arg
		agree bool
	}{
		{"user", a.user, strings.EqualFold(a.user.Value, u.Login) || strings.EqualFold(a.user.Value, u.Typed)},
		{"resolver", a.resolver, strings.EqualFold(a.resolver.Value, u.Resolver)},
		{"realm", a.realm, lowering.fold(a.realm.Value) == u.Realm},
	} {
		if arg.given.Given && arg.given.Value != "" && !arg.agree {
			return failf(ErrParameter, "the %s %q is another one than that of the user %q", arg.what, arg.given.Value, u.Login)
		}
	}
	a.user, a.realm, a.resolver = Is(u.Login), Is(u.Realm), Is(u.Resolver)
	return nil
}

// run compares policies up to a stage.
func (s *Set) run(a *asked, end stage, buf []*Policy) ([]*Policy, error) {
	var room [64]uint32
	ids, err := s.matching(a, end, room[:0])
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		buf = append(buf, &s.all[id].Policy)
	}
	return buf, nil
}

// matching appends the ids of the policies that pass all stages before end to
// ids, which must be empty.
func (s *Set) matching(a *asked, end stage, ids []uint32) ([]uint32, error) {
	s.fold(a)
	if err := s.probe(a, min(end, stageConditions)); err != nil {
		return nil, err
	}
	ids, err := s.collect(a, listStages, ids)
	if err != nil || end == listStages {
		s.order(a, ids)
		return ids, err
	}
	if ids, err = keep(ids, func(id uint32) (bool, error) { return s.compare(a, &s.all[id], stageTime) }); err != nil {
		return nil, err
	}
	s.order(a, ids)
	return keep(ids, func(id uint32) (bool, error) { return s.holds(a, &s.all[id]) })
}

// keep keeps the ids for which a question is answered with yes.
func keep(ids []uint32, ask func(id uint32) (bool, error)) ([]uint32, error) {
	kept := ids[:0]
	for _, id := range ids {
		ok, err := ask(id)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, id)
		}
	}
	return kept, nil
}

// probe asks the policies that can fail by themselves, stage by stage: one that
// an earlier stage removed cannot fail. The index must not pass them by.
func (s *Set) probe(a *asked, end stage) error {
	if len(s.fragile) == 0 {
		return nil
	}
	left := slices.Clone(s.fragile)
	for st := range end {
		var err error
		if left, err = keep(left, func(id uint32) (bool, error) { return s.compare(a, &s.all[id], st) }); err != nil {
			return err
		}
	}
	return nil
}

// order puts policies, which come by priority and creation, into the order of the
// query. In Compat, a query with a client puts those with a list of clients first
// among equals, which decides whose conditions fail first.
func (s *Set) order(a *asked, ids []uint32) {
	clients := a.compat && a.hasClient
	if !clients && !a.q.Unsorted {
		return
	}
	slices.SortFunc(ids, func(x, y uint32) int {
		p, q := &s.all[x], &s.all[y]
		if p.Priority != q.Priority && !a.q.Unsorted {
			return p.Priority - q.Priority
		}
		if clients && p.client.empty != q.client.empty {
			if q.client.empty {
				return -1
			}
			return 1
		}
		return p.created - q.created
	})
}

// holds evaluates the conditions of a policy, up to the first that is false.
func (s *Set) holds(a *asked, c *compiled) (bool, error) {
	_, ok, err := s.firstFalse(a, c)
	return ok, err
}

// firstFalse evaluates the conditions of a policy, and says which is the first
// that is false.
func (s *Set) firstFalse(a *asked, c *compiled) (int, bool, error) {
	for i := range c.conditions {
		if c.conditions[i].skipped(a.q.Mode) {
			continue
		}
		ok, err := c.conditions[i].holds(&a.q, a.now, a.compat)
		if err != nil {
			return i, false, fmt.Errorf("scoped policy %q: %w", c.Name, err)
		}
		if !ok {
			return i, false, nil
		}
	}
	return 0, true, nil
}
