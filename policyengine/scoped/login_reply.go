package scoped

import (
	"maps"
	"slices"
	"strings"
)

// Authorized refuses with ErrDenied when the policies say deny_access
// (is_authorized). It is asked last, also when a challenge is open.
func (l Login) Authorized() error {
	values, err := l.values(ScopeAuthorization, ActionAuthorized, ValueOptions{Unique: true, AllowWhiteSpace: true})
	if err != nil {
		return err
	}
	if _, denied := values.Get(AuthorizedDeny); denied {
		return failf(ErrDenied, "policy %q denies access", values[0].Policies)
	}
	return nil
}

// CheckTokenType refuses with ErrPolicy a type of token that is not among those
// that the policies allow (check_tokentype). No type at all, as after Passthru, is
// let through.
func (l Login) CheckTokenType(tokenType string) error {
	values, err := l.values(ScopeAuthorization, ActionTokenType, ValueOptions{})
	if err != nil || tokenType == "" || len(values) == 0 {
		return err
	}
	if _, ok := values.Get(tokenType); !ok {
		return failf(ErrPolicy, "tokens of type %q may not be used here, only %s", tokenType, strings.Join(values.found(), ", "))
	}
	return nil
}

// CheckSerial refuses with ErrPolicy a token in whose serial none of the policies'
// patterns is found (check_serial). The policies are not asked for the user. No
// serial is let through.
func (l Login) CheckSerial(serial string) error {
	m, err := l.Set.ForAction(l.Request, ScopeAuthorization, Is(ActionSerial))
	if err != nil {
		return err
	}
	values, err := m.ActionValues(ValueOptions{})
	if err != nil || serial == "" || len(values) == 0 {
		return err
	}
	for _, pattern := range values.found() {
		ok, err := l.search(pattern, serial)
		if err != nil {
			return failf(ErrBroken, "action serial: %w", err)
		}
		if ok {
			return nil
		}
	}
	return failf(ErrPolicy, "token %q may not be used here: its serial does not match %s", serial, strings.Join(values.found(), ", "))
}

// CheckTokenInfo refuses with ErrPolicy a token whose info does not match each of
// the policies, key/pattern/ (check_tokeninfo). The policies are not asked for the
// user; values of another form are passed over; info that is not there is the
// empty text. No serial, and one that the world does not know, are let through.
func (l Login) CheckTokenInfo(serial string) error {
	if serial == "" {
		return nil
	}
	m, err := l.Set.ForAction(l.Request, ScopeAuthorization, Is(ActionTokenInfo))
	if err != nil {
		return err
	}
	values, err := m.ActionValues(ValueOptions{AllowWhiteSpace: true})
	if err != nil || len(values) == 0 {
		return err
	}
	if l.Request.World == nil || l.Request.World.Token == nil {
		return failf(ErrPolicy, "action tokeninfo: there are no tokens to be asked")
	}
	token, ok, err := l.Request.World.Token(serial)
	if err != nil || !ok {
		return err
	}
	for _, v := range values {
		parts := strings.Split(v.Value, "/")
		if len(parts) != 3 {
			continue
		}
		ok, err := l.search(parts[1], token.Info[parts[0]])
		if err != nil {
			return failf(ErrBroken, "tokeninfo=%s of policy %q: %w", v.Value, v.Policies, err)
		}
		if !ok {
			return failf(ErrPolicy, "token %q may not be used here: its info %s does not match %q of policy %q", serial, parts[0], parts[1], v.Policies)
		}
	}
	return nil
}

// search finds a pattern, which is not anchored, in a text.
func (l Login) search(pattern, text string) (bool, error) {
	re, err := compileRegex("", pattern, "", dialect{compat: l.Set.compat()})
	if err != nil {
		return false, err
	}
	return re.match(text)
}

// DropDetail reports whether the details are left out of the answer to a
// successful or failed login (no_detail_on_success, no_detail_on_fail). The
// policies are not asked for the user.
func (l Login) DropDetail(success bool) (bool, error) {
	action := ActionNoDetailOnFail
	if success {
		action = ActionNoDetailOnSuccess
	}
	m, err := l.Set.ForAction(l.Request, ScopeAuthorization, Is(action))
	if err != nil {
		return false, err
	}
	return m.Any()
}

// Detail is what the answer says of the user.
type Detail struct {
	// User are the attributes; nil when they are not told. The password is blanked.
	User map[string]any
	// WithResolver says that Resolver and Realm are told.
	WithResolver    bool
	Resolver, Realm string
}

// UserDetail says what the answer to a successful login tells of the user
// (add_user_detail_to_response). It is asked after a success only; nobody has no
// details.
func (l Login) UserDetail() (Detail, error) {
	var d Detail
	if l.user().Empty() {
		return d, nil
	}
	add, err := l.any(ScopeAuthorization, ActionAddUser)
	if err != nil {
		return d, err
	}
	if add {
		info, err := l.user().info()
		if err != nil {
			return d, err
		}
		d.User = make(map[string]any, len(info)+1)
		maps.Copy(d.User, info)
		d.User["password"] = ""
	}
	if d.WithResolver, err = l.any(ScopeAuthorization, ActionAddResolver); err != nil {
		return Detail{}, err
	}
	if d.WithResolver {
		d.Resolver, d.Realm = l.user().Resolver, l.user().Realm
	}
	return d, nil
}

// The modes in which a client can meet a challenge.
const (
	ModeInteractive = "interactive"
	ModeWebAuthn    = "webauthn"
	ModePoll        = "poll"
	ModeU2F         = "u2f"
)

// PreferredClientMode returns the mode that the client should offer first, of
// those that the open challenges have (preferred_client_mode): the first word of
// the policy that is among them, else interactive.
func (l Login) PreferredClientMode(modes []string) (string, error) {
	values, err := l.values(ScopeAuthentication, ActionPreferredClientMode, ValueOptions{Unique: true, AllowWhiteSpace: true})
	if err != nil {
		return "", err
	}
	preferred := []string{ModeInteractive, ModeWebAuthn, ModePoll, ModeU2F}
	if len(values) > 0 {
		preferred = words(values[0].Value)
	}
	for _, mode := range preferred {
		if slices.Contains(modes, mode) {
			return mode, nil
		}
	}
	return ModeInteractive, nil
}

// ChallengeText returns the text above several prompts, the distinct prompts in
// order and the text below them as one (mangle_challenge_response). Without a
// header it returns false, and the text stays as it is.
func (l Login) ChallengeText(prompts []string) (string, bool, error) {
	o := ValueOptions{Unique: true, AllowWhiteSpace: true}
	header, err := l.values(ScopeAuthentication, ActionChallengeTextHeader, o)
	if err != nil {
		return "", false, err
	}
	footer, err := l.values(ScopeAuthentication, ActionChallengeTextFooter, o)
	if err != nil || len(header) == 0 || header[0].Value == "" {
		return "", false, err
	}
	prompts = slices.Compact(slices.Sorted(slices.Values(prompts)))
	text := header[0].Value
	if lower := strings.ToLower(text); strings.HasSuffix(lower, "<ol>") || strings.HasSuffix(lower, "<ul>") {
		for _, p := range prompts {
			text += "<li>" + p + "</li>\n"
		}
	} else {
		text += "\n" + strings.Join(prompts, ", ") + "\n"
	}
	if len(footer) > 0 {
		text += footer[0].Value
	}
	return text, true, nil
}
