package scoped

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// caseArgs are the arguments of an operation. A key that is null is as good as
// absent.
type caseArgs map[string]any

func parseArgs(raw json.RawMessage) (caseArgs, error) {
	var a caseArgs
	err := decodeCase(raw, &a)
	return a, err
}

func (a caseArgs) text(key string) string { s, _ := a[key].(string); return s }

func (a caseArgs) arg(key string) Arg {
	if s, ok := a[key].(string); ok {
		return Is(s)
	}
	return Arg{}
}

func (a caseArgs) sub(key string) caseArgs {
	m, _ := a[key].(map[string]any)
	return m
}

func (a caseArgs) flag(key string, byDefault bool) bool {
	if b, ok := a[key].(bool); ok {
		return b
	}
	return byDefault
}

// filters reads the arguments of list_policies and match_policies.
func (e *caseEnv) filters(a caseArgs) *Query {
	q := &Query{
		Name: a.arg("name"), Scope: a.arg("scope"), Action: a.arg("action"), Realm: a.arg("realm"), User: a.arg("user"),
		Resolver: a.arg("resolver"), AdminRealm: a.arg("adminrealm"), AdminUser: a.arg("adminuser"), PINode: a.arg("pinode"),
		Client: a.arg("client"), Unsorted: !a.flag("sort_by_priority", true), Now: e.now, World: e.oracle(),
		UserObject: e.user(a["user_object"]), Serial: a.text("serial"), HTTP: httpRequest(a),
	}
	if active, ok := a["active"].(bool); ok {
		q.Active = OnlyInactive
		if active {
			q.Active = OnlyActive
		}
	}
	if at := a.text("time"); at != "" {
		q.Now = parseCaseTime(e.t, at)
	}
	q.Mode = map[string]ConditionMode{"userinfo": UserInfoConditions, "none": NoConditions}[a.text("condition_check")]
	return q
}

func httpRequest(a caseArgs) *HTTPRequest {
	headers, environ := a.sub("headers"), a.sub("environ")
	if headers == nil && environ == nil {
		return nil
	}
	r := &HTTPRequest{Headers: map[string]string{}, Environ: environ}
	for name, v := range headers {
		r.Headers[name], _ = v.(string)
	}
	return r
}

// user resolves a user of the case.
func (e *caseEnv) user(v any) *User {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	a := caseArgs(m)
	u := &User{Login: a.text("login"), Realm: strings.ToLower(a.text("realm")), Resolver: a.text("resolver")}
	candidates := []string{u.Resolver}
	if u.Resolver == "" {
		candidates = e.resolvers(u.Realm)
	}
	for _, r := range candidates {
		account, ok := e.world.Resolvers[r][u.Login]
		if !ok {
			continue
		}
		u.Resolver = r
		u.Info = func() (map[string]any, error) {
			info := maps.Clone(account.Attributes)
			if info == nil {
				info = map[string]any{}
			}
			info["username"], info["userid"] = u.Login, account.UID
			return info, nil
		}
		break
	}
	return u
}

// resolvers lists the resolvers of a realm in their order.
func (e *caseEnv) resolvers(realm string) []string {
	list := slices.Clone(e.world.Realms[strings.ToLower(realm)])
	priority := func(p *int) int { return *cmp.Or(p, new(1000)) }
	slices.SortStableFunc(list, func(a, b struct {
		Resolver string `json:"resolver"`
		Priority *int   `json:"priority"`
	},
	) int {
		return priority(a.Priority) - priority(b.Priority)
	})
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Resolver
	}
	return names
}

// oracle answers what the original asks its own tables.
func (e *caseEnv) oracle() *World {
	return &World{Resolvers: e.resolvers, Token: e.token}
}

func (e *caseEnv) token(serial string) (Token, bool, error) {
	for i, t := range e.world.Tokens {
		if t.Serial != serial {
			continue
		}
		info := map[string]any{}
		for k, v := range t.TokenInfo {
			info[k] = v
		}
		columns := map[string]any{
			"id": i + 1, "description": "", "serial": serial, "tokentype": t.TokenType, "info": info, "resolver": "",
			"user_id": "", "otplen": 6, "maxfail": 10, "active": true, "revoked": false, "locked": false, "failcount": 0,
			"count": 0, "count_window": 10, "sync_window": 1000, "rollout_state": "", "realms": []any{}, "tokengroup": []any{},
		}
		maps.Copy(columns, t.Columns)
		return Token{Columns: columns, Info: t.TokenInfo}, true, nil
	}
	return Token{}, false, nil
}

func namesOf(policies []*Policy) []string {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = p.Name
	}
	return names
}

func opList(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	found, err := e.set.List(e.filters(a), nil)
	return map[string]any{"names": namesOf(found)}, err
}

func opMatchPolicies(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	found, err := e.set.Match(e.filters(a), nil)
	return map[string]any{"names": namesOf(found)}, err
}

// valuesResult is values as the cases have them, with the names for the audit.
func valuesResult(values Values) map[string]any {
	out, audit := map[string][]string{}, []string{}
	for _, v := range values {
		key := v.Value
		if v.Absent {
			key = "null"
		}
		out[key] = v.Policies
		audit = append(audit, v.Policies...)
	}
	return map[string]any{"values": out, "audit_policies": audit}
}

