package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const matchPolicies = `policies:
  - {name: shop, scope: authentication, action: {otppin: none}, resolver: [other], priority: 1}
  - {name: night, scope: authentication, action: {otppin: userstore}, time: "Mon-Sun:22-6", client: [10.0.0.0/8, -10.2.0.0/24], priority: 2}
  - {name: everybody, scope: authentication, action: {otppin: tokenpin}, priority: 10}
  - {name: words, scope: authentication, action: {challenge_text: "Your code:"}}
  - {name: staff, scope: authorization, action: {authorized: grant_access}, conditions: [{section: userinfo, key: groups, comparator: contains, value: staff}]}
  - {name: radius, scope: enrollment, action: {a: x}, conditions: [{section: "radius:NAS-Identifier", comparator: in, value: "gw-1,gw-2"}, {section: "ldap:tls", comparator: equals, value: "1.3"}]}
  - {name: http, scope: audit, action: {a: x}, conditions: [{section: HTTP Request header, key: X-Site, comparator: equals, value: north}]}
  - {name: helper, scope: register, action: {a: x}, conditions: [{section: helper, key: geo.country, comparator: equals, value: DE}]}
  - {name: one, scope: webui, action: {a: x}}
  - {name: two, scope: webui, action: {a: y}}
  - {name: target, scope: admin, action: {enable: true}, adminuser: [root], adminrealm: [ops], realm: [corp]}
  - {name: agent, scope: enrollment, action: {b: x}, user_agents: [cli], pinode: [edge]}
  - {name: all, scope: enrollment, action: {c: x}, resolver: [other], check_all_resolvers: true}
  - {name: idle, scope: user, active: false}
`

