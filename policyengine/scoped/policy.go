package scoped

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is one scoped policy as it is written down. An empty list restricts
// nothing.
type Policy struct {
	Name     string   `yaml:"name" required:"true" doc:"What the policy is called; unique over all files."`
	Scope    string   `yaml:"scope" required:"true" doc:"Which decision the policy speaks to, such as authorization. Compared exactly."`
	Action   Action   `yaml:"action" doc:"Actions with their values. Without any, the policy speaks to every action of its scope."`
	Realm    []string `yaml:"realm" doc:"Realms, compared without case."`
	User     []string `yaml:"user" doc:"Logins without realm, as the directory spells them."`
	Client   []string `yaml:"client" doc:"Addresses and networks of clients; -10.0.0.0/8 excludes."`
	Active   bool     `yaml:"active" default:"true" doc:"A policy that is not active matches nothing."`
	Priority int      `yaml:"priority" default:"1" min:"1" max:"1000000000" doc:"Smaller wins."`
}

// Action maps the names of actions to their values. An action that has no value
// of its own has the value "true".
type Action map[string]string

// ParseAction reads actions as text, "a=b, c": split at every comma, each piece
// at its first equals sign. A later duplicate wins. Blanks around an equals sign
// would become part of the name or the value and are therefore refused.
func ParseAction(text string) (Action, error) {
	return parsePieces(strings.Split(text, ","))
}

// DecodeYAML takes what a YAML parser makes of an action: text ("a=b, c"), a
// list of such pieces ([a=b, c]), or a mapping whose values are text, numbers or
// true.
func (a *Action) DecodeYAML(v any) error {
	var err error
	switch v := v.(type) {
	case nil:
		*a = nil
	case string:
		*a, err = ParseAction(v)
	case []any:
		pieces := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return fmt.Errorf("item %d is a %T: write text such as authorized=deny_access", i+1, item)
			}
			pieces[i] = text
		}
		*a, err = parsePieces(pieces)
	case map[string]any:
		*a, err = actionOf(v)
	default:
		err = fmt.Errorf("a %T is no action: write a mapping such as {authorized: deny_access}", v)
	}
	return err
}

func parsePieces(pieces []string) (Action, error) {
	a := make(Action, len(pieces))
	for _, piece := range pieces {
		name, value, found := strings.Cut(strings.TrimSpace(piece), "=")
		if !found {
			value = "true"
		}
		if name == "" {
			return nil, fmt.Errorf("%q has no action name", piece)
		}
		if name != strings.TrimSpace(name) || value != strings.TrimSpace(value) {
			return nil, fmt.Errorf("%q has blanks around the equals sign: they would be part of the name or the value, remove them", piece)
		}
		a[name] = value
	}
	return a, nil
}

func actionOf(m map[string]any) (Action, error) {
	a := make(Action, len(m))
	for name, v := range m {
		switch v := v.(type) {
		case string:
			a[name] = v
		case bool:
			if !v {
				return nil, fmt.Errorf("action %s: false is no value: leave the action out, or set the policy's active to false", name)
			}
			a[name] = "true"
		case int, int64, uint64, float64:
			a[name] = fmt.Sprint(v)
		case nil:
			return nil, fmt.Errorf("action %s: no value: write true if the action needs none", name)
		default:
			return nil, fmt.Errorf("action %s: a %T is no value: write text, a number or true", name, v)
		}
	}
	return a, nil
}

// names returns the names of the actions, sorted.
func (a Action) names() []string {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
