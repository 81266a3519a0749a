package scoped

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// ExportText writes policies as the INI-like text of the original, one section
// for each in the order given. What the original has no place for (description,
// user agents, answers to missing data) is added at the end of a section, and
// only where it is set; ImportText reads all of it back. The original itself reads
// back little of what it writes: see docs/policies/privacyidea.md.
func ExportText(policies []Policy) string {
	var b strings.Builder
	for i := range policies {
		exportSection(&b, &policies[i])
	}
	return b.String()
}

func exportSection(b *strings.Builder, p *Policy) {
	line := func(key, value string) {
		b.WriteString(key)
		b.WriteString(" = ")
		b.WriteString(value)
		b.WriteByte('\n')
	}
	b.WriteString("[" + bare(p.Name, headerLike) + "]\n")
	line("name", bare(p.Name, headerLike))
	line("user_case_insensitive", boolLiteral(p.UserCaseInsensitive))
	line("active", boolLiteral(p.Active))
	line("scope", bare(p.Scope, nil))
	line("realm", listLiteral(p.Realm))
	line("adminrealm", listLiteral(p.AdminRealm))
	line("adminuser", listLiteral(p.AdminUser))
	line("resolver", listLiteral(p.Resolver))
	line("pinode", listLiteral(p.PINode))
	line("check_all_resolvers", boolLiteral(p.CheckAllResolvers))
	line("user", listLiteral(p.User))
	line("client", listLiteral(p.Client))
	line("time", bare(p.Time, nil))
	line("conditions", conditionsLiteral(p.Conditions))
	line("priority", strconv.Itoa(p.Priority))
	line("action", actionLiteral(p.Action))
	if p.Description != "" {
		line("description", quoteLiteral(p.Description))
	}
	if len(p.UserAgents) > 0 {
		line("user_agents", listLiteral(p.UserAgents))
	}
	b.WriteByte('\n')
}

// comment finds where a comment begins behind a bare value.
var comment = regexp.MustCompile(`\s#`)

// headerLike finds what would end a section header early.
var headerLike = regexp.MustCompile(`\]\s*#`)

// bare writes a text without quotes, as the original does, unless it would not
// read back as itself. The name, which stands in the header too, may look like a
// value with a comment but not like a header with one.
func bare(text string, trap *regexp.Regexp) string {
	if trap == nil {
		trap = comment
	}
	odd := text != trim(text) || strings.HasPrefix(text, "'") || strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "#") ||
		trap.MatchString(text) || strings.ContainsFunc(text, unicode.IsControl)
	if odd {
		return quoteLiteral(text)
	}
	return text
}
