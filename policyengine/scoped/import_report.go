package scoped

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Difference is a point in which Hardened and Compat may answer differently
// because of one policy.
type Difference struct {
	Policy, Attribute string
	// Text says what either does.
	Text string
}

// String is "policy \"x\": user: …".
func (d Difference) String() string {
	return fmt.Sprintf("policy %q: %s: %s", d.Policy, d.Attribute, d.Text)
}

// Differences reports, policy by policy, where Hardened and Compat differ, for
// those who move policies over. What differs whatever a policy says, such as a
// newline at the end of a name, is not repeated for each.
func Differences(policies []Policy, defs *Definitions) []Difference {
	var all []Difference
	for i := range policies {
		r := reporter{policy: &policies[i], defs: defs}
		r.broken()
		r.patterns()
		r.resolvers()
		r.realms()
		r.clients()
		r.times()
		r.actions()
		r.conditions()
		all = append(all, r.found...)
	}
	return all
}

// reporter looks at one policy.
type reporter struct {
	policy *Policy
	defs   *Definitions
	found  []Difference
}

func (r *reporter) report(attribute, format string, args ...any) {
	r.found = append(r.found, Difference{r.policy.Name, attribute, fmt.Sprintf(format, args...)})
}

// broken reports what Hardened does not load.
func (r *reporter) broken() {
	_, err := Compile([]Policy{*r.policy}, Options{})
	for _, err := range each(err) {
		attribute := "policy"
		if f, ok := err.(*Fault); ok { //nolint:errorlint // Compile joins faults as they are
			attribute, err = f.Attribute, f.Err
		}
		r.report(attribute, "hardened does not load it: %v; in compat the queries that come to it fail or pass over it", err)
	}
}

// patterns reports members that Compat anchors in half.
func (r *reporter) patterns() {
	p := r.policy
	for _, list := range []struct {
		attribute string
		members   []string
	}{
		{"action", p.Action.Names()},
		{"realm", p.Realm},
		{"resolver", p.Resolver},
		{"user", p.User},
		{"adminrealm", p.AdminRealm},
		{"adminuser", p.AdminUser},
	} {
		for _, m := range list.members {
			r.alternation(list.attribute, m)
			r.onlyHardened(list.attribute, m)
			if p.UserCaseInsensitive && strings.HasSuffix(list.attribute, "user") && capitalEscape.MatchString(m) {
				r.report(list.attribute, "%q is put into small letters in compat, and means something else then; hardened only compares without case", m)
			}
		}
	}
	for _, c := range p.Conditions {
		if c.Active && (c.Comparator == "matches" || c.Comparator == "!matches") {
			r.alternation("conditions", c.Value)
		}
	}
}

// capitalEscape finds an escape that means something else in small letters.
var capitalEscape = regexp.MustCompile(`\\[A-Z]`)

// onlyHardened reports a member that Compat cannot read, and Hardened can.
func (r *reporter) onlyHardened(attribute, member string) {
	if member == "*" {
		return
	}
	_, err := compileMember(member, exactly, true)
	if err == nil {
		return
	}
	if _, broken := compileMember(member, exactly, false); broken == nil || len(excluding([]string{member})) > 0 {
		r.report(attribute, "%q is no pattern in compat (%v), where the queries that come to it fail; hardened reads it", member, err)
	}
}

func (r *reporter) alternation(attribute, pattern string) {
	if first, last, ok := topAlternation(pattern); ok {
		r.report(attribute, "%q is only half anchored in compat (it begins with %q, or ends with %q); hardened compares it as a whole", pattern, first, last)
	}
}

// topAlternation finds the first and the last branch of a pattern whose
// alternation stands in no group.
func topAlternation(pattern string) (first, last string, ok bool) {
	depth, class, begin := 0, false, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			// A bracket that comes first stands for itself.
			if rest := strings.TrimPrefix(pattern[i+1:], "^"); strings.HasPrefix(rest, "]") {
				i = len(pattern) - len(rest)
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			if !ok {
				first, ok = pattern[:i], true
			}
			begin = i + 1
		}
	}
	return first, pattern[begin:], ok
}

