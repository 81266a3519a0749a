package scoped

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

var _ = extendOps(map[string]conformanceOp{
	"mangle":                            opMangle,
	"set_realm":                         opSetRealm,
	"increase_failcounter_on_challenge": opChallengeCounts,
	"check_application_tokentype":       opApplicationTokenType,
	"is_authorized":                     opReply(func(l Login, r caseReply) error { return l.Authorized() }),
	"check_tokentype":                   opReply(func(l Login, r caseReply) error { return l.CheckTokenType(r.detail.text("type")) }),
	"check_serial":                      opReply(func(l Login, r caseReply) error { return l.CheckSerial(r.detail.text("serial")) }),
	"check_tokeninfo":                   opReply(func(l Login, r caseReply) error { return l.CheckTokenInfo(r.detail.text("serial")) }),
	"no_detail_on_success":              opReply(noDetail(true)),
	"no_detail_on_fail":                 opReply(noDetail(false)),
	"add_user_detail_to_response":       opReply(userDetail),
	"preferred_client_mode":             opReply(preferredMode),
	"mangle_challenge_response":         opReply(challengeText),
	"auth_user_does_not_exist":          opDecision(passNoUser),
	"auth_user_has_no_token":            opDecision(passNoToken),
	"auth_user_passthru":                opDecision(passthru),
	"auth_user_timelimit":               opDecision(timeLimits),
	"auth_otppin":                       opOTPPIN,
	"challenge_response_allowed":        opChallengeResponse,
	"auth_cache":                        opAuthCache,
})

// login is the login of a case.
func (e *caseEnv) login(a caseArgs) Login {
	return Login{Set: e.compiledSet(), Request: e.request(a.sub("context")), User: e.user(a["user_object"])}
}

// resolve finds users; a name as it was typed has a realm behind the last @ if
// there is one of that name.
func (e *caseEnv) resolve(name, realm string, typed bool) (*User, error) {
	if front, back, found := cutLast(name, "@"); typed && found && e.world.Realms[strings.ToLower(back)] != nil {
		name = front
		if realm == "" {
			realm = back
		}
	}
	return e.user(map[string]any{"login": name, "realm": realm}), nil
}

func cutLast(text, sep string) (front, back string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// opRequest runs something that changes the parameters of a request.
func opRequest(e *caseEnv, raw json.RawMessage, change func(Login, Credentials, caseArgs) (Credentials, error)) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	l, params := e.login(a), a.sub("params")
	c := Credentials{Name: params.text("user"), Realm: params.text("realm"), Password: params.text("pass"), TokenType: params.text("type"), User: l.user()}
	c, err = change(l, c, params)
	for key, text := range map[string]string{"user": c.Name, "realm": c.Realm, "pass": c.Password} {
		if _, given := params[key]; given || text != "" {
			params[key] = text
		}
	}
	if c.TokenType == "" {
		delete(params, "type")
	}
	return map[string]any{
		"params": params, "audit_policies": e.audited,
		"user": map[string]any{"login": c.User.Login, "realm": c.User.Realm, "resolver": c.User.Resolver},
	}, err
}

func opMangle(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	return opRequest(e, raw, func(l Login, c Credentials, _ caseArgs) (Credentials, error) { return l.Mangle(c, e.resolve) })
}

func opSetRealm(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	return opRequest(e, raw, func(l Login, c Credentials, _ caseArgs) (Credentials, error) { return l.SetRealm(c, e.resolve) })
}

func opApplicationTokenType(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	return opRequest(e, raw, func(l Login, c Credentials, _ caseArgs) (Credentials, error) { return l.ApplicationTokenType(c) })
}

func opChallengeCounts(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	return opRequest(e, raw, func(l Login, c Credentials, params caseArgs) (Credentials, error) {
		counts, err := l.ChallengeCounts()
		params["increase_failcounter_on_challenge"] = counts
		return c, err
	})
}

// caseReply is the answer of a case.
type caseReply struct {
	success        bool
	detail         caseArgs
	response       caseArgs
	multiChallenge bool
}

// opReply runs something that looks at an answer and may change it.
func opReply(do func(Login, caseReply) error) conformanceOp {
	return func(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
		a, err := parseArgs(raw)
		if err != nil {
			return nil, err
		}
		l := e.login(a)
		r := caseReply{response: a.sub("response")}
		r.success = r.response.sub("result").flag("value", false)
		r.detail = r.response.sub("detail")
		_, r.multiChallenge = r.detail["multi_challenge"]
		err = do(l, r)
		return map[string]any{"response": r.response, "audit_policies": e.audited}, err
	}
}

func noDetail(success bool) func(Login, caseReply) error {
	return func(l Login, r caseReply) error {
		if r.success != success {
			return nil
		}
		drop, err := l.DropDetail(success)
		if drop {
			delete(r.response, "detail")
		}
		return err
	}
}

func userDetail(l Login, r caseReply) error {
	if !r.success {
		return nil
	}
	d, err := l.UserDetail()
	if err != nil || d.User == nil && !d.WithResolver {
		return err
	}
	if r.detail == nil {
		r.detail = caseArgs{}
		r.response["detail"] = map[string]any(r.detail)
	}
	if d.User != nil {
		r.detail["user"] = d.User
	}
	if d.WithResolver {
		r.detail["user-resolver"], r.detail["user-realm"] = d.Resolver, d.Realm
	}
	return nil
}

