package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyListCmd is "sallyport policy list".
type policyListCmd struct {
	Scope string `help:"Only policies of this scope."`
	All   bool   `help:"Policies that are not active too."`
}

// Run lists the policies by priority.
func (c *policyListCmd) Run(ctx context.Context, env *environment) error {
	all, unreadable, err := loadReadable(ctx, env)
	if err != nil {
		return err
	}
	var shown []*scoped.Policy
	hidden := 0
	for _, p := range all.Set.All() {
		switch {
		case c.Scope != "" && p.Scope != c.Scope:
		case !p.Active && !c.All:
			hidden++
		default:
			shown = append(shown, p)
		}
	}
	for i := range unreadable { // of every scope: which it has is not known
		shown = append(shown, &unreadable[i])
		fmt.Fprintf(env.stderr, "warning: %v\n", legible(notLoading(unreadable[i])))
	}
	if env.json {
		list := make([]policyJSON, len(shown))
		for i, p := range shown {
			list[i] = newPolicyJSON(p)
		}
		return env.printJSON(list)
	}
	return printPolicies(env, shown, hidden)
}

// loadReadable is loadPolicies without the stored policies that cannot be read,
// which it returns beside the others.
func loadReadable(ctx context.Context, env *environment) (*policyengine.Scoped, []scoped.Policy, error) {
	cfg, err := env.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	var stored []scoped.Policy
	err = readStore(ctx, cfg, func(s *store.Store) (err error) {
		stored, _, err = policystore.ReadAll(ctx, s)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	readable, unreadable := policystore.Split(stored)
	all, err := compilePolicies(cfg, readable)
	return all, unreadable, err
}

// maxActionText is how many characters of its actions a list shows.
const maxActionText = 48

func printPolicies(env *environment, shown []*scoped.Policy, hidden int) error {
	if len(shown) > 0 {
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tSCOPE\tPRIORITY\tACTIVE\tACTIONS\tFROM")
		for _, p := range shown {
			if p.Origin == policystore.Unreadable {
				fmt.Fprintf(table, "%s\t-\t-\t-\t-\t%s\n", onScreen(p.Name), p.Origin)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", onScreen(p.Name), onScreen(p.Scope), p.Priority, yesNo(p.Active),
				clip(actionText(p.Action), maxActionText), onScreen(p.Origin))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	switch {
	case hidden == 1:
		return say(env, "1 more is not active; --all shows it")
	case hidden > 1:
		return say(env, "%d more are not active; --all shows them", hidden)
	case len(shown) == 0:
		return say(env, "no such policies; \"sallyport policy set NAME\" adds one to the store")
	}
	return nil
}

// policyShowCmd is "sallyport policy show".
type policyShowCmd struct {
	Name string `arg:"" help:"Name of the policy."`
}

// Run shows the policy.
func (c *policyShowCmd) Run(ctx context.Context, env *environment) error {
	_, all, err := loadPolicies(ctx, env)
	if err != nil {
		return err
	}
	p, ok := all.Set.Get(c.Name)
	if !ok {
		return noPolicy(c.Name)
	}
	warnings := warningsOf(all)(p)
	if env.json {
		return env.printJSON(shownPolicyJSON{newPolicyJSON(p), warnings})
	}
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	for _, line := range policyLines(p) {
		fmt.Fprintf(table, "%s\t%s\n", line[0], orDash(onScreen(line[1])))
	}
	for _, w := range warnings {
		fmt.Fprintf(table, "warning\t%s\n", onScreen(w))
	}
	return table.Flush()
}

// policyLines are the attributes of a policy as they are written down, actions
// and conditions one in a line.
func policyLines(p *scoped.Policy) [][2]string {
	list := func(members []string) string { return strings.Join(members, ", ") }
	lines := [][2]string{
		{"name", p.Name},
		{"description", p.Description},
		{"scope", p.Scope},
		{"active", yesNo(p.Active)},
		{"priority", strconv.Itoa(p.Priority)},
	}
	if len(p.Action) == 0 {
		lines = append(lines, [2]string{"action", actionText(nil)})
	}
	for _, item := range p.Action {
		lines = append(lines, [2]string{"action", item.String()})
	}
	lines = append(lines, [][2]string{
		{"realm", list(p.Realm)},
		{"resolver", list(p.Resolver)},
		{"check_all_resolvers", yesNo(p.CheckAllResolvers)},
		{"user", list(p.User)},
		{"user_case_insensitive", yesNo(p.UserCaseInsensitive)},
		{"adminrealm", list(p.AdminRealm)},
		{"adminuser", list(p.AdminUser)},
		{"client", list(p.Client)},
		{"pinode", list(p.PINode)},
		{"user_agents", list(p.UserAgents)},
		{"time", p.Time},
	}...)
	for _, c := range p.Conditions {
		lines = append(lines, [2]string{"condition", conditionText(&c)})
	}
	return append(lines, [2]string{"from", p.Origin})
}

func conditionText(c *scoped.Condition) string {
	text := c.Section + " "
	if c.Key != "" {
		text += c.Key + " "
	}
	text += c.Comparator + " " + strconv.Quote(c.Value)
	if c.Missing != "" && c.Missing != scoped.MissingError {
		text += ", " + c.Missing + " when it is missing"
	}
	if !c.Active {
		text += ", not active"
	}
	return text
}
