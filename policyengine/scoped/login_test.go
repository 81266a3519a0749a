package scoped

import (
	"errors"
	"net/netip"
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

func TestMangle(t *testing.T) {
	in := Credentials{Name: "ann@corp", Realm: "corp", Password: "abcdef"}
	for _, tt := range []struct {
		value string
		want  Credentials
	}{
		{`pass/^(.{2})(.*)$/\2\1/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "cdefab"}},
		{`pass/(?P<first>.)/\g<first>-/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "a-b-c-d-e-f-"}},
		{`pass/(.*)/x\1/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "xabcdefx"}}, // an empty match at the end
		{`pass/c*/-/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "-a-b--d-e-f-"}},
		{`pass/x/y/trailing`, in},
		{`other/x/y/`, in},
		{`pass/[a-c]+/\\\t!/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "\\\t!def"}},
		{`pass/a/\0\060\101/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "\x000Abcdef"}},
	} {
		l, _ := loginOf(t, Hardened, "authentication mangle="+tt.value)
		got, err := l.Mangle(in, noResolve)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", tt.value, err, diff)
		}
	}
	l, audit := loginOf(t, Hardened, `authentication mangle=user/@.*//`, "authentication mangle=serial/x/y/")
	bob := &User{Login: "bob"}
	got, err := l.Mangle(in, func(name, realm string, typed bool) (*User, error) {
		if name != "ann" || realm != "corp" || !typed {
			t.Errorf("resolves %q, %q, %t", name, realm, typed)
		}
		return bob, nil
	})
	if err != nil || got.User != bob || got.Name != "ann" || !slices.Equal(*audit, []string{"p1"}) {
		t.Errorf("%+v, audit %q, error %v", got, *audit, err)
	}
}

