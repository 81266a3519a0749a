package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// everyAttribute is a policy with all attributes, and one with none.
const everyAttribute = `policies:
  - name: full
    description: "Said in words: all of it."
    scope: authentication
    active: false
    action: {challenge_text: "Your code, please:", otppin: "'none'", passOnNoToken: true}
    realm: [corp, "lab-.*"]
    resolver: ["*", -other]
    user: ["svc-[a-z]{2,4}", "a,b"]
    adminrealm: [ops]
    adminuser: [root]
    pinode: [edge]
    client: [10.0.0.0/8, -10.9.0.0/16, "2001:db8::/32"]
    user_agents: [cli]
    time: "Mon-Fri:8-17:30, Sat:22-6"
    conditions:
      - {section: userinfo, key: groups, comparator: contains, value: 'it''s "staff"', missing: "false"}
      - {section: "ldap:tls", comparator: equals, value: "1.3", active: false}
    priority: 7
    check_all_resolvers: true
    user_case_insensitive: true
  - {name: "[odd] # name", scope: user}
`

// TestPolicyRoundTrip: what is exported, imported elsewhere and exported again is
// the same, in every format.
func TestPolicyRoundTrip(t *testing.T) {
	from := policyConfig(t)
	runPolicySteps(t, from, []policyStep{
		{args: words("import -"), input: everyAttribute, want: []string{"2 new, 0 changed, 0 unchanged"}},
		{args: words("set later --scope=authentication --action=passthru=userstore,otppin=none"), want: []string{"added"}}, // its actions are not sorted
	})
	export := func(file, format string) string {
		code, out, stderr := runLine(t, "", "-c", file, "policy", "export", "--format="+format)
		if code != 0 {
			t.Fatalf("%s: %d, %s", format, code, stderr)
		}
		return out
	}
	for _, format := range []string{"yaml", "json", "text"} {
		exported := export(from, format)
		to := policyConfig(t)
		runPolicySteps(t, to, []policyStep{
			{args: words("import -"), input: exported, want: []string{"3 new, 0 changed, 2 unchanged"}}, // those of the file are there
			{args: words("import -"), input: exported, want: []string{"0 new, 0 changed, 5 unchanged"}},
			{args: words("import --replace --format=" + format + " -"), input: exported, want: []string{"5 unchanged, 0 deleted"}},
			{args: []string{"show", "[odd] # name"}, want: []string{"name                   [odd] # name\n"}},
		})
		if again := export(to, format); again != exported {
			t.Errorf("%s:\n%s\nbecame\n%s", format, exported, again)
		}
		// The others agree too: nothing was lost on the way.
		if again, want := export(to, "yaml"), export(from, "yaml"); again != want {
			t.Errorf("by %s:\n%s\nbecame\n%s", format, want, again)
		}
		runPolicySteps(t, from, []policyStep{{args: words("import -"), input: exported, want: []string{"5 unchanged"}}})
	}
	code, out, _ := runLine(t, "", "-c", from, "--json", "policy", "export", "later", "gate")
	if want := `"name": "gate"`; code != 0 || strings.Count(out, `"name"`) != 2 || !strings.Contains(out, want) {
		t.Errorf("%d, %s", code, out)
	}
	runPolicySteps(t, from, []policyStep{{args: words("export gate none"), code: 1, want: []string{`no such policy "none"`}}})
}

// privacyIDEA is text as people have it there.
const privacyIDEA = `[service accounts]
scope = authentication
action = {'otppin': 'none'}
user = ['svc|root']
realm = ['Harbor']
color = blue

[gate-night]
scope = authentication
action = {'otppin': 'userstore', 'challenge_response': 'hotp totp'}
conditions = [('userinfo', 'groups', 'contains', 'staff', True)]
priority = 4
`