// asSetOf is the Set behind the matcher; values and the calling layer are those
// of the Set.
func (e *caseEnv) compiledSet() *Set {
	s, ok := e.set.(*Set)
	if !ok {
		e.t.Fatalf("%s needs the Set", e.query.Op)
	}
	return s
}

func opGetActionValues(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	values, err := e.compiledSet().GetActionValues(e.filters(a), ValueOptions{
		Unique: a.flag("unique", false), AllowWhiteSpace: a.flag("allow_white_space_in_action", false),
	})
	return valuesResult(values), err
}

func opConflicts(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	found, err := e.set.Match(e.filters(a.sub("match")), nil)
	if err == nil {
		err = CheckConflicts(found, a.text("action"))
	}
	return map[string]any{"ok": true}, err
}

// request is the context of a case, for the calling layer.
func (e *caseEnv) request(context caseArgs) *Request {
	who := context.sub("logged_in_user")
	e.audited = []string{}
	r := &Request{
		Node: cmp.Or(context.text("pinode"), "node1"), Client: context.arg("client_ip"), Serial: context.text("serial"),
		HTTP: httpRequest(context), Now: e.now, World: e.oracle(),
		LoggedIn: LoggedIn{who.text("username"), who.text("realm"), Role(who.text("role"))},
		Audit:    func(policy string) { e.audited = append(e.audited, policy) },
	}
	return r
}

func opMatchLayer(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	m, err := e.construct(a.text("ctor"), a.sub("args"), e.request(a.sub("context")))
	if err != nil {
		return nil, err
	}
	if !a.flag("write_to_audit_log", true) {
		m = m.Silent()
	}
	result := map[string]any{}
	switch a.text("call") {
	case "policies":
		found, fault := m.Policies()
		result["names"], err = namesOf(found), fault
	case "any":
		result["result"], err = m.Any()
	case "allowed":
		result["result"], err = m.Allowed()
	case "action_values":
		values, fault := m.ActionValues(ValueOptions{
			Unique: a.flag("unique", false), AllowWhiteSpace: a.flag("allow_white_space_in_action", false),
		})
		result, err = valuesResult(values), fault
	}
	result["audit_policies"] = e.audited
	return result, err
}

func (e *caseEnv) construct(ctor string, a caseArgs, r *Request) (*Match, error) {
	s, action, scope := e.compiledSet(), a.arg("action"), a.text("scope")
	switch ctor {
	case "action_only":
		return s.ForAction(r, scope, action)
	case "realm":
		return s.ForRealm(r, scope, action, a.text("realm"))
	case "user":
		return s.ForUser(r, scope, action, e.user(a["user_object"]))
	case "token":
		list, _ := a["realms"].([]any)
		return s.ForToken(r, scope, action, e.user(a["owner"]), caseTexts(list))
	case "admin":
		return s.ForAdmin(r, action, e.user(a["user_object"]))
	case "admin_or_user":
		return s.ForAdminOrUser(r, action, e.user(a["user_object"]))
	default:
		q := e.filters(a)
		if _, given := a["active"]; !given {
			q.Active = OnlyActive
		}
		return s.ForQuery(r, *q), nil
	}
}

func opValueFromOptions(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	context := a.sub("context")
	if context == nil {
		return map[string]any{"value": nil}, nil
	}
	m, err := e.compiledSet().ForUser(e.request(context), a.text("scope"), a.arg("action"), e.user(a["user_object"]))
	if err != nil {
		return nil, err
	}
	value, ok, err := m.Value()
	if !ok {
		return map[string]any{"value": nil}, err
	}
	return map[string]any{"value": value}, err
}

func opSearchValue(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	var a struct {
		List  []string `json:"list"`
		Value string   `json:"value"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	l, err := compilePatterns(a.List, exactly, true)
	if err != nil {
		return nil, err
	}
	found, excluded, err := l.search(a.Value, a.Value)
	return map[string]any{"found": found, "excluded": excluded}, err
}

func opTimeInRange(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	now := e.now
	if at := a.text("time"); at != "" {
		now = parseCaseTime(e.t, at)
	}
	l, err := compileTime(a.text("range"), true)
	if err != nil {
		return nil, err
	}
	l.empty = false
	ok, err := l.match(now)
	return map[string]any{"result": ok}, err
}

func opIPInPolicy(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	var a struct {
		IP   string   `json:"ip"`
		List []string `json:"list"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	l, err := compileClients(a.List, true)
	if err != nil {
		return nil, err
	}
	var addr netip.Addr
	if !l.empty && !l.blank {
		if addr, err = parseClientCompat(a.IP); err == nil {
			err = l.err
		}
	}
	found, excluded := l.search(addr)
	return map[string]any{"found": found, "excluded": excluded}, err
}

func opCompareValues(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	ok, err := CompareValues(a["left"], a.text("comparator"), a.text("right"), Compat, time.Time{})
	return map[string]any{"result": ok}, err
}

func opReduceRealms(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	found, err := e.set.List(e.filters(a.sub("list")), nil)
	all, _ := a["all_realms"].([]any)
	return map[string]any{"realms": RealmsOf(caseTexts(all), found)}, err
}
