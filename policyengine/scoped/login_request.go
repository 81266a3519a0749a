package scoped

import "strings"

// Credentials are what a client sends to log in.
type Credentials struct {
	// Name is the login as it was typed, perhaps with a realm in it; Realm the
	// realm that was named besides it, "" for none.
	Name, Realm, Password string
	// TokenType is the type of token that the application demands, "" for any.
	TokenType string
	// User is who the name and the realm were found to be.
	User *User
}

// Resolve finds the user of a name and a realm. With typed, the name is as it was
// typed, and a realm may be part of it, unless one is given. A user that no
// resolver knows is no error but has no resolver.
type Resolve func(name, realm string, typed bool) (*User, error)

// SetRealm moves the login into the realm that the policies say, and looks the
// user up there (set_realm). Several policies have to agree, whatever their
// priorities are. Without a login nothing happens.
func (l Login) SetRealm(c Credentials, resolve Resolve) (Credentials, error) {
	if l.user().Login == "" {
		return c, nil
	}
	values, err := l.values(ScopeAuthorization, ActionSetRealm, ValueOptions{})
	if err != nil || len(values) == 0 {
		return c, err
	}
	if len(values) > 1 {
		return c, &ConflictError{ActionSetRealm, values}
	}
	c.Realm = values[0].Value
	c.User, err = resolve(l.user().Login, c.Realm, false)
	return c, err
}

// Mangle rewrites name, realm and password as the policies say (mangle). All
// matching policies are applied, in their order, and the first of them decides
// nothing about the others: those that match are found before anything is
// changed. The name of a policy goes to the audit when there was something to
// rewrite. A value of another form than key/search/replace/ is ErrInvalid.
func (l Login) Mangle(c Credentials, resolve Resolve) (Credentials, error) {
	values, err := l.silently(ScopeAuthentication, ActionMangle, ValueOptions{})
	if err != nil {
		return c, err
	}
	for _, v := range values {
		parts := strings.SplitN(v.Value, "/", 4)
		if len(parts) < 4 {
			return c, failf(ErrInvalid, "mangle=%s of policy %q: write key/search/replace/, where key is user, pass or realm", v.Value, v.Policies)
		}
		field := c.field(parts[0])
		if field == nil || *field == "" {
			continue
		}
		s, err := compileSubstitution(parts[1], parts[2], l.Set.compat())
		if err != nil {
			return c, failf(ErrInvalid, "mangle=%s of policy %q: %w", v.Value, v.Policies, err)
		}
		if *field, err = s.apply(*field); err != nil {
			return c, failf(ErrInvalid, "mangle=%s of policy %q: %w", v.Value, v.Policies, err)
		}
		l.Request.audit(v.Policies...)
		if parts[0] == "pass" {
			continue
		}
		if c.User, err = resolve(c.Name, c.Realm, true); err != nil {
			return c, err
		}
	}
	return c, nil
}

// field is what a key of mangle names.
func (c *Credentials) field(key string) *string {
	switch key {
	case "user":
		return &c.Name
	case "pass":
		return &c.Password
	case "realm":
		return &c.Realm
	}
	return nil
}

// ChallengeCounts reports whether triggering a challenge counts as a failure
// (increase_failcounter_on_challenge).
func (l Login) ChallengeCounts() (bool, error) {
	return l.any(ScopeAuthentication, ActionIncreaseFailCounter)
}

// ApplicationTokenType drops the type of token that the application demands
// unless a policy lets it demand one (check_application_tokentype).
func (l Login) ApplicationTokenType(c Credentials) (Credentials, error) {
	allowed, err := l.any(ScopeAuthorization, ActionApplicationTokenType)
	if err != nil || !allowed {
		c.TokenType = ""
	}
	return c, err
}

// NeedsAPIKey reports whether the request has to carry an API key
// (api_key_required).
func (l Login) NeedsAPIKey() (bool, error) { return l.any(ScopeAuthorization, ActionAPIKey) }
