package scoped

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var loginTime = time.Date(2024, 1, 5, 12, 0, 0, 0, time.UTC)

// loginOf makes a login of ann in realm corp under policies that are written
// "scope action", each named p1, p2 and so on.
func loginOf(t testing.TB, semantics Semantics, policies ...string) (Login, *[]string) {
	t.Helper()
	list := make([]Policy, len(policies))
	for i, text := range policies {
		scope, action, _ := strings.Cut(text, " ")
		list[i] = Policy{Name: "p" + string(rune('1'+i)), Scope: scope, Active: true, Priority: 1, Action: ParseActionCompat(action)}
	}
	set, err := Compile(list, Options{Semantics: semantics})
	if err != nil {
		t.Fatal(err)
	}
	audit := &[]string{}
	return Login{
		Set:     set,
		Request: &Request{Now: loginTime, Audit: func(p string) { *audit = append(*audit, p) }},
		User:    &User{Login: "ann", Realm: "corp", Resolver: "ldap", Info: func() (map[string]any, error) { return map[string]any{"mail": "a@x", "password": "secret"}, nil }},
	}, audit
}

func noResolve(string, string, bool) (*User, error) { return nil, errors.New("must not be resolved") }

func TestSetRealm(t *testing.T) {
	l, audit := loginOf(t, Hardened, "authorization setrealm=lab")
	moved := &User{Login: "ann", Realm: "lab"}
	got, err := l.SetRealm(Credentials{Name: "ann@corp"}, func(name, realm string, typed bool) (*User, error) {
		if name != "ann" || realm != "lab" || typed {
			t.Errorf("resolves %q, %q, %t", name, realm, typed)
		}
		return moved, nil
	})
	if err != nil || got.Realm != "lab" || got.User != moved || !slices.Equal(*audit, []string{"p1"}) {
		t.Errorf("%+v, audit %q, error %v", got, *audit, err)
	}
	l.User = nil
	if got, err := l.SetRealm(Credentials{Realm: "corp"}, noResolve); got.Realm != "corp" || err != nil {
		t.Errorf("without a login: %+v, error %v", got, err)
	}
	l, _ = loginOf(t, Hardened, "authorization setrealm=lab", "authorization setrealm=corp")
	if _, err := l.SetRealm(Credentials{}, noResolve); !errors.Is(err, ErrPolicy) {
		t.Errorf("two realms: %v", err)
	}
}

func TestApplicationTokenType(t *testing.T) {
	l, _ := loginOf(t, Hardened)
	if got, err := l.ApplicationTokenType(Credentials{TokenType: "hotp"}); got.TokenType != "" || err != nil {
		t.Errorf("%+v, error %v", got, err)
	}
	l, _ = loginOf(t, Hardened, "authorization application_tokentype, api_key_required", "authentication increase_failcounter_on_challenge")
	if got, err := l.ApplicationTokenType(Credentials{TokenType: "hotp"}); got.TokenType != "hotp" || err != nil {
		t.Errorf("%+v, error %v", got, err)
	}
	if needs, err := l.NeedsAPIKey(); !needs || err != nil {
		t.Errorf("API key: %t, error %v", needs, err)
	}
	if counts, err := l.ChallengeCounts(); !counts || err != nil {
		t.Errorf("challenges count: %t, error %v", counts, err)
	}
}

