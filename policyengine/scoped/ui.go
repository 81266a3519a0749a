package scoped

import (
	"slices"
)

// UIUser is somebody who is logged in at a management interface, for the
// questions of what to show.
type UIUser struct {
	LoggedIn
	// User is the user that a login in role user belongs to.
	User *User
	// Client is the address; absent when it is not known.
	Client Arg
}

// query is the question for this login: an administrator is matched by name and
// realm and without conditions, a user with the conditions on the user alone.
func (u UIUser) query() (*Query, error) {
	q := &Query{Scope: Is(string(u.Role)), Active: OnlyActive, Client: u.Client}
	switch u.Role {
	case RoleAdmin:
		q.AdminUser, q.AdminRealm, q.Mode = Is(u.Name), Is(u.Realm), NoConditions
	case RoleUser:
		q.UserObject, q.Mode = u.User, UserInfoConditions
		if q.UserObject == nil {
			q.UserObject = &User{Login: u.Name, Realm: u.Realm}
		}
	default:
		return nil, failf(ErrPolicy, "there are no rights in scope %q: only admin and user", u.Role)
	}
	return q, nil
}

// UIRights returns what the user may do (ui_get_rights), sorted: the names of all
// actions of the matching policies, and name=value of those with a value. Patterns
// and "*" are not expanded. When the scope has no active policy at all these are
// all actions that are defined in it, unless Options.EmptyScope denies.
//
// Of the request only the clock and the world are read.
func (s *Set) UIRights(defs *Definitions, u UIUser, r *Request) ([]string, error) {
	found, err := s.uiMatch(u, r, Arg{})
	if err != nil {
		return nil, err
	}
	var rights []string
	scope := string(u.Role)
	if len(found) == 0 && s.ScopeEmpty(Is(scope)) && s.emptyScopeAllows(scope) {
		for _, d := range defs.Scope(scope) {
			rights = append(rights, d.Action)
		}
	}
	for _, p := range found {
		for _, item := range p.Action {
			switch {
			case item.Flag:
				rights = append(rights, item.Name)
			case item.Value != "":
				rights = append(rights, item.Name, item.Name+"="+item.Value)
			}
		}
	}
	slices.Sort(rights)
	return slices.Compact(rights), nil
}

// UIMainMenus returns the menus that the rights of the user open
// (ui_get_main_menus), sorted.
func (s *Set) UIMainMenus(defs *Definitions, u UIUser, r *Request) ([]MainMenu, error) {
	rights, err := s.UIRights(defs, u, r)
	if err != nil {
		return nil, err
	}
	var menus []MainMenu
	for _, right := range rights {
		if d, ok := defs.Lookup(string(u.Role), right); ok {
			menus = append(menus, d.OpensMenus(s.compat())...)
		}
	}
	slices.Sort(menus)
	return slices.Compact(menus), nil
}

// UIEnrollTokenTypes returns the types of tokens that the user may enroll
// (ui_get_enroll_tokentypes), sorted: of those that the role may enroll at all,
// the ones that a policy allows by its action enroll<TYPE>, where patterns count;
// or all of them when the scope has no active policy.
func (s *Set) UIEnrollTokenTypes(defs *Definitions, u UIUser, r *Request) ([]string, error) {
	if _, err := u.query(); err != nil {
		return nil, err
	}
	types := defs.Enrollable(string(u.Role))
	if s.ScopeEmpty(Is(string(u.Role))) {
		if !s.emptyScopeAllows(string(u.Role)) {
			return nil, nil
		}
		return types, nil
	}
	var allowed []string
	for _, t := range types {
		found, err := s.uiMatch(u, r, Is(EnrollAction(t)))
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			allowed = append(allowed, t)
		}
	}
	slices.Sort(allowed)
	return allowed, nil
}

// uiMatch matches the policies for a login.
func (s *Set) uiMatch(u UIUser, r *Request, action Arg) ([]*Policy, error) {
	q, err := u.query()
	if err != nil {
		return nil, err
	}
	q.Action, q.Now, q.World = action, r.Now, r.World
	return s.Match(q, nil)
}
