package scoped

import (
	"cmp"
	"encoding/json"
)

var _ = extendOps(map[string]conformanceOp{
	"ui_get_rights":                 opUIRights,
	"ui_get_main_menus":             opUIMainMenus,
	"ui_get_enroll_tokentypes":      opUIEnrollTokenTypes,
	"check_pin":                     opCheckPIN,
	"get_allowed_custom_attributes": opCustomAttributes,
	"check_pin_contents":            opPINContents,
	"split_list":                    opSplitList,
	"parse_action":                  opParseAction,
	"parse_string_to_dict":          opParseDict,
	"split_pin_pass":                opSplitPINAndOTP,
	"is_true":                       opIsTrue,
	"parse_timelimit":               opTimeLimit,
	"parse_timedelta":               opTimeDelta,
})

// uiUser is who is logged in in a case.
func (e *caseEnv) uiUser(a caseArgs) UIUser {
	who := a.sub("logged_in_user")
	if who == nil {
		who = a
	}
	u := UIUser{LoggedIn: LoggedIn{Name: who.text("username"), Realm: who.text("realm"), Role: Role(cmp.Or(who.text("role"), who.text("scope")))}, Client: a.arg("client")}
	if u.Role == RoleUser {
		u.User = e.user(map[string]any{"login": u.Name, "realm": u.Realm})
	}
	return u
}

func opUIRights(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	rights, err := e.compiledSet().UIRights(NewDefinitions(), e.uiUser(a), e.request(nil))
	return map[string]any{"rights": rights}, err
}

func opUIMainMenus(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	menus, err := e.compiledSet().UIMainMenus(NewDefinitions(), e.uiUser(a), e.request(nil))
	return map[string]any{"menus": menus}, err
}

func opUIEnrollTokenTypes(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	types, err := e.compiledSet().UIEnrollTokenTypes(NewDefinitions(), e.uiUser(a), e.request(nil))
	return map[string]any{"tokentypes": types}, err
}

func opCheckPIN(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	err = e.compiledSet().CheckPIN(e.request(a.sub("context")), a.text("pin"), a.text("tokentype"), e.user(a["user_object"]))
	return map[string]any{"ok": true}, err
}

func opCustomAttributes(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	allowed, err := e.compiledSet().AllowedCustomAttributes(e.request(a.sub("context")), e.user(a["user_object"]))
	return map[string]any{"delete": allowed.Delete, "set": allowed.Set}, err
}

func opPINContents(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	ok, err := CheckPINContents(a.text("pin"), a.text("policy"))
	return map[string]any{"result": ok}, err
}

func opSplitList(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	return map[string]any{"list": append([]string{}, SplitList(a.text("text"))...)}, err
}

// caseAction is an action as the cases have it.
func caseAction(action Action) map[string]any {
	out := map[string]any{}
	for _, item := range action {
		out[item.Name] = item.Value
		if item.Flag {
			out[item.Name] = true
		}
	}
	return out
}

func opParseAction(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	return map[string]any{"action": caseAction(ParseActionCompat(a.text("text")))}, err
}

func opParseDict(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	return map[string]any{"dict": ParseDict(a.text("text"))}, err
}

func opSplitPINAndOTP(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	pin, otp := SplitPINAndOTP(a.text("password"), caseNumber(a["otplen"]), a.flag("prependpin", true))
	return map[string]any{"pin": pin, "otp": otp}, err
}

func opIsTrue(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	return map[string]any{"result": IsTrue(a["value"])}, err
}

func opTimeLimit(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	l, err := ParseTimeLimit(a.text("text"))
	return map[string]any{"count": l.Count, "seconds": l.Window.Seconds()}, err
}

func opTimeDelta(_ *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	d, err := ParseTimeDelta(a.text("text"))
	return map[string]any{"seconds": d.Seconds()}, err
}
