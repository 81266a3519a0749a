package scoped

import "slices"

// Match is a question of the calling layer, made by one of the constructors of
// Set: who may ask which scope, and by what it is filtered, is decided there.
// Every one asks for active policies of the request's own node and client.
type Match struct {
	set     *Set
	request *Request
	query   Query
}

// base is what every question of the calling layer has in common.
func (s *Set) base(r *Request, action Arg) *Match {
	return &Match{s, r, Query{
		Action: action, Active: OnlyActive, PINode: Is(r.Node),
		Client: r.Client, ClientAddr: r.ClientAddr, UserAgent: r.UserAgent,
		HTTP: r.HTTP, Now: r.Now, World: r.World,
	}}
}

// ForAction asks for an action whoever the user is (Match.action_only). There is
// no token: conditions on one are errors. Scope admin is refused, here and
// wherever a scope is given: who acts there decides, which only ForAdmin and
// ForAdminOrUser look at.
func (s *Set) ForAction(r *Request, scope string, action Arg) (*Match, error) {
	if scope == ScopeAdmin {
		return nil, failf(ErrMatching, "policies of scope admin depend on who acts: they cannot be asked for in this way")
	}
	m := s.base(r, action)
	m.query.Scope = Is(scope)
	return m, nil
}

// ForRealm asks for an action and a realm (Match.realm).
func (s *Set) ForRealm(r *Request, scope string, action Arg, realm string) (*Match, error) {
	m, err := s.ForAction(r, scope, action)
	if err != nil {
		return nil, err
	}
	m.query.Realm, m.query.Serial = Is(realm), r.Serial
	return m, nil
}

// ForUser asks for an action and a user (Match.user). Without a user, nil, the
// policies are not filtered by one.
func (s *Set) ForUser(r *Request, scope string, action Arg, user *User) (*Match, error) {
	m, err := s.ForAction(r, scope, action)
	if err != nil {
		return nil, err
	}
	m.query.UserObject, m.query.Serial = user, r.Serial
	return m, nil
}

// ForToken asks for an action and a token (Match.token): for its owner, else for
// its realm if it has exactly one, else for the action alone.
func (s *Set) ForToken(r *Request, scope string, action Arg, owner *User, realms []string) (*Match, error) {
	switch {
	case !owner.Empty():
		return s.ForUser(r, scope, action, owner)
	case len(realms) == 1:
		return s.ForRealm(r, scope, action, realms[0])
	}
	return s.ForAction(r, scope, action)
}

// ForAdmin asks what the administrator who is logged in may do (Match.admin), to
// the user if there is one. Anybody else is refused.
func (s *Set) ForAdmin(r *Request, action Arg, target *User) (*Match, error) {
	if r.LoggedIn.Role != RoleAdmin {
		return nil, failf(ErrMatching, "somebody who is no administrator asks for policies of administrators")
	}
	m := s.base(r, action)
	m.query.Scope = Is(ScopeAdmin)
	m.query.AdminUser, m.query.AdminRealm = Is(r.LoggedIn.Name), Is(r.LoggedIn.Realm)
	m.query.UserObject, m.query.Serial = target, r.Serial
	return m, nil
}

// ForAdminOrUser asks what whoever is logged in may do (Match.admin_or_user): an
// administrator to the user, or a user to themselves. A user without a user
// object is looked up by the name and realm of the login, without a resolver, so
// that conditions on attributes of the user are errors.
func (s *Set) ForAdminOrUser(r *Request, action Arg, user *User) (*Match, error) {
	switch r.LoggedIn.Role {
	case RoleAdmin:
		return s.ForAdmin(r, action, user)
	case RoleUser:
		m := s.base(r, action)
		m.query.Scope, m.query.Serial = Is(ScopeUser), r.Serial
		if user.Empty() {
			m.query.User, m.query.Realm = Is(r.LoggedIn.Name), Is(r.LoggedIn.Realm)
			return m, nil
		}
		m.query.UserObject = user
		return m, nil
	}
	return nil, failf(ErrMatching, "policies of a login in role %q: there are only admin and user", r.LoggedIn.Role)
}

// ForQuery asks a query of one's own (Match.generic). Client, token, HTTP
// request, clock and world default to those of the request; the node is always
// the server's.
func (s *Set) ForQuery(r *Request, q Query) *Match {
	q.PINode = Is(r.Node)
	if !q.Client.Given && !q.ClientAddr.IsValid() {
		q.Client, q.ClientAddr = r.Client, r.ClientAddr
	}
	if q.Serial == "" {
		q.Serial = r.Serial
	}
	if !q.UserAgent.Given {
		q.UserAgent = r.UserAgent
	}
	if q.HTTP == nil {
		q.HTTP = r.HTTP
	}
	if q.Now.IsZero() {
		q.Now = r.Now
	}
	if q.World == nil {
		q.World = r.World
	}
	return &Match{s, r, q}
}

// Mode says which conditions are evaluated, and returns m.
func (m *Match) Mode(mode ConditionMode) *Match {
	m.query.Mode = mode
	return m
}

// Silent tells the audit nothing, and returns m.
func (m *Match) Silent() *Match {
	r := *m.request
	r.Audit = nil
	m.request = &r
	return m
}

// Policies returns the policies that match; their names go to the audit.
func (m *Match) Policies() ([]*Policy, error) {
	found, err := m.set.Match(&m.query, nil)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		m.request.audit(p.Name)
	}
	return found, nil
}

// Any reports whether a policy matches.
func (m *Match) Any() (bool, error) {
	found, err := m.Policies()
	return len(found) > 0, err
}

// Allowed reports whether a policy matches, or the scope has no active policy at
// all: then nobody ever restricted it. Options.EmptyScope changes the latter.
func (m *Match) Allowed() (bool, error) {
	found, err := m.Any()
	if err != nil || found {
		return found, err
	}
	return m.set.ScopeEmpty(m.query.Scope) && m.set.emptyScopeAllows(m.query.Scope.Value), nil
}

// ActionValues returns the values that the matching policies set for the action;
// the names of the policies go to the audit, once per value.
func (m *Match) ActionValues(o ValueOptions) (Values, error) {
	found, err := m.set.Match(&m.query, nil)
	if err != nil {
		return nil, err
	}
	values, err := m.set.ActionValues(found, m.query.Action.Value, o)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		m.request.audit(v.Policies...)
	}
	return values, nil
}

// Value returns the one value that the matching policies agree on, with white
// space allowed; false when there is none (get_action_values_from_options). The
// audit is not told.
func (m *Match) Value() (string, bool, error) {
	m = &Match{m.set, m.request, m.query}
	values, err := m.Silent().ActionValues(ValueOptions{Unique: true, AllowWhiteSpace: true})
	if err != nil || len(values) == 0 || values[0].Absent {
		return "", false, err
	}
	return values[0].Value, true, nil
}

// RealmsOf returns the realms that a list of policies speaks about, of all there
// are (reduce_realms): all of them without policies or when a policy restricts
// no realm, else the members of the policies' realm lists, each once and as they
// are written.
func RealmsOf(all []string, policies []*Policy) []string {
	if len(policies) == 0 {
		return slices.Clone(all)
	}
	var realms []string
	for _, p := range policies {
		if len(p.Realm) == 0 {
			return slices.Clone(all)
		}
		for _, r := range p.Realm {
			if !slices.Contains(realms, r) {
				realms = append(realms, r)
			}
		}
	}
	return realms
}