func TestPolicyImport(t *testing.T) {
	file := policyConfig(t)
	report := []string{
		"new        service accounts\n", `differs: user: "svc|root" is only half anchored in compat`, `differs: realm: "Harbor" has capital letters`,
		"new        gate-night\n", "note: service accounts: attribute color is not known and was left out\n", "2 new, 0 changed, 0 unchanged, 0 deleted, 0 refused; 2 differences between hardened and compat\n",
	}
	runPolicySteps(t, file, []policyStep{
		{args: words("import --dry-run -"), input: privacyIDEA, want: append(report, "dry run: nothing was stored\n")},
	})
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "users.db")); err == nil {
		t.Error("the dry run made a store")
	}
	changed := strings.NewReplacer("priority = 4", "priority = 5", "'userstore'", "'none'").Replace(privacyIDEA)
	runPolicySteps(t, file, []policyStep{
		{args: words("import -"), input: privacyIDEA, want: append(report, "stored; a running server takes it over")},
		{args: words("import -"), input: changed, want: []string{"unchanged  service accounts\n", "changed    gate-night: action, priority\n"}},
		{args: words("show gate-night"), want: []string{"action                 otppin=none\n", "priority               5\n"}},
		// Nothing is stored when one is refused.
		{args: words("import -"), input: "[a]\nscope = user\n[b]\nscope = user\nuser = ['(']\nclient = ['x']\n[c]\nscope = authentication\naction = {'otppin': 'sesame'}\n", code: 1, want: []string{
			"new        a\n", "refused    b\n", "refused: user: ", "refused: client: ", "refused    c\n", "refused: action: ", "1 new, 0 changed, 0 unchanged, 0 deleted, 2 refused", "nothing was stored",
		}},
		{args: words("import -n -"), input: "policies: [{name: a, scope: user}, {name: a, scope: user}]", code: 1, want: []string{"refused: the name is there twice", "dry run: nothing"}},
		{args: words("import -n -"), input: "[a\\x01b]\nscope = user\n", want: []string{"new"}},
		{args: words("import -n -"), input: `{"policy": [{"name": "a\u0001b", "scope": "user"}]}`, code: 1, want: []string{"control character"}}, // only the store refuses it
		{args: words("list"), not: []string{"a  "}},
		{args: words("import --replace -n -"), input: "policies: [{name: gate-night, scope: user}]", want: []string{"deleted    service accounts\n", "changed    gate-night: ", "1 deleted, 0 refused", "dry run"}},
		{args: words("list"), want: []string{"service accounts"}},
		{args: words("import --replace -"), input: "policies: [{name: gate-night, scope: user}]", want: []string{"deleted    service accounts\n", "stored"}},
		{args: words("list"), not: []string{"service accounts"}, want: []string{"gate-night"}},
		{args: words("import -"), input: "[x]\nscope\n", code: 1, want: []string{"read policies from standard input: ", "line 2"}},
		{args: words("import --format=json -"), input: privacyIDEA, code: 1, want: []string{"import JSON"}},
		{args: words("import --format=yaml -"), input: privacyIDEA, code: 1, want: []string{"standard input:"}},
		{args: words("import --format=ini -"), code: 2},
		{args: words("import /nonexistent"), code: 1, want: []string{"read policies: open /nonexistent"}},
		{args: words("import -"), code: 1, want: []string{"read policies from standard input"}},
	})
}

// TestPolicyImportKeepsOrder: an import changes policies in their place.
func TestPolicyImportKeepsOrder(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{
		{args: words("import -"), input: "policies: [{name: a, scope: user}, {name: b, scope: user}, {name: c, scope: user}]"},
		{args: words("import --replace -"), input: "policies: [{name: d, scope: user}, {name: c, scope: user}, {name: a, scope: user, priority: 1, description: new}]"},
	})
	_, out, _ := runLine(t, "", "-c", file, "--json", "policy", "list", "--scope=user")
	var list []policyJSON
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"a", "c", "d"}) || list[0].Description != "new" {
		t.Errorf("%q", names)
	}
}