func excluding(members []string) []string {
	return slices.DeleteFunc(slices.Clone(members), func(m string) bool {
		return !isExclusion(m)
	})
}

func (r *reporter) resolvers() {
	p := r.policy
	if out := excluding(p.Resolver); len(out) > 0 {
		r.report("resolver", "compat ignores the exclusion %s; hardened excludes", strings.Join(out, ", "))
	}
	if p.CheckAllResolvers && len(p.Resolver) == 0 {
		r.report("check_all_resolvers", "with an empty resolver list compat never matches when a resolver is asked for; hardened does")
	}
}

// realms reports members that no realm equals in Compat, where the realm of a
// user is in small letters.
func (r *reporter) realms() {
	capitals := func(attribute string, members []string) {
		for _, m := range members {
			if strings.ToLower(m) != m {
				r.report(attribute, "%q has capital letters: compat compares it with realms in small letters, hardened without case", m)
			}
		}
	}
	capitals("realm", r.policy.Realm)
	capitals("adminrealm", r.policy.AdminRealm)
}

func (r *reporter) clients() {
	l, _ := compileClients(r.policy.Client, false)
	for _, networks := range []networks{l.found, l.excluded} {
		for _, n := range networks.list {
			if n.Addr().Is4() {
				r.report("client", "a client that is written as IPv6 (::ffff:%s) is never compared with %s in compat; in hardened it is", n.Addr(), n)
				return
			}
		}
	}
}

// times compares every minute of a week.
func (r *reporter) times() {
	hardened, err := compileTime(r.policy.Time, false)
	if err != nil || hardened.empty {
		return // reported as broken
	}
	compat, err := compileTime(r.policy.Time, true)
	if err != nil {
		return
	}
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for minute := range 7 * 24 * 60 {
		at := monday.Add(time.Duration(minute) * time.Minute)
		inHardened, _ := hardened.match(at)
		inCompat, err := compat.match(at)
		if inHardened != inCompat || err != nil {
			r.report("time", "%q wraps round in hardened and does not in compat: on %s, hardened says %t", r.policy.Time, at.Format("Mon 15:04"), inHardened)
			return
		}
	}
}

func (r *reporter) actions() {
	for _, item := range r.policy.Action {
		def, known := r.defs.Lookup(r.policy.Scope, item.Name)
		switch {
		case item.Flag && known && def.Type != TypeBool && item.Name != ActionPassthru:
			r.report("action", `%s has no value: asking for it fails in compat, and gives "true" in hardened`, item.Name)
		case item.Name == ActionAuthCache && r.policy.Scope == ScopeAuthentication:
			r.report("action", "auth_cache: hardened binds the cache to the application and the client's network, applies the limits to cached logins, and does not cache what passOnNoUser and passOnNoToken accepted")
		case known && def.compatNoMenu:
			r.report("action", "%s opens no menu in compat, where its key is misspelt; in hardened it opens %s", item.Name, strings.Join(def.Menus, ", "))
		}
	}
}

// conditions reports comparisons that are typed, and answers to missing data.
func (r *reporter) conditions() {
	for i, c := range r.policy.Conditions {
		if !c.Active {
			continue
		}
		if c.Missing != "" && c.Missing != MissingError {
			r.report("conditions", "condition %d says %s when data is missing, which compat does not look at: there it is an error", i+1, c.Missing)
		}
		switch c.Comparator {
		case "equals", "!equals", "in", "!in":
			r.report("conditions", "condition %d: %s %q of a number or a truth value: compat never finds them equal to a text, hardened compares what they are", i+1, c.Comparator, c.Value)
		case "<", ">":
			r.report("conditions", "condition %d: %s of an empty attribute: it is 0 in compat, and missing in hardened", i+1, c.Comparator)
		case "contains", "!contains", "matches", "!matches":
		default:
			r.report("conditions", "condition %d: compat does not know the comparator %q: there it is an error", i+1, c.Comparator)
		}
		switch c.Section {
		case SectionUserInfo, SectionToken, SectionTokenInfo, SectionHTTPHeader, SectionHTTPEnviron:
		default:
			r.report("conditions", "condition %d: compat does not know the section %q: there it is an error", i+1, c.Section)
		}
	}
}
