package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// matchReport is how a question to the policies came out, for --json.
type matchReport struct {
	Matched  bool              `json:"matched"`
	Query    map[string]string `json:"query"` // by queryParts
	Policies []verdictJSON     `json:"policies"`
	// Values are in force; Beaten are of worse priority.
	Values   []valueJSON `json:"values"`
	Beaten   []valueJSON `json:"beaten"`
	Conflict string      `json:"conflict,omitempty"`
	Error    string      `json:"error,omitempty"`
	Note     string      `json:"note,omitempty"`
}

// verdictJSON is how one policy came out.
type verdictJSON struct {
	Name     string  `json:"name"`
	Priority int     `json:"priority"`
	Matched  bool    `json:"matched"`
	Value    *string `json:"value,omitempty"`
	BeatenBy string  `json:"beaten_by,omitempty"`
	// Attribute is the first one that did not match or failed, and Reason why.
	Attribute string `json:"attribute,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Failed    bool   `json:"failed,omitempty"`
	Origin    string `json:"origin"`
}

// valueJSON is a value and the policies that set it.
type valueJSON struct {
	Value    string   `json:"value"`
	Policies []string `json:"policies"`
}

func newMatchReport(q *scoped.Query, all *policyengine.Scoped, e *scoped.Explanation) matchReport {
	r := matchReport{
		Matched: len(e.Matched()) > 0, Query: queryOf(q),
		Policies: []verdictJSON{}, Values: valuesJSON(e.Values), Beaten: valuesJSON(e.Beaten),
	}
	for _, v := range e.Policies {
		j := verdictJSON{
			Name: v.Policy.Name, Priority: v.Policy.Priority, Matched: v.Matched, BeatenBy: v.Beaten,
			Attribute: v.Attribute, Reason: v.Reason, Failed: v.Err != nil, Origin: v.Policy.Origin,
		}
		if v.Set {
			j.Value = &v.Value
		}
		r.Policies = append(r.Policies, j)
	}
	if e.Conflict != nil {
		r.Conflict = e.Conflict.Error()
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	r.Note = scopeNote(q.Scope, all)
	return r
}

// scopeNote says why no policy can match: the scope has no active one, and maybe
// is no scope at all.
func scopeNote(scope scoped.Arg, all *policyengine.Scoped) string {
	if !all.Set.ScopeEmpty(scope) {
		return ""
	}
	if defs := scoped.NewDefinitions(); !defs.KnownScope(scope.Value) {
		return fmt.Sprintf("there is no scope %q%s", scope.Value, config.DidYouMean(scope.Value, defs.Scopes()))
	}
	return fmt.Sprintf("there is no active policy of scope %q", scope.Value)
}

// queryParts are the parts of a question in the order in which they are printed.
func queryParts() []string {
	return []string{"scope", "action", "user", "realm", "resolver", "client", "adminuser", "adminrealm", "pinode", "user_agent", "time"}
}

// queryOf tells what was asked. What was not said is left out.
func queryOf(q *scoped.Query) map[string]string {
	user, realm, resolver := q.User, q.Realm, q.Resolver
	if u := q.UserObject; u != nil {
		user, realm, resolver = scoped.Is(u.Login), scoped.Is(u.Realm), scoped.Is(u.Resolver)
	}
	asked := map[string]string{"time": q.Now.Format("Mon 2006-01-02 15:04:05 MST")}
	if q.ClientAddr.IsValid() {
		asked["client"] = q.ClientAddr.String()
	}
	for what, arg := range map[string]scoped.Arg{
		"scope": q.Scope, "action": q.Action, "user": user, "realm": realm, "resolver": resolver,
		"adminuser": q.AdminUser, "adminrealm": q.AdminRealm, "pinode": q.PINode, "user_agent": q.UserAgent,
	} {
		if arg.Given {
			asked[what] = arg.Value
		}
	}
	return asked
}

func valuesJSON(values scoped.Values) []valueJSON {
	list := make([]valueJSON, len(values))
	for i, v := range values {
		list[i] = valueJSON{v.Value, orEmpty(v.Policies)}
	}
	return list
}

// print prints the question, every policy, and what holds.
func (r *matchReport) print(env *environment) error {
	var asked []string
	for _, part := range queryParts() {
		if value, ok := r.Query[part]; ok {
			asked = append(asked, part+" "+orNone(onScreen(value)))
		}
	}
	if err := say(env, "%s\n", strings.Join(asked, ", ")); err != nil {
		return err
	}
	if len(r.Policies) > 0 {
		if err := r.printPolicies(env); err != nil {
			return err
		}
	}
	return r.printEnd(env)
}

func (r *matchReport) printPolicies(env *environment) error {
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "POLICY\tPRIORITY\tMATCHES\tVALUE\tWHY NOT\tFROM")
	for _, p := range r.Policies {
		value, why := "-", "-"
		if p.Value != nil {
			value = orNone(onScreen(*p.Value))
		}
		if !p.Matched {
			why = p.Reason
			if !strings.HasPrefix(why, p.Attribute) {
				why = p.Attribute + ": " + why
			}
		}
		if p.BeatenBy != "" {
			value += ", beaten by " + onScreen(p.BeatenBy)
		}
		result := yesNo(p.Matched)
		if p.Failed {
			result = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", onScreen(p.Name), p.Priority, result, value, onScreen(why), onScreen(p.Origin))
	}
	return table.Flush()
}

// printEnd prints the values, or why there are none.
func (r *matchReport) printEnd(env *environment) error {
	var lines []string
	for _, v := range r.Values {
		lines = append(lines, "in force: "+orNone(v.Value)+", set by "+strings.Join(v.Policies, ", "))
	}
	for _, v := range r.Beaten {
		lines = append(lines, "beaten by a better priority: "+orNone(v.Value)+", set by "+strings.Join(v.Policies, ", "))
	}
	_, action := r.Query["action"]
	fails := "there is no answer, and this question fails: "
	if action {
		fails = "there is no answer, and a login that asks this fails: "
	}
	switch {
	case r.Error != "":
		lines = append(lines, fails+r.Error)
	case r.Conflict != "":
		lines = append(lines, fails+r.Conflict)
	case !r.Matched:
		lines = append(lines, "no policy matches")
	case action && len(r.Values) == 0:
		lines = append(lines, "no value is in force")
	}
	if r.missesFacts() {
		lines = append(lines, "conditions know only what is said here, by --info, --radius, --ldap, --header and --helper")
	}
	if r.Note != "" {
		lines = append(lines, r.Note)
	}
	if len(r.Policies) > 0 && len(lines) > 0 {
		fmt.Fprintln(env.stdout)
	}
	for _, line := range lines {
		if err := say(env, "%s", onScreen(line)); err != nil {
			return err
		}
	}
	return nil
}

// missesFacts reports whether a condition failed.
func (r *matchReport) missesFacts() bool {
	return slices.ContainsFunc(r.Policies, func(p verdictJSON) bool { return p.Failed && p.Attribute == "conditions" })
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}