func TestPolicyMatch(t *testing.T) {
	file := policyConfig(t)
	otppin := func(args string) []string { return words("match --scope=authentication --action=otppin " + args) }
	enrollment := func(args string) []string { return words("match --scope=enrollment " + args) }
	runPolicySteps(t, file, []policyStep{
		{args: words("import -"), input: matchPolicies, want: []string{"14 new"}},
		{
			args: otppin("--user alice --client 10.2.0.9 --time 2026-01-31T23:00"),
			want: []string{
				"scope authentication, action otppin, user alice, realm example, resolver local, client 10.2.0.9, pinode ",
				`resolver "local" is not in [other]`, "client 10.2.0.9 is excluded by -10.2.0.0/24", "everybody  10        yes      tokenpin", "in force: tokenpin, set by everybody\n",
				`action "otppin" is not in [challenge_text]`,
			},
		},
		{
			args: otppin("--user alice --client 10.1.0.9 --time 2026-01-31T22:30:00Z"), // 23:30 here
			want: []string{"tokenpin, beaten by night", "in force: userstore, set by night\nbeaten by a better priority: tokenpin, set by everybody\n"},
		},
		{args: otppin("--user alice --client 10.1.0.9 --time 2026-01-31T12:00"), want: []string{`Sat 12:00 CET is not in "Mon-Sun:22-6"`, "in force: tokenpin"}},
		{args: otppin("--user alice --realm corp"), code: 2, want: []string{`realm "corp" has several directories: say by --resolver which one user "alice" is in: local, other`}},
		{args: otppin("--user alice --realm CORP --resolver local"), want: []string{`resolver "local" is not in [other]`, "realm CORP, resolver local"}},
		{args: otppin("--user alice --realm crop"), code: 2, want: []string{`there is no realm "crop" in the configuration, did you mean "corp"?`}},
		{args: otppin("--realm nowhere"), code: 2, want: []string{`there is no realm "nowhere" in the configuration`}},
		{args: otppin("--user alice --realm corp --resolver other"), want: []string{"in force: none, set by shop"}},
		{args: words("match --scope=authentication --action=challenge_text"), want: []string{"in force: Your code:, set by words"}},
		{args: words("match --scope=authorization --user alice --info groups=staff,ops"), want: []string{"staff   1         yes"}},
		{args: words("match --scope=authorization --user alice --info groups=ops"), code: 1, want: []string{`condition 1 does not hold: userinfo groups contains "staff"`, "no policy matches"}},
		{args: words("match --scope=authorization --user alice"), code: 1, want: []string{"FAILED", "there is no answer, and this question fails: ", "conditions know only what is said here, by --info"}},
		{args: enrollment("--action=a --radius NAS-Identifier=gw-2 --ldap tls=1.3"), want: []string{"in force: x"}},
		{args: enrollment("--action=a --radius NAS-Identifier=gw-3 --ldap tls=1.3"), code: 1, want: []string{"condition 1 does not hold: radius:NAS-Identifier in "}},
		{args: enrollment("--action=a --ldap tls=1.3"), code: 1, want: []string{"condition radius:NAS-Identifier: the request has no such thing"}},
		{args: enrollment("--action=b --pinode edge --user-agent CLI"), want: []string{"in force: x, set by agent"}},
		{args: enrollment("--action=b --pinode core"), code: 1, want: []string{`node "core" is not in [edge]`}},
		{args: enrollment("--action=b --user-agent web"), code: 1, want: []string{`user agent "web" is not in [cli]`}},
		{args: enrollment("--action=c --user alice --realm corp --resolver local"), want: []string{"in force: x, set by all"}},
		{args: enrollment("--action=c --user alice"), code: 1, want: []string{`none of the resolvers [local] of realm "example" is in [other]`}},
		{args: words("match --scope=audit --header x-site=north"), want: []string{"http    1         yes"}},
		{args: words("match --scope=register --helper geo.country=DE"), want: []string{"helper  1         yes"}},
		{args: words("match --scope=register"), code: 1, want: []string{"say what it answers by --helper geo.country=VALUE"}},
		{args: words("match --scope=webui --action=a"), code: 1, want: []string{"there is no answer, and a login that asks this fails: ", `"x" by one; "y" by two: change a priority`}},
		{args: words("match --scope=admin --adminuser root --adminrealm ops --realm corp"), want: []string{"target  1         yes"}},
		{args: words("match --scope=admin --adminuser ann --realm corp"), code: 1, want: []string{`adminuser "ann" is not in [root]`}},
		{args: words("match --scope=user"), code: 1, want: []string{"the policy is not active", `there is no active policy of scope "user"`}, not: []string{"login"}},
		{args: words("match --scope=nope"), code: 1, want: []string{"no policy matches", `there is no scope "nope"`}},
		{args: words("match --scope=authorisation"), code: 1, want: []string{`there is no scope "authorisation", did you mean "authorization"?`}},
		{args: words("match"), code: 2, want: []string{"--scope"}},
		{args: words("match --scope=user --client 10.1.2.300"), code: 2},
		{args: words("match --scope=user --time tomorrow"), code: 2, want: []string{`--time "tomorrow": write it as 2026-01-31T08:00`}},
		{args: words("match --scope=user --info groups"), code: 2, want: []string{`--info "groups": write it as NAME=VALUE`}},
		{args: words("match --scope=user --header =x"), code: 2},
		{args: words("match --scope=user --radius x"), code: 2},
		{args: words("match --scope=user --ldap x"), code: 2},
		{args: words("match --scope=user --helper x"), code: 2},
	})
}

func TestPolicyMatchHelper(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{{args: words("import -"), input: `policies:
  - {name: flag, scope: register, action: {a: x}, conditions: [{section: helper, key: geo.flag, comparator: equals, value: "False", missing: "false"}]}
  - {name: count, scope: register, action: {a: x}, conditions: [{section: helper, key: geo.count, comparator: equals, value: "12.0", missing: "false"}]}
  - {name: list, scope: register, action: {a: x}, conditions: [{section: helper, key: geo.list, comparator: contains, value: a, missing: "false"}]}
`}})
	ask := func(flag, count, list string) []string {
		return []string{"match", "--scope=register", "--helper", "geo.flag=" + flag, "--helper", "geo.count=" + count, "--helper", "geo.list=" + list}
	}
	yes := func(name string) string { return name + strings.Repeat(" ", 8-len(name)) + "1         yes" }
	runPolicySteps(t, file, []policyStep{
		{args: ask("false", "12", `["a"]`), want: []string{yes("flag"), yes("count"), yes("list")}},
		{args: ask(`"false"`, `"12"`, "[]"), code: 1, not: []string{yes("flag"), yes("count"), yes("list")}}, // texts, and an empty list
		{args: ask("null", "12", `["b"]`), want: []string{yes("count")}, not: []string{yes("flag"), yes("list")}},
		{args: ask("false", "12", "a"), code: 1, want: []string{"FAILED", "is no list"}},
		{args: append(ask("false", "13", "b"), "--helper", "geo.list=a"), want: []string{yes("flag"), yes("list")}, not: []string{yes("count")}},
	})
}

