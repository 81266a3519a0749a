package scoped

import (
	"strconv"
	"unicode/utf8"
)

// CheckPIN refuses with ErrPolicy a PIN that the policies of whoever sets it do
// not allow (check_pin): an administrator for the user, or the user. Least
// length, most length and contents are looked for in this order, each for the
// type of token first (hotp_otp_pin_minlength) and in general if that gives
// nothing. Lengths are in characters, and may be reached.
func (s *Set) CheckPIN(r *Request, pin, tokenType string, user *User) error {
	length := utf8.RuneCountInString(pin)
	least, found, err := s.pinLength(r, tokenType, ActionPINMinLength, user)
	if err != nil {
		return err
	}
	if found && length < least {
		return failf(ErrPolicy, "the PIN has %d characters, at least %d are due", length, least)
	}
	most, found, err := s.pinLength(r, tokenType, ActionPINMaxLength, user)
	if err != nil {
		return err
	}
	if found && length > most {
		return failf(ErrPolicy, "the PIN has %d characters, at most %d are allowed", length, most)
	}
	rule, found, err := s.pinValue(r, tokenType, ActionPINContents, user)
	if err != nil || !found {
		return err
	}
	ok, err := CheckPINContents(pin, rule)
	if err == nil && !ok {
		err = failf(ErrPolicy, "the PIN does not keep to the rule %q", rule)
	}
	return err
}

// pinLength is a value that is a number.
func (s *Set) pinLength(r *Request, tokenType, action string, user *User) (int, bool, error) {
	text, found, err := s.pinValue(r, tokenType, action, user)
	if err != nil || !found {
		return 0, false, err
	}
	n, err := strconv.Atoi(trim(text))
	if err != nil {
		return 0, false, failf(ErrInvalid, "%s=%.40s is no whole number", action, text)
	}
	return n, true, nil
}

// pinValue asks for the type of token, then in general.
func (s *Set) pinValue(r *Request, tokenType, action string, user *User) (string, bool, error) {
	for _, name := range []string{tokenType + "_" + action, action} {
		m, err := s.ForAdminOrUser(r, Is(name), user)
		if err != nil {
			return "", false, err
		}
		values, err := m.ActionValues(ValueOptions{Unique: true})
		if err != nil {
			return "", false, err
		}
		if len(values) > 0 {
			return values[0].Value, true, nil
		}
	}
	return "", false, nil
}

// AllowedAttributes are the custom attributes of a user that may be changed.
type AllowedAttributes struct {
	// Delete are the attributes that may be deleted; "*" is any.
	Delete []string
	// Set are the values that each attribute may be set to; "*" is any, as a key
	// and as a value.
	Set map[string][]string
}

// AllowedCustomAttributes returns the custom attributes that whoever is logged in
// may change of the user (get_allowed_custom_attributes), together over all
// matching policies. Wildcards are not expanded.
func (s *Set) AllowedCustomAttributes(r *Request, user *User) (AllowedAttributes, error) {
	allowed := AllowedAttributes{Set: map[string][]string{}}
	deletes, err := s.attributeTexts(r, ActionDeleteCustomAttributes, user)
	if err != nil {
		return allowed, err
	}
	for _, text := range deletes {
		allowed.Delete = append(allowed.Delete, words(text)...)
	}
	allowed.Delete = sortedSet(allowed.Delete)
	sets, err := s.attributeTexts(r, ActionSetCustomAttributes, user)
	if err != nil {
		return allowed, err
	}
	for _, text := range sets {
		for key, values := range ParseDict(text) {
			allowed.Set[key] = sortedSet(append(allowed.Set[key], values...))
		}
	}
	return allowed, nil
}

func (s *Set) attributeTexts(r *Request, action string, user *User) ([]string, error) {
	m, err := s.ForAdminOrUser(r, Is(action), user)
	if err != nil {
		return nil, err
	}
	values, err := m.ActionValues(ValueOptions{AllowWhiteSpace: true})
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, v := range values {
		if v.Absent && s.compat() {
			return nil, failf(ErrBroken, "policy %q matches action %s and does not name it", v.Policies, action)
		}
		if !v.Absent {
			texts = append(texts, v.Value)
		}
	}
	return texts, nil
}
