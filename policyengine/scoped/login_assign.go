package scoped

import (
	"strconv"
	"strings"
)

// defaultAssignWindow is how many OTP values ahead are tried when the action
// names no window.
const defaultAssignWindow = 100

// maxAssignWindow bounds the work that one login can cause.
const maxAssignWindow = 10_000

// AssignRule is the value of the action passthru_assign: how to part a password
// into PIN and OTP value, to find out which token the user holds.
type AssignRule struct {
	OTPLength int
	PINFirst  bool
	// Window is how many OTP values ahead are tried.
	Window int
}

// ParseAssignRule reads 6:pin (six characters of OTP value, then the PIN), pin:6,
// or either with a window behind a second colon. Anything else is ErrInvalid.
func ParseAssignRule(text string) (AssignRule, error) {
	rule := AssignRule{Window: defaultAssignWindow}
	parts := strings.Split(text, ":")
	fault := failf(ErrInvalid, "passthru_assign=%.40s: write the length of the OTP value and pin, as in 6:pin or pin:6, and perhaps a window, as in 6:pin:50", text)
	if len(parts) != 2 && len(parts) != 3 {
		return AssignRule{}, fault
	}
	length := parts[0]
	switch {
	case strings.EqualFold(trim(parts[0]), "pin"):
		rule.PINFirst, length = true, parts[1]
	case !strings.EqualFold(trim(parts[1]), "pin"):
		return AssignRule{}, fault
	}
	var err error
	if rule.OTPLength, err = strconv.Atoi(trim(length)); err != nil || rule.OTPLength < 1 {
		return AssignRule{}, fault
	}
	if len(parts) == 3 {
		if rule.Window, err = strconv.Atoi(trim(parts[2])); err != nil || rule.Window < 1 || rule.Window > maxAssignWindow {
			return AssignRule{}, fault
		}
	}
	return rule, nil
}

// Split parts a password.
func (r AssignRule) Split(password string) (pin, otp string) {
	return SplitPINAndOTP(password, r.OTPLength, r.PINFirst)
}

// PassthruAssign returns how a password that a RADIUS server accepted is used to
// find the user's token (action passthru_assign); false when it is not.
func (l Login) PassthruAssign() (AssignRule, bool, error) {
	values, err := l.values(ScopeAuthentication, ActionPassthruAssign, ValueOptions{Unique: true})
	if err != nil || len(values) == 0 {
		return AssignRule{}, false, err
	}
	rule, err := ParseAssignRule(values[0].Value)
	return rule, err == nil, err
}

// AutoAssignment returns what the policies say of the PIN when a user without a
// token types the OTP value of an unassigned one (action autoassignment):
// AutoAssignUserStore or AutoAssignAnyPIN, or "" when tokens are not assigned in
// this way. Another value is ErrInvalid.
func (l Login) AutoAssignment() (string, error) {
	values, err := l.values(ScopeEnrollment, ActionAutoAssignment, ValueOptions{Unique: true})
	if err != nil || len(values) == 0 {
		return "", err
	}
	switch v := values[0].Value; v {
	case AutoAssignUserStore, AutoAssignAnyPIN:
		return v, nil
	default:
		return "", failf(ErrInvalid, "autoassignment=%.40s of policy %q: write userstore or any_pin", v, values[0].Policies)
	}
}

// ChallengePrompt returns the prompt of a challenge: that of the type of token
// (<type>_challenge_text), else the general one (challenge_text); false when
// there is none. White space is kept.
func (l Login) ChallengePrompt(tokenType string) (string, bool, error) {
	for _, action := range []string{tokenType + "_" + ActionChallengeText, ActionChallengeText} {
		values, err := l.values(ScopeAuthentication, action, ValueOptions{Unique: true, AllowWhiteSpace: true})
		if err != nil {
			return "", false, err
		}
		if len(values) > 0 && !values[0].Absent {
			return values[0].Value, true, nil
		}
	}
	return "", false, nil
}