func preferredMode(l Login, r caseReply) error {
	if !r.multiChallenge {
		return nil
	}
	var modes []string
	challenges, _ := r.detail["multi_challenge"].([]any)
	for _, c := range challenges {
		m, _ := c.(map[string]any)
		modes = append(modes, caseArgs(m).text("client_mode"))
	}
	mode, err := l.PreferredClientMode(modes)
	r.detail["preferred_client_mode"] = mode
	return err
}

func challengeText(l Login, r caseReply) error {
	if !r.multiChallenge {
		return nil
	}
	messages, _ := r.detail["messages"].([]any)
	text, ok, err := l.ChallengeText(caseTexts(messages))
	if ok {
		r.detail["message"] = text
	}
	return err
}

// check is the directory of a case.
func (e *caseEnv) check(u *User, password string) (bool, error) {
	account, ok := e.world.Resolvers[u.Resolver][u.Login]
	return ok && account.Password == password && password != "", nil
}

// tokens counts tokens: nobody owns one in these files.
func (e *caseEnv) tokens(u *User) (int, error) {
	if _, err := u.info(); err != nil {
		return 0, err
	}
	return 0, nil
}

// opDecision runs something around an inner check, whose success it is told.
func opDecision(do func(*caseEnv, Login, caseArgs, bool) (Outcome, error)) conformanceOp {
	return func(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
		a, err := parseArgs(raw)
		if err != nil {
			return nil, err
		}
		inner := a.sub("inner").flag("success", false)
		o, err := do(e, e.login(a), a, inner)
		return map[string]any{"success": o.Success, "by_policy": o.ByPolicy, "audit_policies": e.audited}, err
	}
}

// passed is the outcome of a policy that accepts, or that of the inner check.
func passed(accepted, inner bool, err error) (Outcome, error) {
	return Outcome{Success: accepted || inner, ByPolicy: accepted}, err
}

func passNoUser(_ *caseEnv, l Login, _ caseArgs, inner bool) (Outcome, error) {
	ok, err := l.PassNoUser()
	return passed(ok, inner, err)
}

func passNoToken(e *caseEnv, l Login, _ caseArgs, inner bool) (Outcome, error) {
	ok, err := l.PassNoToken(e.tokens)
	return passed(ok, inner, err)
}

func passthru(e *caseEnv, l Login, a caseArgs, inner bool) (Outcome, error) {
	o, err := l.Passthru(a.text("password"), e.tokens, e.check, func(string, string, string) (bool, error) { return false, nil })
	return passed(o.Success, inner, err)
}

func timeLimits(_ *caseEnv, l Login, a caseArgs, inner bool) (Outcome, error) {
	counts := a.sub("audit_counts")
	return l.TimeLimits(inner, func(success bool, _ time.Duration) (int, error) {
		end := "_fail"
		if success {
			end = "_ok"
		}
		return caseNumber(counts["check"+end]) + caseNumber(counts["auth"+end]), nil
	})
}

func caseNumber(v any) int {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return int(i)
}

func opOTPPIN(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	realms, _ := a["token_realms"].([]any)
	result, err := e.login(a).OTPPIN(a.text("pin"), e.user(a["token_owner"]), caseTexts(realms), e.check,
		func(pin string) (bool, error) { return pin == a.text("token_pin"), nil })
	return map[string]any{"result": result.Right, "used_token_pin": result.ByToken, "audit_policies": e.audited}, err
}

func opChallengeResponse(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	ok, err := e.login(a).ChallengeResponse(a.text("tokentype"))
	return map[string]any{"result": ok, "audit_policies": e.audited}, err
}

func opAuthCache(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	l := e.login(a)
	var entries []CacheEntry
	var passwords []string
	cache, _ := a["cache"].([]any)
	for _, v := range cache {
		m, _ := v.(map[string]any)
		c := caseArgs(m)
		entry := CacheEntry{Login: l.user().Login, Realm: l.user().Realm, Resolver: l.user().Resolver, Uses: caseNumber(c["auth_count"])}
		if realm, given := c["realm"].(string); given {
			entry.Realm = realm
		}
		entry.First = e.now.Add(-time.Duration(caseNumber(c["first_auth_age"])) * time.Second)
		entry.Last = e.now.Add(-time.Duration(caseNumber(c["last_auth_age"])) * time.Second)
		entries, passwords = append(entries, entry), append(passwords, c.text("password"))
	}
	answer, err := l.AuthCache(CacheKey{}, entries, func(i int) (bool, error) { return passwords[i] == a.text("password"), nil })
	success := answer.Hit >= 0
	if success {
		entries[answer.Hit] = answer.Updated
	} else {
		for _, i := range slices.Backward(answer.Delete) {
			entries = slices.Delete(entries, i, i+1)
		}
		if success = a.sub("inner").flag("success", false); success && answer.Asked {
			entries = append(entries, l.NewCacheEntry(CacheKey{}))
		}
	}
	counts := make([]int, len(entries))
	for i := range entries {
		counts[i] = entries[i].Uses
	}
	slices.Sort(counts)
	return map[string]any{
		"success": success, "from_cache": answer.Hit >= 0, "entries_after": len(entries), "auth_counts_after": counts, "audit_policies": e.audited,
	}, err
}
