package scoped

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// naive is a second implementation: a loop over attributes, and for each one over
// the policies that are left, as sections 2 and 3 of the semantics are written.
// It compiles nothing and knows no index. With the Set it shares how a single
// pattern becomes a regular expression, how addresses are read and how two values
// compare.
type naive struct {
	policies []Policy // in creation order
	compat   bool
}

func (n naive) List(q *Query, buf []*Policy) ([]*Policy, error) {
	left, err := n.filter(q, q.User, q.Realm, q.Resolver)
	return append(buf, left...), err
}

func (n naive) Match(q *Query, buf []*Policy) ([]*Policy, error) {
	user, realm, resolver := q.User, q.Realm, q.Resolver
	if u := q.UserObject; u != nil {
		differs := func(a Arg, texts ...string) bool {
			return a.Given && a.Value != "" && !slices.ContainsFunc(texts, func(t string) bool { return strings.EqualFold(t, a.Value) })
		}
		if differs(user, u.Login, u.Typed) || differs(resolver, u.Resolver) || differs(realm, u.Realm) {
			return nil, failf(ErrParameter, "contradiction")
		}
		user, realm, resolver = Is(u.Login), Is(u.Realm), Is(u.Resolver)
	}
	left, err := n.filter(q, user, realm, resolver)
	if err != nil {
		return nil, err
	}
	for _, question := range []func(*Query, *Policy) (bool, error){n.time, n.conditions} {
		var kept []*Policy
		for _, p := range left {
			ok, err := question(q, p)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, p)
			}
		}
		left = kept
	}
	return append(buf, left...), nil
}

// filter is list_policies.
func (n naive) filter(q *Query, user, realm, resolver Arg) ([]*Policy, error) {
	if q.Client.Given && q.Client.Value == "" {
		return nil, failf(ErrParameter, "client is empty")
	}
	admin := q.Scope == Is("admin")
	inList := func(a Arg, list func(p *Policy) ([]string, folding)) func(p *Policy) (bool, error) {
		return func(p *Policy) (bool, error) {
			members, fold := list(p)
			if !a.Given || len(members) == 0 {
				return true, nil
			}
			found, excluded, err := n.inPatterns(members, a.Value, fold)
			return found && !excluded, err
		}
	}
	users, realms := func(p *Policy) folding {
		switch {
		case !p.UserCaseInsensitive:
			return exactly
		case n.compat:
			return lowering
		}
		return caseless
	}, caseless
	if n.compat {
		realms = exactly
	}
	filters := []func(p *Policy) (bool, error){
		func(p *Policy) (bool, error) { return !q.Name.Given || q.Name.Value == p.Name, nil },
		func(p *Policy) (bool, error) {
			return q.Active == AnyActivity || p.Active == (q.Active == OnlyActive), nil
		},
		func(p *Policy) (bool, error) { return !q.Scope.Given || q.Scope.Value == p.Scope, nil },
		inList(q.Action, func(p *Policy) ([]string, folding) { return p.Action.Names(), exactly }),
		inList(realm, func(p *Policy) ([]string, folding) { return p.Realm, realms }),
		inList(Arg{q.AdminRealm.Value, q.AdminRealm.Given && admin}, func(p *Policy) ([]string, folding) { return p.AdminRealm, realms }),
		inList(user, func(p *Policy) ([]string, folding) { return p.User, users(p) }),
		inList(Arg{q.AdminUser.Value, q.AdminUser.Given && admin}, func(p *Policy) ([]string, folding) { return p.AdminUser, users(p) }),
		func(p *Policy) (bool, error) { return n.resolver(q, p, user, realm, resolver) },
		func(p *Policy) (bool, error) {
			return !q.PINode.Given || len(p.PINode) == 0 || slices.Contains(p.PINode, q.PINode.Value), nil
		},
		func(p *Policy) (bool, error) { return n.client(q, p) },
		func(p *Policy) (bool, error) {
			return !q.UserAgent.Given || len(p.UserAgents) == 0 ||
				slices.ContainsFunc(p.UserAgents, func(a string) bool { return strings.EqualFold(a, q.UserAgent.Value) }), nil
		},
	}
	left := make([]*Policy, len(n.policies))
	for i := range n.policies {
		left[i] = &n.policies[i]
	}
	for _, f := range filters {
		var kept []*Policy
		for _, p := range left {
			ok, err := f(p)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, p)
			}
		}
		left = kept
	}
	if n.compat && (q.Client.Given || q.ClientAddr.IsValid()) {
		slices.SortStableFunc(left, func(a, b *Policy) int { return min(1, len(b.Client)) - min(1, len(a.Client)) })
	}
	if !q.Unsorted {
		slices.SortStableFunc(left, func(a, b *Policy) int { return a.Priority - b.Priority })
	}
	return left, nil
}

