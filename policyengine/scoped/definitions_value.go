package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CheckValue finds what is wrong with the value of an action that matters at a
// login: a pattern, a limit or a word that would make every login fail that comes
// to it, or that would quietly mean nothing. Actions without a value and actions
// that nothing here reads are let through. The error is ErrInvalid, or ErrPolicy
// for a rule for PINs.
func CheckValue(scope string, item ActionItem) error {
	if item.Flag {
		return nil
	}
	check := valueChecks(scope)[item.Name]
	if kind, rest, found := strings.Cut(item.Name, "_"); check == nil && found && kind != "" && strings.HasPrefix(rest, "otp_pin_") {
		check = valueChecks(scope)[rest]
	}
	if check == nil {
		return nil
	}
	return check(item.Value)
}

// CheckValues checks the values of all actions with CheckValue, for those who load
// policies in Hardened. Like that of Compile, the error joins values of type
// *Fault.
func CheckValues(policies []Policy) error {
	var c compiler
	for i := range policies {
		c.index, c.name = i, policies[i].Name
		for _, item := range policies[i].Action {
			if err := CheckValue(policies[i].Scope, item); err != nil {
				c.fault("action", fmt.Errorf("%s: %w", item.Name, err))
			}
		}
	}
	return errors.Join(c.faults...)
}

// valueChecks are the checks of a scope's actions.
func valueChecks(scope string) map[string]func(value string) error {
	switch scope {
	case ScopeAuthentication:
		return map[string]func(string) error{
			ActionAuthCache:      everyWord(func(v string) error { _, err := ParseCacheRule(v, Hardened); return err }),
			ActionMangle:         everyWord(checkMangle),
			ActionPassthruAssign: everyWord(func(v string) error { _, err := ParseAssignRule(v); return err }),
			ActionOTPPIN:         anyOf(PINToken, PINUserStore, PINNone),
		}
	case ScopeAuthorization:
		limit := everyWord(func(v string) error { _, err := ParseTimeLimit(v); return err })
		return map[string]func(string) error{
			ActionAuthMaxFail:    limit,
			ActionAuthMaxSuccess: limit,
			ActionLastAuth:       everyWord(func(v string) error { _, err := ParseTimeDelta(v); return err }),
			ActionAuthorized:     anyOf(AuthorizedAllow, AuthorizedDeny),
			ActionSerial:         everyWord(checkPattern),
			ActionTokenInfo:      checkTokenInfo,
		}
	case ScopeEnrollment:
		return map[string]func(string) error{ActionAutoAssignment: anyOf(AutoAssignUserStore, AutoAssignAnyPIN)}
	case ScopeUser, ScopeAdmin:
		return map[string]func(string) error{
			ActionPINContents:  everyWord(func(v string) error { _, err := ParsePINRule(v); return err }),
			ActionPINMinLength: everyWord(checkNumber),
			ActionPINMaxLength: everyWord(checkNumber),
		}
	}
	return nil
}

// valueWords are the values of a text when white space is not allowed: one in
// quotes, or the words.
func valueWords(text string) []string {
	return Values(nil).extract(text, false, "", false).found()
}

// everyWord checks every word of a value.
func everyWord(check func(string) error) func(string) error {
	return func(text string) error {
		for _, v := range valueWords(text) {
			if err := check(v); err != nil {
				return err
			}
		}
		return nil
	}
}

// anyOf checks that a value is one of the words.
func anyOf(allowed ...string) func(string) error {
	return everyWord(func(v string) error {
		if slices.Contains(allowed, v) {
			return nil
		}
		return failf(ErrInvalid, "%.40q is none of %s", v, strings.Join(allowed, ", "))
	})
}

func checkNumber(text string) error {
	if n, err := strconv.Atoi(trim(text)); err != nil || n < 0 {
		return failf(ErrInvalid, "%.40q is no number of characters", text)
	}
	return nil
}

func checkPattern(pattern string) error {
	if _, err := compileRegex("", pattern, "", dialect{}); err != nil {
		return failf(ErrInvalid, "%.60q: %w", pattern, err)
	}
	return nil
}

func checkMangle(text string) error {
	parts := strings.SplitN(text, "/", 4)
	if len(parts) < 4 {
		return failf(ErrInvalid, "%.60q: write key/search/replace/; a value with blanks stands in single quotes", text)
	}
	if (&Credentials{}).field(parts[0]) == nil {
		return failf(ErrInvalid, "%.60q: the key is user, pass or realm", text)
	}
	if _, err := compileSubstitution(parts[1], parts[2], false); err != nil {
		return failf(ErrInvalid, "%.60q: %w", text, err)
	}
	return nil
}

func checkTokenInfo(text string) error {
	for _, v := range Values(nil).extract(text, false, "", true).found() {
		parts := strings.Split(v, "/")
		if len(parts) != 3 {
			return failf(ErrInvalid, "%.60q: write key/pattern/", v)
		}
		if err := checkPattern(parts[1]); err != nil {
			return err
		}
	}
	return nil
}
