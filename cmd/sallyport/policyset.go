package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policySetCmd is "sallyport policy set".
type policySetCmd struct {
	Name string `arg:"" optional:"" help:"Name of the policy. What is not said about it stays as it is; an empty value clears an attribute."`
	File string `placeholder:"FILE" help:"Set the policies of this file instead (\"-\" is standard input), YAML or JSON: one or a list, each whole, with defaults for what it leaves out."`

	Scope               *string  `help:"Which decision the policy speaks to; a new policy needs one."`
	Description         *string  `help:"What the policy is for."`
	Action              []string `placeholder:"NAME=VALUE" sep:"none" help:"All actions of the policy: NAME or NAME=VALUE, with commas between, or given several times, as all lists can be. A value with a comma needs --file."`
	Realm               []string `sep:"none" help:"Realms. In this and the other lists commas part the members, but not in the brackets of a pattern; write --realm=-NAME to exclude."`
	Resolver            []string `placeholder:"DIRECTORY" sep:"none" help:"Directories that the user was found in."`
	User                []string `placeholder:"LOGIN" sep:"none" help:"Logins without realm."`
	AdminRealm          []string `name:"adminrealm" placeholder:"REALM" sep:"none" help:"Realms of the administrator who acts."`
	AdminUser           []string `name:"adminuser" placeholder:"NAME" sep:"none" help:"Administrators who act."`
	Client              []string `placeholder:"NETWORK" sep:"none" help:"Addresses and networks of clients."`
	PINode              []string `name:"pinode" placeholder:"NODE" sep:"none" help:"Names of server nodes."`
	UserAgents          []string `name:"user-agent" placeholder:"NAME" sep:"none" help:"Programs that ask."`
	Time                *string  `placeholder:"RANGES" help:"When it applies, such as Mon-Fri:8-17:30."`
	Condition           []string `placeholder:"CONDITION" sep:"none" help:"What must hold besides: 'userinfo groups contains staff', or as in a file, {section: userinfo, key: groups, …}. The conditions given replace all others."`
	Priority            *int     `help:"Smaller wins; 1 is the default."`
	Active              bool     `xor:"active" help:"Make it active, as new policies are."`
	Inactive            bool     `xor:"active" help:"Make it inactive."`
	CheckAllResolvers   *bool    `negatable:"" help:"Compare the resolvers with all directories of the realm."`
	UserCaseInsensitive *bool    `negatable:"" help:"Compare user and adminuser without case."`
}

// Run sets one policy, or those of a file.
func (c *policySetCmd) Run(ctx context.Context, env *environment) error {
	change, err := c.change()
	if err == nil {
		err = c.usage(change)
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if c.File != "" {
		return c.setFile(ctx, env)
	}
	done := "changed policy %q; " + takenOver
	after, err := changeStored(ctx, env, func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error) {
		if err := policystore.InFile(files.Policies, c.Name); err != nil {
			return nil, err
		}
		if indexOf(stored, c.Name) < 0 {
			done = "added policy %q; " + takenOver
		}
		return setPolicy(stored, change, files.Options)
	})
	if err != nil {
		return err
	}
	return printStored(env, after, warningsOf(after), c.Name, done)
}

// usage refuses what does not make sense together.
func (c *policySetCmd) usage(change scoped.Change) error {
	nothing := change == scoped.Change{Name: c.Name}
	switch {
	case c.File != "" && (c.Name != "" || !nothing):
		return errors.New("--file brings whole policies: give neither a name nor attributes besides")
	case c.File == "" && c.Name == "":
		return errors.New("name the policy, or give policies by --file")
	case c.File == "" && nothing:
		return fmt.Errorf("nothing is said about policy %q: give --scope, --action or another attribute", c.Name)
	}
	return nil
}