// inPatterns is the pattern list match, member by member.
func (n naive) inPatterns(members []string, value string, fold folding) (found, excluded bool, err error) {
	for _, m := range members {
		v := fold.fold(value)
		own := fold.fold(m)
		switch {
		case len(m) > 0 && strings.ContainsRune("-!", rune(m[0])) && fold.fold(m[1:]) == v:
			excluded = true
		case !n.compat && len(m) > 0 && strings.ContainsRune("-!", rune(m[0])):
		case own == v || m == "*":
			found = true
		default:
			ok, err := n.regex(m, own, value, v, fold)
			if err != nil {
				return false, false, err
			}
			found = found || ok
		}
	}
	return found, excluded, nil
}

func (n naive) regex(member, own, value, folded string, fold folding) (bool, error) {
	var re *regex
	var err error
	switch {
	case n.compat && own == regexp.QuoteMeta(own):
		return folded == own+"\n", nil // a plain name, which was compared already
	case n.compat:
		re, err = compileRegex("^", own, endOrNewline, dialect{compat: true, anchored: true})
		value = folded
	case member == regexp.QuoteMeta(member):
		return false, nil
	case fold == caseless:
		re, err = compileRegex(`\A(?i:`, member, `)\z`, dialect{})
	default:
		re, err = compileRegex(`\A(?:`, member, `)\z`, dialect{})
	}
	if err != nil {
		return false, failf(ErrBroken, "%w", err)
	}
	return re.match(value)
}

func (n naive) resolver(q *Query, p *Policy, user, realm, resolver Arg) (bool, error) {
	switch {
	case !resolver.Given:
		return true, nil
	case len(p.Resolver) == 0 && !p.CheckAllResolvers:
		return true, nil
	case len(p.Resolver) == 0:
		return !n.compat, nil
	}
	candidates := []string{resolver.Value}
	if p.CheckAllResolvers {
		candidates = nil
		if user.Value != "" && realm.Value != "" && q.World != nil && q.World.Resolvers != nil {
			candidates = q.World.Resolvers(strings.ToLower(realm.Value))
		}
	}
	for _, c := range candidates {
		found, excluded, err := n.inPatterns(p.Resolver, c, exactly)
		if err != nil {
			return false, err
		}
		if found && (n.compat || !excluded) {
			return true, nil
		}
	}
	return false, nil
}

func (n naive) client(q *Query, p *Policy) (bool, error) {
	members := slices.DeleteFunc(slices.Clone(p.Client), func(m string) bool { return strings.TrimSpace(m) == "" })
	switch {
	case !q.Client.Given && !q.ClientAddr.IsValid(), len(p.Client) == 0:
		return true, nil
	case len(members) == 0:
		return false, nil
	}
	addr, err := q.ClientAddr.WithZone(""), error(nil)
	switch {
	case q.Client.Given && n.compat:
		addr, err = parseClientCompat(q.Client.Value)
	case q.Client.Given:
		addr, err = parseClient(q.Client.Value)
	case !n.compat:
		addr = addr.Unmap()
	}
	if err != nil {
		return false, failf(ErrBroken, "%w", err)
	}
	found, excluded := false, false
	for _, m := range members {
		text := strings.TrimLeft(strings.TrimSpace(m)[:1], "-!") + strings.TrimSpace(m)[1:]
		var net netip.Prefix
		if n.compat {
			net, err = parseNetworkCompat(text)
		} else {
			net, err = parseNetwork(text)
		}
		if err != nil {
			return false, failf(ErrBroken, "%w", err)
		}
		if net.Contains(addr) {
			found = found || len(text) == len(strings.TrimSpace(m))
			excluded = excluded || len(text) < len(strings.TrimSpace(m))
		}
	}
	return found && !excluded, nil
}

