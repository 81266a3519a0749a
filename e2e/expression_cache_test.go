package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// TestCachedPolicies: the same login again and again is answered from the cache,
// and the next login after a change by command is decided anew.
func TestCachedPolicies(t *testing.T) {
	t.Parallel()
	policies := map[string]string{}
	for name, condition := range map[string]string{
		"groups":  `"vpn" in input.request.user.groups`,
		"member":  `ak_is_group_member(input.request.user, {"name": "vpn"})`,
		"cousin":  `ak_is_group_member("robert", {"name": "vpn"})`,
		"finder":  `ak_user_by({"username": "robert", "groups__name": "vpn"}) != null`,
		"someone": `ak_user_by({"groups__name": "vpn", "username__startswith": "a"}) != null`,
		"caller":  `ak_call_policy("member", {}).passing`,
		"friend":  `ak_user_by({"email": "a.adams@example.org"}) != null`,
		"active":  `ak_user_by({"username": "robert"}).is_active`,
	} {
		policies[name+".rego"] = named(name, "allow if "+condition+"\n\nmessages contains \""+name+"\" if allow")
	}
	names := slices.Sorted(maps.Keys(policies))
	var bindings strings.Builder
	for _, name := range names {
		bindings.WriteString("{policy: " + strings.TrimSuffix(name, ".rego") + "}, ")
	}
	config := expressive(
		app{"vpn", "bindings: [" + strings.TrimSuffix(bindings.String(), ", ") + ", {group: nobody}]"},
		app{"plain", "bindings: [{policy: member}]"},
	) + athome + "policies: {expressions: expressions}\n"
	s := startIn(t, expressing(t, config, policies))
	must := func(args ...string) {
		t.Helper()
		if out, code := s.sallyport("", args...); code != 0 {
			t.Fatalf("sallyport %v: %d\n%s", args, code, out)
		}
	}
	readdress := func(email string) {
		t.Helper()
		if out, code := s.sallyport("login,email\nalice,"+email+"\n", "user", "import", "--format", "csv", "--update", "-"); code != 0 {
			t.Fatalf("import: %d\n%s", code, out)
		}
	}
	must("group", "add", "nobody")
	must("group", "add", "friends")
	must("group", "members", "vpn", "--add-group", "friends")
	b := s.binder(t)
	const logins = 200
	for i := range logins {
		if got := b.bind("alice", "plain"); got.code != 0 {
			t.Fatalf("login %d: %+v", i, got)
		}
	}
	hits := s.metric(`sallyport_policy_cache_results_total{policy="member",result="hit"}`)
	misses := s.metric(`sallyport_policy_cache_results_total{policy="member",result="miss"}`)
	if hits != logins-1 || misses != 1 {
		t.Errorf("%d logins: %d hits and %d misses", logins, hits, misses)
	}

	says := func(when string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !slices.Contains(names, w+".rego") {
				t.Fatalf("there is no policy %s", w)
			}
		}
		for range 2 { // decided, and from the cache
			got := strings.Fields(b.bind("alice", "vpn").text)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: the policies that allow are %q, want %q", when, got, want)
			}
		}
	}
	says("before", "active", "caller", "groups", "member", "someone")
	for range 3 {
		must("group", "members", "vpn", "--add-user", "robert")
		says("robert is in", "active", "caller", "cousin", "finder", "groups", "member", "someone")
		must("group", "members", "vpn", "--remove-user", "alice")
		says("alice is out", "active", "cousin", "finder")
		must("group", "members", "friends", "--add-user", "alice")
		says("alice is in by another group", "active", "caller", "cousin", "finder", "groups", "member", "someone")
		must("user", "disable", "robert")
		says("robert is disabled", "caller", "cousin", "finder", "groups", "member", "someone")
		must("user", "enable", "robert")
		must("group", "members", "vpn", "--remove-user", "robert")
		must("group", "members", "vpn", "--remove-group", "friends")
		says("nobody is in", "active")
		must("group", "members", "vpn", "--add-group", "friends", "--add-user", "alice")
		must("group", "members", "friends", "--remove-user", "alice")
		says("as before", "active", "caller", "groups", "member", "someone")
	}

	c := s.crowd(append(s.byLDAP(4, "alice", "vpn"), s.byRADIUS(4, "alice")...)...)
	for range 4 {
		for verb, in := range map[string]bool{"--remove-user": false, "--add-user": true} {
			begun := time.Now()
			must("group", "members", "vpn", verb, "alice")
			changed := time.Now()
			for _, a := range c.after(changed, 16) {
				told := strings.Fields(a.text)
				member := slices.Contains(told, "member")
				if member != slices.Contains(told, "groups") || member != slices.Contains(told, "caller") {
					t.Errorf("a mixed answer: %q", told)
				}
				if a.begun.After(changed) && member != in || a.ended.Before(begun) && member == in {
					t.Errorf("%s, %s after it: %q", verb, a.begun.Sub(changed), told)
				}
			}
		}
	}
	c.end()
	must("group", "members", "vpn", "--add-user", "alice")
	for range 2 {
		readdress("a.adams@example.org")
		says("alice has another address", "active", "caller", "friend", "groups", "member", "someone")
		readdress("alice@example.org")
		says("alice has her address again", "active", "caller", "groups", "member", "someone")
	}
	must("user", "delete", "robert")
	says("robert is gone", "caller", "groups", "member", "someone")
}

