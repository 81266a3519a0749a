package scoped

import (
	"bytes"
	"encoding/json"
)

// ExportJSON writes policies as the newer configuration export of the original
// has them: an object whose member "policy" is a list of plain objects. What the
// original has no place for is added where it is set.
func ExportJSON(policies []Policy) ([]byte, error) {
	list := make([]jsonPolicy, len(policies))
	for i := range policies {
		list[i] = jsonOf(&policies[i])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"policy": list}); err != nil {
		return nil, failf(ErrInvalid, "write policies as JSON: %w", err)
	}
	return b.Bytes(), nil
}

// jsonPolicy is a policy as a plain object.
type jsonPolicy struct {
	Name                string     `json:"name"`
	Description         string     `json:"description,omitempty"`
	Scope               string     `json:"scope"`
	Active              bool       `json:"active"`
	Action              jsonAction `json:"action"`
	Realm               jsonList   `json:"realm"`
	Resolver            jsonList   `json:"resolver"`
	User                jsonList   `json:"user"`
	AdminRealm          jsonList   `json:"adminrealm"`
	AdminUser           jsonList   `json:"adminuser"`
	PINode              jsonList   `json:"pinode"`
	Client              jsonList   `json:"client"`
	UserAgents          []string   `json:"user_agents,omitempty"`
	Time                string     `json:"time"`
	Conditions          [][]any    `json:"conditions"`
	Priority            int        `json:"priority"`
	CheckAllResolvers   bool       `json:"check_all_resolvers"`
	UserCaseInsensitive bool       `json:"user_case_insensitive"`
}

func jsonOf(p *Policy) jsonPolicy {
	conditions := make([][]any, len(p.Conditions))
	for i, c := range p.Conditions {
		conditions[i] = []any{c.Section, c.Key, c.Comparator, c.Value, c.Active}
		if word := missingWord(c.Missing); word != "" {
			conditions[i] = append(conditions[i], word)
		}
	}
	return jsonPolicy{
		Name: p.Name, Description: p.Description, Scope: p.Scope, Active: p.Active, Action: jsonAction(p.Action),
		Realm: p.Realm, Resolver: p.Resolver, User: p.User, AdminRealm: p.AdminRealm, AdminUser: p.AdminUser,
		PINode: p.PINode, Client: p.Client, UserAgents: p.UserAgents, Time: p.Time, Conditions: conditions,
		Priority: p.Priority, CheckAllResolvers: p.CheckAllResolvers, UserCaseInsensitive: p.UserCaseInsensitive,
	}
}

// jsonList is a list that is never null.
type jsonList []string

// MarshalJSON implements json.Marshaler.
func (l jsonList) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]string(l))
}

// jsonAction is an object from names to texts or true, in the order of the
// actions.
type jsonAction Action

// MarshalJSON implements json.Marshaler.
func (a jsonAction) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, item := range a {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(item.Name)
		if err != nil {
			return nil, err
		}
		value := []byte("true")
		if !item.Flag {
			if value, err = json.Marshal(item.Value); err != nil {
				return nil, err
			}
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