func TestPolicyMatchInfo(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{{args: words("import -"), input: `policies:
  - {name: id, scope: register, action: {a: x}, conditions: [{section: userinfo, key: userid, comparator: equals, value: alice}]}
  - {name: login, scope: register, action: {a: x}, conditions: [{section: userinfo, key: username, comparator: equals, value: alice}]}
  - {name: mail, scope: audit, action: {a: x}, conditions: [{section: userinfo, key: email, comparator: matches, value: .*@corp}]}
  - {name: named, scope: webui, action: {a: x}, conditions: [{section: userinfo, key: name, comparator: equals, value: Al}]}
`}})
	ask := func(args string) []string { return words("match --user alice " + args) }
	runPolicySteps(t, file, []policyStep{
		{args: ask("--scope=register"), want: []string{"id      1         yes", "login   1         yes"}},
		{args: ask("--scope=register --info userid=7"), want: []string{"login   1         yes"}, not: []string{"id      1         yes"}},
		{args: ask("--scope=register --info username=alice"), want: []string{"login   1         yes"}},
		{args: ask("--scope=register --info username=bob"), code: 2, want: []string{`--info username: it is what --user says, "alice"`}},
		{args: ask("--scope=register --info userid=7 --info userid=8"), code: 2, want: []string{"--info userid: a user has just one"}},
		{args: ask("--scope=audit"), code: 1, want: []string{"condition userinfo email: userinfo email is empty"}},
		{args: ask("--scope=audit --info email=al@corp"), want: []string{"mail    1         yes"}},
		{args: ask("--scope=webui"), code: 1, want: []string{"userinfo name is empty"}},
		{args: ask("--scope=webui --info name=Al"), want: []string{"named   1         yes"}},
	})
}

func TestPolicyMatchJSON(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{{args: words("import -"), input: matchPolicies}})
	ask := func(want int, args ...string) (r matchReport) {
		t.Helper()
		code, out, _ := runLine(t, "", append([]string{"--json", "-c", file, "policy", "match"}, args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != want {
			t.Fatalf("%q: %d, %v in %s", args, code, err, out)
		}
		return r
	}
	r := ask(0, "--scope=authentication", "--action=otppin", "--user=alice", "--client=10.1.0.9", "--time=2026-01-31T23:00")
	if !r.Matched || len(r.Policies) != 4 || r.Query["realm"] != "example" || len(r.Values) != 1 || r.Values[0].Value != "userstore" || len(r.Beaten) != 1 {
		t.Errorf("%+v", r)
	}
	if p := r.Policies[0]; p.Name != "shop" || p.Matched || p.Attribute != "resolver" || p.Reason == "" || p.Value != nil || p.Origin != "store" {
		t.Errorf("shop: %+v", p)
	}
	if p := r.Policies[3]; p.Name != "everybody" || !p.Matched || p.Value == nil || *p.Value != "tokenpin" || p.BeatenBy != "night" {
		t.Errorf("everybody: %+v", p)
	}
	if r := ask(1, "--scope=authorization", "--user=alice"); r.Matched || r.Error == "" || !r.Policies[1].Failed || r.Values == nil || r.Beaten == nil {
		t.Errorf("failed: %+v", r)
	}
	if r := ask(1, "--scope=webui", "--action=a"); r.Conflict == "" {
		t.Errorf("conflict: %+v", r)
	}
	if r := ask(1, "--scope=user"); r.Note == "" {
		t.Errorf("note: %+v", r)
	}
}
