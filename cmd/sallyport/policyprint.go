package main

import (
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyJSON is a policy as --json prints it.
type policyJSON struct {
	Name                string          `json:"name"`
	Scope               string          `json:"scope"`
	Active              bool            `json:"active"`
	Priority            int             `json:"priority"`
	Description         string          `json:"description"`
	Action              map[string]any  `json:"action"` // text, or true
	Realm               []string        `json:"realm"`
	Resolver            []string        `json:"resolver"`
	CheckAllResolvers   bool            `json:"check_all_resolvers"`
	User                []string        `json:"user"`
	UserCaseInsensitive bool            `json:"user_case_insensitive"`
	AdminRealm          []string        `json:"adminrealm"`
	AdminUser           []string        `json:"adminuser"`
	PINode              []string        `json:"pinode"`
	Client              []string        `json:"client"`
	UserAgents          []string        `json:"user_agents"`
	Time                string          `json:"time"`
	Conditions          []conditionJSON `json:"conditions"`
	Origin              string          `json:"origin"`
}

// conditionJSON is a condition as --json prints it.
type conditionJSON struct {
	Section    string `json:"section"`
	Key        string `json:"key"`
	Comparator string `json:"comparator"`
	Value      string `json:"value"`
	Active     bool   `json:"active"`
	Missing    string `json:"missing"`
}

// shownPolicyJSON is a policy with what is odd about it.
type shownPolicyJSON struct {
	policyJSON
	Warnings []string `json:"warnings"`
}

func newPolicyJSON(p *scoped.Policy) policyJSON {
	j := policyJSON{
		Name: p.Name, Scope: p.Scope, Active: p.Active, Priority: p.Priority, Description: p.Description,
		Action: make(map[string]any, len(p.Action)),
		Realm:  orEmpty(p.Realm), Resolver: orEmpty(p.Resolver), CheckAllResolvers: p.CheckAllResolvers,
		User: orEmpty(p.User), UserCaseInsensitive: p.UserCaseInsensitive,
		AdminRealm: orEmpty(p.AdminRealm), AdminUser: orEmpty(p.AdminUser),
		PINode: orEmpty(p.PINode), Client: orEmpty(p.Client), UserAgents: orEmpty(p.UserAgents),
		Time: p.Time, Conditions: make([]conditionJSON, len(p.Conditions)), Origin: p.Origin,
	}
	for _, item := range p.Action {
		j.Action[item.Name] = item.Value
		if item.Flag {
			j.Action[item.Name] = true
		}
	}
	for i, c := range p.Conditions {
		if c.Missing == "" {
			c.Missing = scoped.MissingError
		}
		j.Conditions[i] = conditionJSON(c)
	}
	return j
}

// policyWarnings tells the warnings about a policy, and about its scope as a
// whole.
type policyWarnings func(p *scoped.Policy) []string

// warningsOf looks through all policies, once for however many are asked about.
func warningsOf(all *policyengine.Scoped) policyWarnings {
	defs := scoped.NewDefinitions()
	policies, scopes := map[string][]string{}, map[string][]string{}
	for _, w := range all.Set.Warnings(defs) {
		text := w.Attribute + ": " + w.Text
		if w.Policy != "" {
			policies[w.Policy] = append(policies[w.Policy], text)
		} else {
			scopes[w.Attribute] = append(scopes[w.Attribute], text)
		}
	}
	return func(p *scoped.Policy) []string {
		list := slices.Concat(policies[p.Name], scopes["scope "+p.Scope])
		if all.Options.Semantics == scoped.Compat {
			for _, d := range scoped.Differences([]scoped.Policy{*p}, defs) {
				list = append(list, d.Attribute+": "+d.Text)
			}
		}
		return orEmpty(list) // JSON prints [], not null
	}
}

// printStored tells that a policy was stored: in JSON the policy as it is now,
// else the text with its name, and what is odd about it.
func printStored(env *environment, after *policyengine.Scoped, about policyWarnings, name, done string) error {
	p, ok := after.Set.Get(name)
	if !ok {
		return noPolicy(name)
	}
	warnings := about(p)
	if env.json {
		return env.printJSON(shownPolicyJSON{newPolicyJSON(p), warnings})
	}
	for _, w := range warnings {
		fmt.Fprintf(env.stderr, "warning: policy %q: %s\n", name, onScreen(w))
	}
	return say(env, done, name)
}

// actionText is the actions of a policy for a table.
func actionText(a scoped.Action) string {
	if len(a) == 0 {
		return "(every action)"
	}
	return onScreen(a.String())
}

// clip shortens a text for a table.
func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