func TestMangleRefuses(t *testing.T) {
	in := Credentials{Name: "ann", Password: "abcdef"}
	for _, value := range []string{
		"user", "pass/a/b", "pass/[/x/", `pass/a/\1/`, `pass/a/\g<x>/`, `pass/a/\g/`, `pass/a/\q/`, `pass/a/\777/`, `pass/a/b\`,
		`pass/(a/x/`, "user/ann/bob/",
	} {
		l, audit := loginOf(t, Hardened, "authentication mangle="+value)
		if got, err := l.Mangle(in, noResolve); err == nil {
			t.Errorf("%s: %+v", value, got)
		}
		if !strings.HasPrefix(value, "user/") && len(*audit) > 0 {
			t.Errorf("%s: audit %q", value, *audit)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication mangle=pass/a/b/")
	if _, err := l.Mangle(Credentials{Password: strings.Repeat("a", maxSubstitute+1)}, noResolve); err == nil {
		t.Error("a long password is mangled")
	}
	l, _ = loginOf(t, Hardened, `authentication mangle=pass/(.*)/`+strings.Repeat(`\1`, 100)+strings.Repeat("x", 100)+`/`)
	l2, err := l.Mangle(Credentials{Password: strings.Repeat("a", 512)}, noResolve)
	if err != nil || len(l2.Password) > maxSubstituted {
		t.Errorf("%d octets, error %v", len(l2.Password), err)
	}
}

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

func TestParseCacheRule(t *testing.T) {
	for text, want := range map[string]CacheRule{
		"4h": {4 * time.Hour, 4 * time.Hour, 0}, "4h/5m": {4 * time.Hour, 5 * time.Minute, 0}, "1h/3": {time.Hour, time.Hour, 3},
	} {
		if got, err := ParseCacheRule(text, Hardened); got != want || err != nil {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2x", "4h/", "4h/x", "4h/5m/3", "-4h", "0s", "4h/-5m", "4H", "4h/99999999999999999999"} {
		if got, err := ParseCacheRule(text, Hardened); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
}

// Row 13: hardened binds an entry to the application and the network.
func TestAuthCacheIsBound(t *testing.T) {
	key := CacheKey{"vpn", netip.MustParseAddr("::ffff:10.1.2.3")}
	right := func(int) (bool, error) { return true, nil }
	for _, tt := range []struct {
		semantics Semantics
		change    func(e *CacheEntry, k *CacheKey)
		hit       bool
	}{
		{Hardened, func(*CacheEntry, *CacheKey) {}, true},
		{Hardened, func(_ *CacheEntry, k *CacheKey) { k.Application = "wiki" }, false},
		{Hardened, func(_ *CacheEntry, k *CacheKey) { k.Client = netip.MustParseAddr("10.1.2.4") }, false},
		{Hardened, func(e *CacheEntry, k *CacheKey) {
			e.Network = netip.MustParsePrefix("10.1.2.0/24")
			k.Client = netip.MustParseAddr("10.1.2.4")
		}, true},
		{Hardened, func(e *CacheEntry, _ *CacheKey) { e.Network = netip.Prefix{} }, false},
		{Hardened, func(e *CacheEntry, _ *CacheKey) { e.Realm = "lab" }, false},
		{Compat, func(_ *CacheEntry, k *CacheKey) { *k = CacheKey{} }, true},
		{Compat, func(e *CacheEntry, _ *CacheKey) { e.Resolver = "other" }, false},
	} {
		l, audit := loginOf(t, tt.semantics, "authentication auth_cache=4h/5m")
		entry, asked := l.NewCacheEntry(key), key
		tt.change(&entry, &asked)
		got, err := l.AuthCache(asked, []CacheEntry{entry}, right)
		if err != nil || (got.Hit == 0) != tt.hit || !got.Asked || len(*audit) > 0 != tt.hit {
			t.Errorf("%s: %+v, audit %q, error %v", tt.semantics, got, *audit, err)
		}
		if tt.hit && (got.Updated.Uses != 1 || !got.Updated.Last.Equal(loginTime)) {
			t.Errorf("updated to %+v", got.Updated)
		}
	}
}

func TestAuthCacheForgets(t *testing.T) {
	l, _ := loginOf(t, Hardened, "authentication auth_cache=1h/3")
	key := CacheKey{"vpn", netip.MustParseAddr("10.1.2.3")}
	entry := func(age time.Duration, uses int) CacheEntry {
		e := l.NewCacheEntry(key)
		e.First, e.Last, e.Uses = e.First.Add(-age), e.Last.Add(-age), uses
		return e
	}
	entries := []CacheEntry{entry(2*time.Hour, 0), entry(time.Minute, 3), entry(time.Minute, 0), entry(time.Hour, 0)}
	asked := map[int]int{}
	got, err := l.AuthCache(key, entries, func(i int) (bool, error) { asked[i]++; return false, nil })
	if err != nil || got.Hit >= 0 || !slices.Equal(got.Delete, []int{0, 1}) {
		t.Errorf("%+v, error %v", got, err)
	}
	if asked[2] != 1 || asked[0]+asked[1] > 0 {
		t.Errorf("hashes computed: %v", asked)
	}
	if got, err := l.AuthCache(key, entries, func(int) (bool, error) { return true, errors.New("bad hash") }); err == nil || got.Hit >= 0 {
		t.Errorf("a hash that cannot be read: %+v, error %v", got, err)
	}
	if got := ExpiredCacheEntries(CacheRule{First: time.Hour, Last: time.Hour}, loginTime, entries); !slices.Equal(got, []int{0}) {
		t.Errorf("expired %v", got)
	}
	l, _ = loginOf(t, Hardened)
	if got, err := l.AuthCache(key, entries, nil); got.Asked || got.Hit >= 0 || err != nil {
		t.Errorf("no policy: %+v, error %v", got, err)
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, seed := range [][3]string{{"(.*)@(.*)", `\1`, "a@b"}, {"x*", "-", "abxd"}, {"(?i)a|", `\g<0>\n`, "Aé"}, {`\b`, `\07`, "a b"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, pattern, replace, text string) {
		if len(pattern) > 100 || len(replace) > 100 || len(text) > 100 {
			return
		}
		s, err := compileSubstitution(pattern, replace, true)
		if err != nil {
			return
		}
		if _, err := s.apply(text); err != nil {
			return
		}
	})
}

func FuzzCacheRule(f *testing.F) {
	for _, seed := range []string{"4h/5m", "1h/3", "4h", "2x", "1y/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseCacheRule(text, Hardened)
		if err == nil && (rule.First <= 0 || rule.Last <= 0 || rule.Uses < 0) {
			t.Errorf("%q is %+v", text, rule)
		}
	})
}

func TestAssignRule(t *testing.T) {
	for text, want := range map[string]AssignRule{
		"6:pin": {6, false, 100}, "pin:8": {8, true, 100}, "PIN:6: 20": {6, true, 20}, "6:pin:1": {6, false, 1},
	} {
		if got, err := ParseAssignRule(text); got != want || err != nil {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "6", "pin", "6:x", "x:pin", "pin:pin", "0:pin", "-6:pin", "6:pin:0", "6:pin:x", "6:pin:99999", "6:pin:1:2"} {
		if got, err := ParseAssignRule(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication passthru_assign=pin:6", "enrollment autoassignment=any_pin")
	rule, ok, err := l.PassthruAssign()
	if pin, otp := rule.Split("abc123456"); !ok || err != nil || pin != "abc" || otp != "123456" {
		t.Errorf("%q, %q, %t, error %v", pin, otp, ok, err)
	}
	if mode, err := l.AutoAssignment(); mode != AutoAssignAnyPIN || err != nil {
		t.Errorf("%q, error %v", mode, err)
	}
	l, _ = loginOf(t, Hardened, "authentication passthru_assign=soon", "enrollment autoassignment=yes")
	if _, ok, err := l.PassthruAssign(); ok || !errors.Is(err, ErrInvalid) {
		t.Errorf("%t, error %v", ok, err)
	}
	if mode, err := l.AutoAssignment(); mode != "" || !errors.Is(err, ErrInvalid) {
		t.Errorf("%q, error %v", mode, err)
	}
	l, _ = loginOf(t, Hardened)
	if _, ok, err := l.PassthruAssign(); ok || err != nil {
		t.Errorf("%t, error %v", ok, err)
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