// TestCachedDirectory: a change in slapd acts when the directory forgets the user,
// for all policies at once: no login is decided by both.
func TestCachedDirectory(t *testing.T) {
	t.Parallel()
	const ttl = time.Second
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	config := expressive(
		app{"vpn", "bindings: [{policy: groups}, {policy: member}, {policy: fresh}]"},
		app{"others", "bindings: [{policy: finder}, {policy: byname}]"},
	) +
		"realms:\n  corp: {default: true, directories: [corp]}\ndirectories:\n  corp:\n    type: ldap\n    " +
		strings.ReplaceAll(slapdKeys(srv, "cache: {ttl: "+ttl.String()+", negative_ttl: "+ttl.String()+"}", srv.LDAPSURL), "\n", "\n    ") +
		"\npolicies: {expressions: expressions}\n"
	s := startIn(t, expressing(t, config, map[string]string{
		"groups.rego": named("groups", "messages contains \"in-groups\" if \"outermost\" in input.request.user.groups"),
		"member.rego": named("member", "messages contains \"is-member\" if ak_is_group_member(input.request.user, {\"name\": \"outermost\"})"),
		"finder.rego": named("finder", "messages contains \"finds\" if ak_user_by({\"username\": \"bob\", \"groups__name\": \"outermost\"}) != null"),
		"byname.rego": named("byname", "messages contains \"knows\" if ak_is_group_member(\"bob\", {\"name\": \"outermost\"})"),
		"fresh.rego":  named("fresh", "messages contains \"is-fresh\" if { ak_is_group_member(input.request.user, {\"name\": \"outermost\"}); input.now.unix > 0 }"),
	}))
	admin, err := goldap.DialURL(srv.LDAPURL)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.Bind(srv.AdminDN, srv.AdminPassword); err != nil {
		t.Fatal(err)
	}
	const in, out = "in-groups is-member is-fresh", "Access denied."
	c := s.crowd(s.byLDAP(4, "bob", "vpn")...)
	others := s.crowd(s.byLDAP(2, "alice", "others")...) // about bob
	changed := time.Now()
	for _, want := range []string{in, out, in} {
		// What began a time to live after the change is as it is now. The margin is
		// for a look-up that was under way, on a busy machine.
		settled := changed.Add(ttl + 700*time.Millisecond)
		time.Sleep(time.Until(settled))
		for _, a := range c.after(settled, 16) {
			if a.text != in && a.text != out || a.begun.After(settled) && a.text != want {
				t.Errorf("%s after the change: %q, want %q", a.begun.Sub(changed), a.text, want)
			}
		}
		for _, a := range others.after(settled, 16) {
			if a.begun.After(settled) && a.text != map[string]string{in: "finds knows", out: out}[want] {
				t.Errorf("%s after the change others are told %q, want %q", a.begun.Sub(changed), a.text, want)
			}
		}
		member := "bob"
		if want == in {
			member = "alice"
		}
		change := goldap.NewModifyRequest("cn=inner,ou=groups,"+srv.BaseDN, nil)
		change.Replace("member", []string{"uid=" + member + ",ou=people," + srv.BaseDN})
		if err := admin.Modify(change); err != nil {
			t.Fatal(err)
		}
		changed = time.Now()
	}
	c.end()
	others.end()
	b := s.binder(t)
	if err := b.conn.Bind("uid=bob,o=vpn", "wrong"); !goldap.IsErrorWithCode(err, goldap.LDAPResultInvalidCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	if got := b.bind("bob", "vpn").text; got != out { // whom a wrong password has the directory forget
		t.Errorf("after the last change and a wrong password: %q", got)
	}
	if hits := s.metric(`sallyport_policy_cache_results_total{policy="member",result="hit"}`); hits == 0 {
		t.Error("nothing was answered from the cache")
	}
}