// change is what the options say.
func (c *policySetCmd) change() (scoped.Change, error) {
	var faults []error
	list := func(option string, given []string) *[]string {
		found, err := members(given)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s %w", option, err))
		}
		return found
	}
	change := scoped.Change{
		Name: c.Name, Scope: c.Scope, Description: c.Description, Time: c.Time,
		Realm: list("realm", c.Realm), Resolver: list("resolver", c.Resolver), User: list("user", c.User),
		AdminRealm: list("adminrealm", c.AdminRealm), AdminUser: list("adminuser", c.AdminUser),
		Client: list("client", c.Client), PINode: list("pinode", c.PINode), UserAgents: list("user-agent", c.UserAgents),
		Priority: c.Priority, CheckAllResolvers: c.CheckAllResolvers, UserCaseInsensitive: c.UserCaseInsensitive,
	}
	if c.Active || c.Inactive {
		change.Active = &c.Active
	}
	if len(c.Action) > 0 {
		action := scoped.Action{}
		if text := strings.Join(slices.DeleteFunc(slices.Clone(c.Action), blank), ", "); text != "" {
			var err error
			if action, err = scoped.ParseAction(text); err != nil {
				faults = append(faults, fmt.Errorf("--action: %w", err))
			}
		}
		change.Action = &action
	}
	if len(c.Condition) > 0 {
		conditions := []scoped.Condition{}
		for _, text := range slices.DeleteFunc(slices.Clone(c.Condition), blank) {
			condition, err := parseCondition(text)
			if err != nil {
				faults = append(faults, fmt.Errorf("--condition %q: %w", text, err))
			}
			conditions = append(conditions, condition)
		}
		change.Conditions = &conditions
	}
	return change, errors.Join(faults...)
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// parseCondition reads a condition as it stands in a file, or as the words
// "section key comparator value".
func parseCondition(text string) (scoped.Condition, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		var c scoped.Condition
		_, err := config.Decode("condition", []byte(text), &c)
		return c, err
	}
	c := scoped.Condition{Active: true, Missing: scoped.MissingError}
	section, rest := cutSection(text)
	c.Section = section
	if !strings.HasPrefix(section, scoped.SectionRADIUS) && !strings.HasPrefix(section, scoped.SectionLDAP) {
		c.Key, rest = cutKey(rest)
	}
	c.Comparator, rest = cutWord(rest)
	if c.Section == "" || c.Comparator == "" {
		return c, errors.New("write it as 'userinfo groups contains staff': section, key, comparator, value")
	}
	c.Value = rest
	return c, nil
}

// cutSection takes the section off, which may be several words.
func cutSection(text string) (section, rest string) {
	for _, s := range []string{scoped.SectionHTTPHeader, scoped.SectionHTTPEnviron, scoped.SectionRequestData} {
		if rest, ok := strings.CutPrefix(text, s+" "); ok {
			return s, strings.TrimSpace(rest)
		}
	}
	return cutWord(text)
}

// cutKey takes the key off: a word, or the call of a helper with its arguments.
func cutKey(text string) (key, rest string) {
	word, _ := cutWord(text)
	if end := strings.IndexByte(text, ')'); strings.Contains(word, "(") && end >= 0 {
		return text[:end+1], strings.TrimSpace(text[end+1:])
	}
	return cutWord(text)
}

func cutWord(text string) (word, rest string) {
	word, rest, _ = strings.Cut(text, " ")
	return word, strings.TrimSpace(rest)
}

// setFile sets the policies of a file, all or none.
func (c *policySetCmd) setFile(ctx context.Context, env *environment) error {
	given, err := readPolicyFile(env, c.File, formatAuto)
	if err != nil {
		return err
	}
	if len(given.Notes) > 0 { // import is there for what comes from elsewhere
		return fmt.Errorf("%s: %s; nothing was stored", c.File, onScreen(strings.Join(given.Notes, "; ")))
	}
	var report *importReport
	after, err := changeStored(ctx, env, func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error) {
		var edited []scoped.Policy
		edited, report = planImport(files, stored, given.Policies, false)
		return edited, report.refusal()
	})
	if err != nil {
		return err
	}
	return c.printSet(env, after, report)
}

// printSet tells what was set, each with what is odd about it.
func (*policySetCmd) printSet(env *environment, after *policyengine.Scoped, report *importReport) error {
	done := map[importResult]string{importNew: "added policy %q", importChanged: "changed policy %q", importUnchanged: "policy %q was so already"}
	warnings, list := warningsOf(after), []shownPolicyJSON{}
	for _, p := range report.Policies {
		if !env.json {
			if err := printStored(env, after, warnings, p.Name, done[p.Result]); err != nil {
				return err
			}
		} else if stored, ok := after.Set.Get(p.Name); ok {
			list = append(list, shownPolicyJSON{newPolicyJSON(stored), warnings(stored)})
		}
	}
	if env.json {
		return env.printJSON(list)
	}
	return say(env, takenOver)
}
