package scoped

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// ExportYAML writes policies as a policy file of ours. Attributes that have their
// default are left out. A file cannot hold a policy without a name or a scope, an
// action without a name or a condition without section or comparator; they are
// ErrInvalid.
func ExportYAML(policies []Policy) (string, error) {
	if len(policies) == 0 {
		return "policies: []\n", nil
	}
	var b strings.Builder
	b.WriteString("policies:\n")
	for i := range policies {
		if err := fitsFile(&policies[i]); err != nil {
			return "", failf(ErrInvalid, "write policy %q as YAML: %w", policies[i].Name, err)
		}
		y := yamlPolicy{b: &b}
		y.write(&policies[i])
	}
	return b.String(), nil
}

// fitsFile checks that a policy file can hold the policy.
func fitsFile(p *Policy) error {
	if p.Name == "" || p.Scope == "" {
		return errors.New("it has no name or no scope")
	}
	if _, ok := p.Action.Get(""); ok {
		return errors.New("it has an action without a name, which never matches anything")
	}
	for _, c := range p.Conditions {
		if c.Section == "" || c.Comparator == "" {
			return errors.New("it has a condition without a section or a comparator")
		}
	}
	return nil
}

// yamlPolicy writes one policy as an item of a list.
type yamlPolicy struct {
	b     *strings.Builder
	begun bool
}

func (y *yamlPolicy) line(key, value string) {
	mark := "    "
	if !y.begun {
		mark, y.begun = "  - ", true
	}
	y.b.WriteString(mark + key + ":")
	if value != "" {
		y.b.WriteString(" " + value)
	}
	y.b.WriteByte('\n')
}

func (y *yamlPolicy) text(key, value string) {
	if value != "" {
		y.line(key, yamlText(value))
	}
}

func (y *yamlPolicy) list(key string, list []string) {
	if len(list) == 0 {
		return
	}
	quoted := make([]string, len(list))
	for i, item := range list {
		quoted[i] = yamlText(item)
	}
	y.line(key, "["+strings.Join(quoted, ", ")+"]")
}

func (y *yamlPolicy) flag(key string, value, byDefault bool) {
	if value != byDefault {
		y.line(key, strconv.FormatBool(value))
	}
}

func (y *yamlPolicy) write(p *Policy) {
	y.line("name", yamlText(p.Name))
	y.text("description", p.Description)
	y.line("scope", yamlText(p.Scope))
	y.flag("active", p.Active, true)
	if len(p.Action) > 0 {
		y.line("action", "")
		for _, item := range p.Action {
			value := "true"
			if !item.Flag {
				value = yamlText(item.Value)
			}
			y.b.WriteString("      " + yamlText(item.Name) + ": " + value + "\n")
		}
	}
	y.list("realm", p.Realm)
	y.list("resolver", p.Resolver)
	y.list("user", p.User)
	y.list("adminrealm", p.AdminRealm)
	y.list("adminuser", p.AdminUser)
	y.list("pinode", p.PINode)
	y.list("client", p.Client)
	y.list("user_agents", p.UserAgents)
	y.text("time", p.Time)
	y.conditions(p.Conditions)
	if p.Priority != DefaultPriority {
		y.line("priority", strconv.Itoa(p.Priority))
	}
	y.flag("check_all_resolvers", p.CheckAllResolvers, false)
	y.flag("user_case_insensitive", p.UserCaseInsensitive, false)
}

func (y *yamlPolicy) conditions(conditions []Condition) {
	if len(conditions) == 0 {
		return
	}
	y.line("conditions", "")
	for _, c := range conditions {
		y.b.WriteString("      - {section: " + yamlText(c.Section) + ", key: " + yamlText(c.Key) +
			", comparator: " + yamlText(c.Comparator) + ", value: " + yamlText(c.Value))
		if !c.Active {
			y.b.WriteString(", active: false")
		}
		if c.Missing == MissingTrue || c.Missing == MissingFalse {
			y.b.WriteString(`, missing: "` + c.Missing + `"`)
		}
		y.b.WriteString("}\n")
	}
}

// yamlPlain is text that YAML takes for text without quotes, wherever it stands.
var yamlPlain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./@-]*$`)

// yamlWord is text that some reader of YAML takes for something else.
var yamlWord = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n|nan|inf)$`)

// yamlText writes text as a YAML scalar, in double quotes unless it is plain. The
// escapes of Go are escapes of YAML too.
func yamlText(text string) string {
	if yamlPlain.MatchString(text) && !yamlWord.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}
