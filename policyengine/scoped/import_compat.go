package scoped

import (
	"fmt"
	"regexp"
	"strings"
)

// ImportTextCompat reads the INI-like text as the original does, with its
// failures (import_policies): a value with a comma between quotes is cut there
// and cannot be read, nor can names with brackets or values with a blank and a
// hash sign; active, adminrealm, adminuser, conditions and the two flags are left
// out. Every section is one Editor.Set in Compat. It returns the policies
// afterwards and the number of sections. With an error, the policies of the
// sections before the faulty one have been set already.
//
// It is there to reproduce what a migration went through; ImportText is the
// function that reads policies.
func ImportTextCompat(policies []Policy, text string) ([]Policy, int, error) {
	sections, err := parseINI(text)
	if err != nil {
		return policies, 0, err
	}
	editor := Editor{Options{Semantics: Compat}}
	for i, s := range sections {
		c, err := s.change()
		if err != nil {
			return policies, i, fmt.Errorf("section %q: %w", s.name, err)
		}
		next, err := editor.Set(policies, c)
		if err != nil {
			return policies, i, err
		}
		policies = next
	}
	return policies, len(sections), nil
}

// maxSections bounds an import as the original does it, which sets one policy
// after the other.
const maxSections = 5_000

// iniSection is one section. A value that was cut at a comma has several parts.
type iniSection struct {
	name   string
	values map[string][]string
}

// iniValue is what the INI parser takes for a value: members with commas between,
// each in double quotes, in single ones or without, and a comment. A member in
// quotes ends at the next quote that a comma follows.
var iniValue = regexp.MustCompile(`^((?:(?:".*?"|'.*?'|[^'",#][^,#]*?)\s*,\s*)*)(".*?"|'.*?'|[^'",#\s][^,]*?)?(?:\s*#.*)?$`)

// iniMember finds the members before the last.
var iniMember = regexp.MustCompile(`(".*?"|'.*?'|[^'",#][^,#]*?)\s*,\s*`)

// iniName is a section header: as many brackets open as close.
var iniName = regexp.MustCompile(`^\[\s*([^'"\s\[\]](?:[^\[\]]*[^\s\[\]])?|"\s*\S.*"|'\s*\S.*')\s*\](?:\s*#.*)?$`)

func parseINI(text string) ([]iniSection, error) {
	var sections []iniSection
	names := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = trim(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			m := iniName.FindStringSubmatch(line)
			if m == nil {
				return nil, failf(ErrInvalid, "line %d: the section %.60q cannot be read", i+1, line)
			}
			name := unquoteINI(m[1])
			if names[name] || len(sections) >= maxSections {
				return nil, failf(ErrInvalid, "line %d: the section %.60q is there twice, or is one too many", i+1, name)
			}
			names[name] = true
			sections = append(sections, iniSection{name, map[string][]string{}})
			continue
		}
		key, value, found := strings.Cut(line, "=")
		key = unquoteINI(trim(key))
		m := iniValue.FindStringSubmatch(trim(value))
		if !found || key == "" || len(sections) == 0 || m == nil {
			return nil, failf(ErrInvalid, "line %d: %.60q cannot be read", i+1, line)
		}
		values := sections[len(sections)-1].values
		if values[key] != nil {
			return nil, failf(ErrInvalid, "line %d: %s is there twice", i+1, key)
		}
		values[key] = membersINI(m[1], m[2])
	}
	return sections, nil
}

// membersINI splits a value; a value without a comma has one member.
func membersINI(front, last string) []string {
	var members []string
	for _, m := range iniMember.FindAllStringSubmatch(front, -1) {
		members = append(members, unquoteINI(m[1]))
	}
	if front == "" || last != "" {
		members = append(members, unquoteINI(last))
	}
	if front != "" && len(members) == 1 {
		members = append(members, "") // a list of one member is still a list
	}
	return members
}

func unquoteINI(text string) string {
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return text[1 : len(text)-1]
	}
	return text
}

// change is what the section asks for.
func (s *iniSection) change() (Change, error) {
	fields := map[string]any{"name": s.name, "time": "", "priority": "1", "realm": "[]", "user": "[]", "resolver": "[]", "client": "[]", "pinode": "[]"}
	for key, members := range s.values {
		switch key {
		case "scope", "action", "realm", "user", "resolver", "client", "pinode", "time", "priority":
			if len(members) != 1 {
				return Change{}, failf(ErrInvalid, "%s was cut at a comma", key)
			}
			fields[key] = members[0]
		}
	}
	for _, key := range []string{"action", "realm", "user", "resolver", "client", "pinode"} {
		text, ok := fields[key].(string)
		if !ok {
			return Change{}, failf(ErrInvalid, "%s is missing", key)
		}
		v, err := parseLiteral(text)
		if err != nil {
			return Change{}, failf(ErrInvalid, "%s: %w", key, err)
		}
		if fields[key], err = plainOf(v); err != nil {
			return Change{}, failf(ErrInvalid, "%s: %w", key, err)
		}
	}
	return ParseChange(fields, Compat)
}

// plainOf turns a literal into what ParseChange reads: a list, a map, a text (as
// if it were not quoted twice), or nothing, which is an absent attribute.
func plainOf(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, []any:
		return v, nil
	case object:
		m := make(map[string]any, len(v))
		for _, member := range v {
			m[member.key] = member.value
		}
		return m, nil
	}
	return nil, failf(ErrInvalid, "%s is neither a list nor a map nor text", kindOf(v))
}