// time walks through the minutes of a range, one day at a time.
func (n naive) time(q *Query, p *Policy) (bool, error) {
	if p.Time == "" {
		return true, nil
	}
	if q.Now.IsZero() {
		return false, failf(ErrParameter, "no time")
	}
	const days = "montuewedthufrisatsun"
	packed := strings.ToLower(strings.Join(strings.Fields(p.Time), ""))
	today := (int(q.Now.Weekday()) + 6) % 7
	now := q.Now.Hour()*60 + q.Now.Minute()
	matched := false
	for part := range strings.SplitSeq(packed, ",") {
		m := regexp.MustCompile(`^([^:-]*)(?:-([^:-]*))?:(\d+)(?::(\d+))?(?::\d+)*-(\d+)(?::(\d+))?(?::\d+)*$`).FindStringSubmatch(part)
		if m == nil {
			return matched, nil
		}
		clock := func(h, m string) int {
			a, _ := strconv.Atoi(h)
			b, _ := strconv.Atoi(m) // absent: 0
			if a > 23 || b > 59 {
				return -1
			}
			return a*60 + b
		}
		day := func(name string) int {
			if i := strings.Index(days, name); len(name) == 3 && i%3 == 0 {
				return i / 3
			}
			return -1
		}
		start, end := clock(m[3], m[4]), clock(m[5], m[6])
		if start < 0 || end < 0 {
			return matched, nil
		}
		first, last := day(m[1]), day(m[1])
		if strings.Contains(strings.SplitN(part, ":", 2)[0], "-") {
			last = day(m[2])
		}
		if n.compat {
			if first < 0 || last < 0 && first <= today {
				return false, failf(ErrBroken, "no such day")
			}
			matched = matched || first <= today && today <= last && start <= now && now <= end
			continue
		}
		for d := first; ; d = (d + 1) % 7 {
			if start <= end {
				matched = matched || d == today && start <= now && now <= end
			} else {
				matched = matched || d == today && now >= start || (d+1)%7 == today && now <= end
			}
			if d == last {
				break
			}
		}
	}
	return matched, nil
}

func (n naive) conditions(q *Query, p *Policy) (bool, error) {
	if q.Mode == NoConditions {
		return true, nil
	}
	for _, c := range p.Conditions {
		if !c.Active || q.Mode == UserInfoConditions && c.Section != "userinfo" {
			continue
		}
		ok, err := n.condition(q, c)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

// condition evaluates one condition of the sections that the original has.
func (n naive) condition(q *Query, c Condition) (bool, error) {
	var left any
	there := false
	gone := ErrPolicy
	switch c.Section {
	case "userinfo":
		if q.UserObject == nil {
			break
		}
		info, err := q.UserObject.info()
		if errors.Is(err, ErrUser) {
			gone = ErrUser
		} else if err != nil {
			return false, failf(ErrPolicy, "%w", err)
		}
		left, there = info[c.Key]
	case "token", "tokeninfo":
		if q.Serial == "" || q.World == nil || q.World.Token == nil {
			break
		}
		token, ok, err := q.World.Token(q.Serial)
		if err != nil {
			return false, failf(ErrPolicy, "%w", err)
		}
		if !ok {
			break
		}
		if c.Section == "token" {
			left, there = token.Columns[c.Key]
		} else {
			left, there = token.Info[c.Key]
		}
	case "HTTP Request header":
		if q.HTTP != nil {
			for k, v := range q.HTTP.Headers {
				if strings.EqualFold(k, c.Key) && v != "" {
					left, there = v, true
				}
			}
		}
	case "HTTP Environment":
		if q.HTTP != nil {
			left = q.HTTP.variable(c.Key)
			there = !isFalsy(left)
		}
	default:
		return false, failf(ErrPolicy, "unknown section")
	}
	if !n.compat {
		there = there && !isMissing(left)
		if !there && (c.Missing == "true" || c.Missing == "false") {
			return c.Missing == "true", nil
		}
	}
	if !there {
		return false, failf(gone, "missing")
	}
	semantics := Hardened
	if n.compat {
		semantics = Compat
	}
	ok, err := CompareValues(left, c.Comparator, c.Value, semantics, q.Now)
	if err != nil {
		return false, failf(ErrPolicy, "%w", err)
	}
	return ok, nil
}

// TestNaiveConformance runs the cases about matching against the loop.
func TestNaiveConformance(t *testing.T) {
	ops := []string{"list_policies", "match_policies", "check_for_conflicts", "reduce_realms"}
	agree, all := 0, 0
	for _, file := range caseFiles(t) {
		f := readCases(t, file)
		if f.Sequential {
			continue // those change the policies
		}
		for i, fault := range runCases(t, f, func(p []Policy) (matcher, error) { return naive{p, true}, nil }, ops) {
			if !slices.Contains(ops, f.Queries[i].Op) {
				continue
			}
			all++
			if fault != nil {
				t.Errorf("%s: %v", f.Queries[i].ID, fault)
				continue
			}
			agree++
		}
	}
	t.Logf("naive: %d of %d agree", agree, all)
}
