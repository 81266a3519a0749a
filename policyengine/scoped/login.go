package scoped

import "slices"

// Login is one login as the policies see it. Its methods are the decisions that
// policies make while a user logs in; all of them only compute. What they need of
// the outside world is handed in as functions, and what should change there is
// part of their answer. An error of any of them refuses the login.
//
// In the order of a login: SetRealm, Mangle, then the check of the password
// (AuthCache, PassNoUser, PassNoToken, Passthru, the tokens with OTPPIN, TimeLimits,
// LastAuth), then what is checked and said of the answer (CheckSerial,
// CheckTokenType, CheckTokenInfo, UserDetail, DropDetail, PreferredClientMode,
// ChallengeText, Authorized).
type Login struct {
	Set     *Set
	Request *Request
	// User is who logs in; nil is nobody, which is not the same as anybody: a
	// policy that names users does not match then.
	User *User
}

// user is never nil.
func (l Login) user() *User {
	if l.User == nil {
		return &User{}
	}
	return l.User
}

// ask asks the policies for this user.
func (l Login) ask(scope, action string) (*Match, error) {
	return l.Set.ForUser(l.Request, scope, Is(action), l.user())
}

// any reports whether a policy matches, and tells the audit.
func (l Login) any(scope, action string) (bool, error) {
	m, err := l.ask(scope, action)
	if err != nil {
		return false, err
	}
	return m.Any()
}

// values asks for the values of an action, and tells the audit.
func (l Login) values(scope, action string, o ValueOptions) (Values, error) {
	m, err := l.ask(scope, action)
	if err != nil {
		return nil, err
	}
	return m.ActionValues(o)
}

// silently is values without telling the audit: that is done by whoever finds
// that a policy takes effect.
func (l Login) silently(scope, action string, o ValueOptions) (Values, error) {
	m, err := l.ask(scope, action)
	if err != nil {
		return nil, err
	}
	return m.Silent().ActionValues(o)
}

// matching returns the policies without telling the audit.
func (l Login) matching(scope, action string) ([]*Policy, error) {
	m, err := l.ask(scope, action)
	if err != nil {
		return nil, err
	}
	return m.Silent().Policies()
}

// tell tells the audit the names of policies that took effect.
func (l Login) tell(policies []*Policy) {
	for _, p := range policies {
		l.Request.audit(p.Name)
	}
}

// found are the values that are there; matching by "*" or a pattern gives none.
func (v Values) found() []string {
	var list []string
	for i := range v {
		if !v[i].Absent && !slices.Contains(list, v[i].Value) {
			list = append(list, v[i].Value)
		}
	}
	return list
}