func TestPolicyImportIntoYAML(t *testing.T) {
	file := policyConfig(t)
	code, stdout, stderr := runLine(t, privacyIDEA, "-c", file, "policy", "import", "--into=yaml", "-")
	if code != 0 || !strings.HasPrefix(stdout, "policies:\n  - name: \"service accounts\"\n") || !strings.Contains(stderr, "2 new") || strings.Contains(stderr, "stored") {
		t.Fatalf("%d, %s, %s", code, stdout, stderr)
	}
	moved := filepath.Join(filepath.Dir(file), "policies.yaml")
	if err := os.WriteFile(moved, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	runPolicySteps(t, file, []policyStep{
		{args: words("list"), want: []string{"service accounts", "policies.yaml:"}},
		{args: words("import --into=yaml -"), input: privacyIDEA, want: []string{"unchanged  service accounts\n"}},
		{args: words("import --into=yaml -"), input: "[x]\nscope = user\nuser = ['(']", code: 1, want: []string{"refused"}, not: []string{"policies:"}},
		{args: words("set stored --scope=user"), want: []string{"added"}},
		{args: words("import --into=yaml -"), input: "[stored]\nscope = user\npriority = 3\n", want: []string{"changed    stored: priority\n", "note: stored: is in the store too; delete it there"}},
		{args: words("import --into=yaml -n -"), input: privacyIDEA, code: 2, want: []string{"--into=yaml stores nothing"}},
		{args: words("import --into=yaml --replace -"), input: privacyIDEA, code: 2},
	})
}

func TestPolicyJSON(t *testing.T) {
	file := policyConfig(t)
	run := func(v any, want int, input string, args ...string) {
		t.Helper()
		code, out, _ := runLine(t, input, append([]string{"-c", file, "--json", "policy"}, args...)...)
		if err := json.Unmarshal([]byte(out), v); err != nil || code != want {
			t.Fatalf("%q: %d, %v in %s", args, code, err, out)
		}
	}
	var report importReport
	run(&report, 0, everyAttribute, "import", "--dry-run", "-")
	if !report.DryRun || report.Stored || report.New != 2 || report.Notes == nil || report.Policies[1].Reasons == nil || report.Policies[0].Differences == nil {
		t.Errorf("dry run %+v", report)
	}
	run(&report, 0, everyAttribute, "import", "-")
	if report.DryRun || !report.Stored {
		t.Errorf("import %+v", report)
	}
	run(&report, 1, "policies: [{name: full, scope: user, user: ['(']}]", "import", "-")
	if report.Stored || report.Refused != 1 || len(report.Policies[0].Reasons) != 1 || report.Policies[0].Result != importRefused {
		t.Errorf("refused %+v", report)
	}
	run(&report, 0, everyAttribute, "import", "--into=yaml", "-")
	if !strings.HasPrefix(report.YAML, "policies:\n") {
		t.Errorf("yaml %+v", report)
	}
	var list []policyJSON
	run(&list, 0, "", "list", "--scope=webui")
	if list == nil || len(list) != 0 {
		t.Errorf("list %+v", list)
	}
	run(&list, 0, "", "list", "--all")
	if len(list) != 4 {
		t.Errorf("list %+v", list)
	}
	var p shownPolicyJSON
	run(&p, 0, "", "show", "full")
	if p.Action["passOnNoToken"] != true || p.Action["otppin"] != "'none'" || len(p.Client) != 3 || p.Conditions[0].Missing != "false" || p.Conditions[1].Active ||
		p.Conditions[1].Missing != "error" || !p.CheckAllResolvers || p.Origin != "store" || len(p.Warnings) == 0 {
		t.Errorf("show %+v", p)
	}
	run(&p, 0, "", "set", "full", "--priority=9")
	if p.Priority != 9 || p.Time == "" {
		t.Errorf("set %+v", p)
	}
	run(&p, 0, "", "enable", "full")
	if !p.Active {
		t.Errorf("enable %+v", p)
	}
	run(&p, 0, "", "disable", "full")
	if p.Active {
		t.Errorf("disable %+v", p)
	}
	var deleted struct{ Deleted string }
	run(&deleted, 0, "", "delete", "full")
	if deleted.Deleted != "full" {
		t.Errorf("delete %+v", deleted)
	}
}

// TestPolicyImportPage: the report of the migration page is what is printed.
func TestPolicyImportPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies/privacyidea.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) string {
		blocks := regexp.MustCompile("(?s)```"+kind+"\n(.*?)```").FindAllStringSubmatch(string(page), -1)
		if len(blocks) == 0 {
			t.Fatalf("the page has no %s", kind)
		}
		return blocks[len(blocks)-1][1]
	}
	runPolicySteps(t, policyConfig(t), []policyStep{{args: words("import --dry-run -"), input: block("ini"), want: []string{block("text")}}})
}