func TestChecksOfTheReply(t *testing.T) {
	world := &World{Token: func(serial string) (Token, bool, error) {
		if serial == "broken" {
			return Token{}, false, errors.New("no store")
		}
		return Token{Info: map[string]string{"hashlib": "sha1"}}, serial == "OA1", nil
	}}
	for _, tt := range []struct {
		name   string
		policy string
		check  func(l Login) error
		want   error // nil passes
	}{
		{"granted", "authorization authorized=grant_access", Login.Authorized, nil},
		{"denied", "authorization authorized=deny_access", Login.Authorized, ErrDenied},
		{"nothing said", "authorization x", Login.Authorized, nil},
		{"type", "authorization tokentype=hotp totp", func(l Login) error { return l.CheckTokenType("totp") }, nil},
		{"other type", "authorization tokentype=hotp totp", func(l Login) error { return l.CheckTokenType("sms") }, ErrPolicy},
		{"no type", "authorization tokentype=hotp totp", func(l Login) error { return l.CheckTokenType("") }, nil},
		{"serial", "authorization serial=^X ^OA", func(l Login) error { return l.CheckSerial("OA1") }, nil},
		{"other serial", "authorization serial=^X ^Y", func(l Login) error { return l.CheckSerial("OA1") }, ErrPolicy},
		{"no serial", "authorization serial=^X", func(l Login) error { return l.CheckSerial("") }, nil},
		{"broken serial", "authorization serial=[", func(l Login) error { return l.CheckSerial("OA1") }, ErrBroken},
		{"info", "authorization tokeninfo=hashlib/sha/", func(l Login) error { return l.CheckTokenInfo("OA1") }, nil},
		{"other info", "authorization tokeninfo=hashlib/md5/", func(l Login) error { return l.CheckTokenInfo("OA1") }, ErrPolicy},
		{"no such info", "authorization tokeninfo=kind/./", func(l Login) error { return l.CheckTokenInfo("OA1") }, ErrPolicy},
		{"malformed info", "authorization tokeninfo=hashlib", func(l Login) error { return l.CheckTokenInfo("OA1") }, nil},
		{"broken info", "authorization tokeninfo=hashlib/[/", func(l Login) error { return l.CheckTokenInfo("OA1") }, ErrBroken},
		{"info of no token", "authorization tokeninfo=hashlib/md5/", func(l Login) error { return l.CheckTokenInfo("") }, nil},
		{"info of an unknown token", "authorization tokeninfo=hashlib/md5/", func(l Login) error { return l.CheckTokenInfo("OA2") }, nil},
		{"info without tokens", "authorization tokeninfo=hashlib/md5/", func(l Login) error { l.Request.World = nil; return l.CheckTokenInfo("OA1") }, ErrPolicy},
	} {
		l, _ := loginOf(t, Hardened, tt.policy)
		l.Request.World = world
		if err := tt.check(l); !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	l, _ := loginOf(t, Hardened, "authorization tokeninfo=hashlib/sha1/")
	l.Request.World = world
	if err := l.CheckTokenInfo("broken"); err == nil {
		t.Error("a store that cannot be asked lets the token through")
	}
	l, _ = loginOf(t, Hardened, "authorization authorized=grant_access", "authorization authorized=deny_access")
	if err := l.Authorized(); !errors.Is(err, ErrPolicy) {
		t.Errorf("conflict: %v", err)
	}
}

func TestUserDetail(t *testing.T) {
	l, _ := loginOf(t, Hardened, "authorization add_user_in_response, add_resolver_in_response")
	got, err := l.UserDetail()
	want := Detail{User: map[string]any{"mail": "a@x", "password": ""}, WithResolver: true, Resolver: "ldap", Realm: "corp"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
	l.User = &User{Login: "ghost", Realm: "corp"}
	if got, err := l.UserDetail(); !errors.Is(err, ErrUser) || got.User != nil {
		t.Errorf("an unknown user: %+v, error %v", got, err)
	}
	l.User = nil
	if got, err := l.UserDetail(); err != nil || got.User != nil || got.WithResolver {
		t.Errorf("nobody: %+v, error %v", got, err)
	}
}

func TestPass(t *testing.T) {
	l, audit := loginOf(t, Hardened, "authentication passOnNoUser, passOnNoToken")
	if ok, err := l.PassNoUser(); ok || err != nil {
		t.Errorf("a known user passes: %v", err)
	}
	if ok, err := l.PassNoToken(func(*User) (int, error) { return 1, nil }); ok || err != nil || len(*audit) > 0 {
		t.Errorf("a user with a token passes: %v, audit %q", err, *audit)
	}
	if ok, err := l.PassNoToken(func(*User) (int, error) { return 0, errors.New("no store") }); ok || err == nil {
		t.Error("a store that cannot be asked lets the user pass")
	}
	if ok, err := l.PassNoToken(func(*User) (int, error) { return 0, nil }); !ok || err != nil {
		t.Errorf("a user without a token does not pass: %v", err)
	}
	l.User.Resolver = ""
	if ok, err := l.PassNoUser(); !ok || err != nil || !slices.Equal(*audit, []string{"p1", "p1"}) {
		t.Errorf("an unknown user does not pass: %v, audit %q", err, *audit)
	}
}

func TestPassthru(t *testing.T) {
	none := func(*User) (int, error) { return 0, nil }
	check := func(_ *User, password string) (bool, error) { return password == "right", nil }
	radius := func(server, login, password string) (bool, error) {
		return server == "radius a" && login == "ann" && password == "right", nil
	}
	for _, value := range []string{"passthru", "passthru=userstore", "passthru='userstore'", "passthru='radius a'"} {
		l, audit := loginOf(t, Hardened, "authentication "+value)
		o, err := l.Passthru("right", none, check, radius)
		if err != nil || !o.Success || !o.ByPolicy || !strings.Contains(o.Reason, "p1") || !slices.Equal(*audit, []string{"p1"}) {
			t.Errorf("%s: %+v, audit %q, error %v", value, o, *audit, err)
		}
		if o, err := l.Passthru("wrong", none, check, radius); err != nil || o.Success {
			t.Errorf("%s: a wrong password: %+v, error %v", value, o, err)
		}
		if o, err := l.Passthru("right", func(*User) (int, error) { return 1, nil }, check, radius); err != nil || o.Success {
			t.Errorf("%s: with a token: %+v, error %v", value, o, err)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication passthru=radius-b")
	if o, err := l.Passthru("right", none, check, radius); err != nil || o.Success {
		t.Errorf("another server: %+v, error %v", o, err)
	}
	for _, policies := range [][]string{{"authentication passthru", "authentication passthru=radius-b"}, {"authentication *"}} {
		l, _ := loginOf(t, Hardened, policies...)
		if o, err := l.Passthru("right", none, check, radius); err == nil || o.Success {
			t.Errorf("%s: %+v, error %v", policies, o, err)
		}
	}
	down := errors.New("down")
	l, _ = loginOf(t, Hardened, "authentication passthru")
	if o, err := l.Passthru("right", none, func(*User, string) (bool, error) { return true, down }, radius); !errors.Is(err, down) || o.Success {
		t.Errorf("a directory that is down: %+v, error %v", o, err)
	}
}

func TestTimeLimits(t *testing.T) {
	l, audit := loginOf(t, Hardened, "authorization auth_max_fail=3/1m", "authorization auth_max_success=2/5m")
	counts := func(failed, succeeded int) CountLogins {
		return func(success bool, window time.Duration) (int, error) {
			if success {
				return succeeded, errIf(window != 5*time.Minute)
			}
			return failed, errIf(window != time.Minute)
		}
	}
	for _, tt := range []struct {
		failed, succeeded int
		want              bool
		audit             []string
	}{
		{2, 1, true, nil}, {3, 0, false, []string{"p1"}}, {0, 2, false, nil}, {9, 9, false, []string{"p1"}},
	} {
		*audit = nil
		o, err := l.TimeLimits(true, counts(tt.failed, tt.succeeded))
		if err != nil || o.Success != tt.want || !slices.Equal(*audit, tt.audit) || (o.Reason == "") != tt.want {
			t.Errorf("%d failed, %d succeeded: %+v, audit %q, error %v", tt.failed, tt.succeeded, o, *audit, err)
		}
	}
	if o, err := l.TimeLimits(false, counts(0, 0)); o.Success || err != nil {
		t.Errorf("a wrong password: %+v, error %v", o, err)
	}
	if o, err := l.TimeLimits(true, func(bool, time.Duration) (int, error) { return 0, errors.New("down") }); o.Success || err == nil {
		t.Errorf("a log that is down: %+v", o)
	}
	l, _ = loginOf(t, Hardened, "authorization auth_max_fail=lots")
	if o, err := l.TimeLimits(true, counts(0, 0)); o.Success || !errors.Is(err, ErrInvalid) {
		t.Errorf("a broken limit: %+v, error %v", o, err)
	}
}

func errIf(b bool) error {
	if b {
		return errors.New("wrong window")
	}
	return nil
}

func TestLastAuth(t *testing.T) {
	l, _ := loginOf(t, Hardened, "authorization last_auth=1d")
	for last, want := range map[string]bool{
		"": true, "2024-01-05 10:00": true, "2024-01-04T12:00:00Z": true, "2024-01-04 11:59:59+00:00": false, "2023-12-01 10:00": false, "yesterday": false,
	} {
		if ok, err := l.LastAuth(last); ok != want || err != nil {
			t.Errorf("%q: %t, error %v", last, ok, err)
		}
	}
	l, _ = loginOf(t, Hardened, "authorization last_auth=soon")
	if ok, err := l.LastAuth("2024-01-05 10:00"); ok || !errors.Is(err, ErrInvalid) {
		t.Errorf("a broken span: %t, error %v", ok, err)
	}
	l, _ = loginOf(t, Hardened)
	if ok, err := l.LastAuth("2000-01-05 10:00"); !ok || err != nil {
		t.Errorf("no policy: %t, error %v", ok, err)
	}
}

func TestOTPPIN(t *testing.T) {
	check := func(u *User, password string) (bool, error) { return u.Login == "ann" && password == "dir", nil }
	token := func(pin string) (bool, error) { return pin == "1234", nil }
	for _, tt := range []struct {
		policy, pin string
		want        PINResult
	}{
		{"authentication otppin=none", "", PINResult{Right: true}},
		{"authentication otppin=none", "1234", PINResult{}},
		{"authentication otppin=userstore", "dir", PINResult{Right: true}},
		{"authentication otppin=userstore", "1234", PINResult{}},
		{"authentication otppin=tokenpin", "1234", PINResult{Right: true, ByToken: true}},
		{"authentication otppin=tokenpin", "dir", PINResult{ByToken: true}},
		{"authentication x", "1234", PINResult{Right: true, ByToken: true}},
	} {
		l, _ := loginOf(t, Hardened, tt.policy)
		if got, err := l.OTPPIN(tt.pin, nil, nil, check, token); got != tt.want || err != nil {
			t.Errorf("%s, PIN %q: %+v, error %v", tt.policy, tt.pin, got, err)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication otppin=none", "authentication otppin=userstore")
	if got, err := l.OTPPIN("", nil, nil, check, token); got.Right || !errors.Is(err, ErrPolicy) {
		t.Errorf("conflict: %+v, error %v", got, err)
	}
	l, _ = loginOf(t, Hardened, "authentication otppin=userstore")
	if got, err := l.OTPPIN("dir", nil, nil, func(*User, string) (bool, error) { return true, errors.New("down") }, token); got.Right || err == nil {
		t.Errorf("a directory that is down: %+v", got)
	}
}

func TestChallenges(t *testing.T) {
	l, audit := loginOf(t, Hardened, "authentication challenge_response=hotp TOTP, preferred_client_mode=poll u2f, challenge_text_header=Choose:")
	for tokenType, want := range map[string]bool{"hotp": true, "totp": true, "HOTP": true, "sms": false, "*": false} {
		if ok, err := l.ChallengeResponse(tokenType); ok != want || err != nil {
			t.Errorf("%s: %t, error %v", tokenType, ok, err)
		}
	}
	if len(*audit) != 3 {
		t.Errorf("audit %q", *audit)
	}
	for want, modes := range map[string][]string{ModePoll: {ModeU2F, ModePoll}, ModeU2F: {ModeInteractive, ModeU2F}, ModeInteractive: {ModeWebAuthn}} {
		if got, err := l.PreferredClientMode(modes); got != want || err != nil {
			t.Errorf("%q: %s, error %v", modes, got, err)
		}
	}
	text, ok, err := l.ChallengeText([]string{"b", "a", "b"})
	if text != "Choose:\na, b\n" || !ok || err != nil {
		t.Errorf("%q, %t, error %v", text, ok, err)
	}
	l, _ = loginOf(t, Hardened, "authentication challenge_text_footer=bye")
	if text, ok, err := l.ChallengeText([]string{"a"}); text != "" || ok || err != nil {
		t.Errorf("%q, %t, error %v", text, ok, err)
	}
}

func TestChallengePrompt(t *testing.T) {
	l, _ := loginOf(t, Hardened, "authentication challenge_text=Your code:, sms_challenge_text=Look at your phone:")
	for tokenType, want := range map[string]string{"sms": "Look at your phone:", "totp": "Your code:"} {
		if got, ok, err := l.ChallengePrompt(tokenType); got != want || !ok || err != nil {
			t.Errorf("%s: %q, %t, error %v", tokenType, got, ok, err)
		}
	}
	l, _ = loginOf(t, Hardened, "authentication *")
	if got, ok, err := l.ChallengePrompt("sms"); got != "" || ok || err != nil {
		t.Errorf("%q, %t, error %v", got, ok, err)
	}
}

// A policy that cannot be applied fails every decision, and none of them grants
// anything.
func TestLoginFailsClosed(t *testing.T) {
	var policies []Policy
	for _, scope := range []string{ScopeAuthentication, ScopeAuthorization, ScopeEnrollment} {
		policies = append(policies, Policy{
			Name: scope, Scope: scope, Active: true, Priority: 1,
			Conditions: []Condition{{Section: "radius:NAS-Identifier", Comparator: "equals", Value: "x", Active: true}},
		})
	}
	set, err := Compile(policies, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := Login{Set: set, Request: &Request{Now: loginTime, Audit: func(p string) { t.Errorf("audit %s", p) }}, User: &User{Login: "ann", Realm: "corp"}}
	yes := func(*User, string) (bool, error) { return true, nil }
	none := func(*User) (int, error) { return 0, nil }
	for name, decide := range map[string]func() (bool, error){
		"SetRealm":        func() (bool, error) { c, err := l.SetRealm(Credentials{}, noResolve); return c.User != nil, err },
		"Mangle":          func() (bool, error) { c, err := l.Mangle(Credentials{}, noResolve); return c.User != nil, err },
		"ChallengeCounts": l.ChallengeCounts,
		"ApplicationTokenType": func() (bool, error) {
			c, err := l.ApplicationTokenType(Credentials{TokenType: "x"})
			return c.TokenType != "", err
		},
		"NeedsAPIKey":         l.NeedsAPIKey,
		"Authorized":          func() (bool, error) { return false, l.Authorized() },
		"CheckTokenType":      func() (bool, error) { return false, l.CheckTokenType("hotp") },
		"CheckSerial":         func() (bool, error) { return false, l.CheckSerial("OA1") },
		"CheckTokenInfo":      func() (bool, error) { return false, l.CheckTokenInfo("OA1") },
		"DropDetail":          func() (bool, error) { return l.DropDetail(true) },
		"UserDetail":          func() (bool, error) { d, err := l.UserDetail(); return d.User != nil, err },
		"PreferredClientMode": func() (bool, error) { m, err := l.PreferredClientMode(nil); return m != "", err },
		"ChallengeText":       func() (bool, error) { _, ok, err := l.ChallengeText(nil); return ok, err },
		"ChallengePrompt":     func() (bool, error) { _, ok, err := l.ChallengePrompt("sms"); return ok, err },
		"PassNoUser":          l.PassNoUser,
		"PassNoToken":         func() (bool, error) { return l.PassNoToken(none) },
		"Passthru": func() (bool, error) {
			o, err := l.Passthru("x", none, yes, func(string, string, string) (bool, error) { return true, nil })
			return o.Success, err
		},
		"PassthruAssign": func() (bool, error) { _, ok, err := l.PassthruAssign(); return ok, err },
		"AutoAssignment": func() (bool, error) { mode, err := l.AutoAssignment(); return mode != "", err },
		"TimeLimits": func() (bool, error) {
			o, err := l.TimeLimits(true, func(bool, time.Duration) (int, error) { return 0, nil })
			return o.Success, err
		},
		"LastAuth": func() (bool, error) { return l.LastAuth("") },
		"OTPPIN": func() (bool, error) {
			r, err := l.OTPPIN("", nil, nil, yes, func(string) (bool, error) { return true, nil })
			return r.Right, err
		},
		"ChallengeResponse": func() (bool, error) { return l.ChallengeResponse("hotp") },
		"AuthCache": func() (bool, error) {
			a, err := l.AuthCache(CacheKey{}, []CacheEntry{{}}, func(int) (bool, error) { return true, nil })
			return a.Hit >= 0, err
		},
	} {
		if granted, err := decide(); granted || !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %t, error %v", name, granted, err)
		}
	}
}
