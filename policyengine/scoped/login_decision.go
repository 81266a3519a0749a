package scoped

import (
	"errors"
	"strings"
	"time"
)

// CheckPassword asks the directory whether a password is right. An error means
// that it could not be told.
type CheckPassword func(user *User, password string) (bool, error)

// CountTokens says how many tokens a user owns. For a user that no resolver knows
// the error should be of kind ErrUser.
type CountTokens func(user *User) (int, error)

// Outcome is how the check of a password ended.
type Outcome struct {
	Success bool
	// ByPolicy says that a policy accepted, and no token or password was right for
	// itself.
	ByPolicy bool
	// Reason says in a few words what decided; "" when the outcome is what the
	// inner check said.
	Reason string
}

// PassNoUser reports whether a login is accepted because no resolver knows it
// (auth_user_does_not_exist, action passOnNoUser).
func (l Login) PassNoUser() (bool, error) {
	if l.user().Resolver != "" {
		return false, nil
	}
	found, err := l.matching(ScopeAuthentication, ActionPassNoUser)
	if err != nil || len(found) == 0 {
		return false, err
	}
	l.tell(found)
	return true, nil
}

// PassNoToken reports whether a login is accepted because the user owns no token
// (auth_user_has_no_token, action passOnNoToken). The tokens are counted when a
// policy matches.
func (l Login) PassNoToken(count CountTokens) (bool, error) {
	found, err := l.matching(ScopeAuthentication, ActionPassNoToken)
	if err != nil || len(found) == 0 {
		return false, err
	}
	n, err := count(l.user())
	if err != nil || n > 0 {
		return false, err
	}
	l.tell(found)
	return true, nil
}

// AskRADIUS forwards a login to the RADIUS server of this name and reports
// whether it accepted.
type AskRADIUS func(server, login, password string) (bool, error)

// Passthru lets the directory, or a RADIUS server, check the password of a user
// who owns no token (auth_user_passthru). What it refuses is not refused yet: the
// usual check follows, and fails. Policies of the best priority have to agree.
func (l Login) Passthru(password string, count CountTokens, check CheckPassword, radius AskRADIUS) (Outcome, error) {
	found, err := l.matching(ScopeAuthentication, ActionPassthru)
	if err != nil || len(found) == 0 {
		return Outcome{}, err
	}
	if err := CheckConflicts(found, ActionPassthru); err != nil {
		return Outcome{}, err
	}
	n, err := count(l.user())
	if err != nil || n > 0 {
		return Outcome{}, err
	}
	l.tell(found)
	item, ok := found[0].Action.Get(ActionPassthru)
	if !ok {
		return Outcome{}, failf(ErrBroken, "policy %q matches action passthru and does not name it", found[0].Name)
	}
	server := item.Value
	if strings.HasPrefix(server, "'") && strings.HasSuffix(server, "'") {
		server = unquote(server)
	}
	if item.Flag || server == PINUserStore {
		ok, err = check(l.user(), password)
	} else {
		ok, err = radius(server, l.user().Login, password)
	}
	if err != nil || !ok {
		return Outcome{}, err
	}
	return Outcome{Success: true, ByPolicy: true, Reason: "passthru by policy " + found[0].Name}, nil
}

// CountLogins counts the logins of this user that succeeded, or failed, within a
// window of time up to now.
type CountLogins func(success bool, window time.Duration) (int, error)

// TimeLimits refuses a login after too many failures or successes within a window
// of time (auth_user_timelimit), whatever the inner check said. The name of a
// policy that refuses for the failures goes to the audit.
func (l Login) TimeLimits(success bool, count CountLogins) (Outcome, error) {
	o := ValueOptions{Unique: true}
	failures, err := l.silently(ScopeAuthorization, ActionAuthMaxFail, o)
	if err != nil {
		return Outcome{}, err
	}
	successes, err := l.silently(ScopeAuthorization, ActionAuthMaxSuccess, o)
	if err != nil {
		return Outcome{}, err
	}
	for _, limit := range []struct {
		values  Values
		success bool
		what    string
	}{{failures, false, "failed"}, {successes, true, "successful"}} {
		if len(limit.values) == 0 {
			continue
		}
		v := limit.values[0]
		most, err := ParseTimeLimit(v.Value)
		if err != nil {
			return Outcome{}, err
		}
		n, err := count(limit.success, most.Window)
		if err != nil {
			return Outcome{}, err
		}
		if n < most.Count {
			continue
		}
		if !limit.success {
			l.Request.audit(v.Policies...)
		}
		return Outcome{Reason: "too many " + limit.what + " logins within " + most.Window.String()}, nil
	}
	return Outcome{Success: success}, nil
}

// LastAuth refuses a token that was not used for longer than the policies allow
// (action last_auth). last is when it was used last, in RFC 3339 or as
// "2024-01-05 10:00"; what cannot be read refuses, and "" is a token without a
// record, which passes.
func (l Login) LastAuth(last string) (bool, error) {
	values, err := l.values(ScopeAuthorization, ActionLastAuth, ValueOptions{Unique: true})
	if err != nil {
		return false, err
	}
	if len(values) == 0 || last == "" {
		return true, nil
	}
	span, err := ParseTimeDelta(values[0].Value)
	if err != nil {
		return false, err
	}
	used, err := parseDate(last, l.Request.Now.Location())
	if err != nil {
		return false, nil //nolint:nilerr // a record that cannot be read is a refusal, not a failure to decide
	}
	return !used.Before(l.Request.Now.Add(-span)), nil
}

// parseDate reads the time of a record; without a zone it is local time.
func parseDate(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("is no date")
}

// PINResult says how a PIN was checked.
type PINResult struct {
	Right bool
	// ByToken says that the PIN of the token decided.
	ByToken bool
}

// OTPPIN checks the PIN part of a password as the policies say (auth_otppin): there
// must be none, it is the password of the directory, or, without a policy too, it
// is the PIN of the token. Without a user the policies are asked for the owner of
// the token, or else for its first realm.
func (l Login) OTPPIN(pin string, owner *User, realms []string, check CheckPassword, tokenPIN func(pin string) (bool, error)) (PINResult, error) {
	switch {
	case !l.user().Empty():
	case !owner.Empty():
		l.User = owner
	case len(realms) > 0:
		l.User = &User{Realm: realms[0]}
	}
	values, err := l.values(ScopeAuthentication, ActionOTPPIN, ValueOptions{Unique: true})
	if err != nil {
		return PINResult{}, err
	}
	if len(values) > 0 && values[0].Value == PINNone {
		return PINResult{Right: pin == ""}, nil
	}
	if len(values) > 0 && values[0].Value == PINUserStore {
		ok, err := check(l.user(), pin)
		return PINResult{Right: ok && err == nil}, err
	}
	ok, err := tokenPIN(pin)
	return PINResult{Right: ok && err == nil, ByToken: true}, err
}

// ChallengeResponse reports whether a token of this type may be triggered with
// the PIN alone (challenge_response_allowed). The words of all matching policies
// count, without case; "*" is a word like any other.
func (l Login) ChallengeResponse(tokenType string) (bool, error) {
	values, err := l.silently(ScopeAuthentication, ActionChallengeResponse, ValueOptions{})
	if err != nil {
		return false, err
	}
	allowed := false
	for _, v := range values {
		if strings.EqualFold(v.Value, tokenType) && !v.Absent {
			allowed = true
			l.Request.audit(v.Policies...)
		}
	}
	return allowed, nil
}
