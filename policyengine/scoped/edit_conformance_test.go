package scoped

import (
	"encoding/json"
	"maps"
	"slices"
)

var _ = extendOps(map[string]conformanceOp{
	"set_policy":              opSetPolicy,
	"enable_policy":           opEnablePolicy,
	"delete_policy":           opDeletePolicy,
	"delete_all_policies":     opDeleteAll,
	"get_policy":              opGetPolicy,
	"export_policies":         opExport,
	"import_policies":         opImport,
	"export_import_roundtrip": opRoundTrip,
})

// casePolicy is a policy as the cases have it.
func casePolicy(p *Policy) map[string]any {
	list := func(l []string) []string { return append([]string{}, l...) }
	conditions := []any{}
	for _, c := range p.Conditions {
		conditions = append(conditions, []any{c.Section, c.Key, c.Comparator, c.Value, c.Active})
	}
	return map[string]any{
		"name": p.Name, "user_case_insensitive": p.UserCaseInsensitive, "active": p.Active, "scope": p.Scope,
		"realm": list(p.Realm), "adminrealm": list(p.AdminRealm), "adminuser": list(p.AdminUser), "resolver": list(p.Resolver),
		"pinode": list(p.PINode), "check_all_resolvers": p.CheckAllResolvers, "user": list(p.User), "client": list(p.Client),
		"time": p.Time, "conditions": conditions, "priority": p.Priority, "action": caseAction(p.Action),
	}
}

func (e *caseEnv) editor() Editor { return Editor{Options{Semantics: Compat}} }

// listed are the policies in the order of a listing, by priority.
func (e *caseEnv) listed(a caseArgs) ([]Policy, error) {
	found, err := e.set.List(e.filters(a), nil)
	policies := make([]Policy, len(found))
	for i, p := range found {
		policies[i] = *p
	}
	return policies, err
}

func (e *caseEnv) casePolicies() ([]any, error) {
	policies, err := e.listed(nil)
	out := make([]any, len(policies))
	for i := range policies {
		out[i] = casePolicy(&policies[i])
	}
	return out, err
}

// one answers with a policy after a change.
func (e *caseEnv) one(name string, policies []Policy, err error) (map[string]any, error) {
	if err == nil {
		err = e.replace(policies)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"policy": casePolicy(&e.policies[find(e.policies, name)])}, nil
}

func opSetPolicy(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	fields, _ := casePlain(map[string]any(a)).(map[string]any)
	c, err := ParseChange(fields, Compat)
	if err != nil {
		return nil, err
	}
	policies, err := e.editor().Set(e.policies, c)
	return e.one(c.Name, policies, err)
}

// casePlain makes numbers of the texts that the cases' decoder keeps.
func casePlain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case map[string]any:
		out := maps.Clone(v)
		for key := range out {
			out[key] = casePlain(out[key])
		}
		return out
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = casePlain(out[i])
		}
		return out
	}
	return v
}

func opEnablePolicy(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	policies, err := e.editor().Enable(e.policies, a.text("name"), a.flag("enable", true))
	return e.one(a.text("name"), policies, err)
}

func opDeletePolicy(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	policies, err := e.editor().Delete(e.policies, a.text("name"))
	if err == nil {
		err = e.replace(policies)
	}
	if err != nil {
		return nil, err
	}
	found, err := e.set.List(&Query{}, nil)
	return map[string]any{"names": namesOf(found)}, err
}

func opDeleteAll(e *caseEnv, _ json.RawMessage) (map[string]any, error) {
	return map[string]any{"names": []string{}}, e.replace(nil)
}

func opGetPolicy(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	i := find(e.policies, a.text("name"))
	if i < 0 {
		return map[string]any{"policy": nil}, nil
	}
	return map[string]any{"policy": casePolicy(&e.policies[i])}, nil
}

func opExport(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	policies, err := e.listed(a)
	return map[string]any{"text": ExportText(policies)}, err
}

func opImport(e *caseEnv, raw json.RawMessage) (map[string]any, error) {
	a, err := parseArgs(raw)
	if err != nil {
		return nil, err
	}
	return e.importText(a.text("text"))
}

func (e *caseEnv) importText(text string) (map[string]any, error) {
	policies, count, err := ImportTextCompat(e.policies, text)
	if fault := e.replace(policies); fault != nil {
		return nil, fault
	}
	if err != nil {
		return nil, err
	}
	all, err := e.casePolicies()
	return map[string]any{"count": count, "policies": all}, err
}

func opRoundTrip(e *caseEnv, _ json.RawMessage) (map[string]any, error) {
	policies, err := e.listed(nil)
	if err != nil {
		return nil, err
	}
	text := ExportText(policies)
	if err := e.replace(nil); err != nil {
		return nil, err
	}
	result, err := e.importText(text)
	if err == nil {
		result["text"] = text
	}
	return result, err
}
