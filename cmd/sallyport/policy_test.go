package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// policyConfig writes a configuration with a store, a file of policies and a
// binding, and returns its name.
func policyConfig(t *testing.T, settings ...string) string {
	t.Helper()
	dir := t.TempDir()
	plugins := "plugins: {directory: helpers, allow: [{name: geo}, {name: h}]}\n"
	if strings.Contains(strings.Join(settings, ""), "plugins:") {
		plugins = ""
	}
	for name, text := range map[string]string{
		"sallyport.yaml": "store: sqlite:./users.db\n" +
			"realms: {example: {default: true, directories: [local]}, corp: {directories: [local, other]}}\n" +
			"directories: {local: {type: local}, other: {type: local}}\n" +
			"login: {time_zone: Europe/Berlin}\n" + plugins +
			"policies: {scoped: [policies.yaml]" + strings.Join(settings, "") + "}\n",
		"policies.yaml": "policies:\n" +
			"  - name: gate\n    scope: authorization\n    action: {authorized: deny_access}\n    user: [dave]\n" +
			"  - {name: asleep, scope: user, active: false, action: {enable: true, disable: true}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "sallyport.yaml")
}

// policyStep is one "sallyport policy" command.
type policyStep struct {
	args  []string
	input string
	code  int
	want  []string // in what it prints
	not   []string // what it must not print
}

func runPolicySteps(t *testing.T, file string, steps []policyStep) {
	t.Helper()
	for _, s := range steps {
		code, stdout, stderr := runLine(t, s.input, append([]string{"-c", file, "policy"}, s.args...)...)
		out := stdout + stderr
		if code != s.code {
			t.Errorf("%q: exit code %d, want %d, printed %q", s.args, code, s.code, out)
			continue
		}
		for _, want := range s.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q: %q does not say %q", s.args, out, want)
			}
		}
		for _, not := range s.not {
			if strings.Contains(out, not) {
				t.Errorf("%q: %q says %q", s.args, out, not)
			}
		}
	}
}

func words(text string) []string { return strings.Fields(text) }

func TestPolicyCommands(t *testing.T) {
	file := policyConfig(t)
	gate := filepath.Join(filepath.Dir(file), "policies.yaml") + ":2"
	inFile := `policy "gate": it comes from a file, ` + gate + ": change it there"
	runPolicySteps(t, file, []policyStep{
		{args: words("list"), want: []string{"NAME  SCOPE ", "gate  authorization  1         yes     authorized=deny_access  " + gate, "1 more is not active; --all"}},
		{args: words("list --all"), want: []string{"asleep  user           1         no      disable, enable"}},
		{args: words("list --scope webui"), want: []string{"no such policies"}},
		{args: words("show gate"), want: []string{"user                   dave\n", "from                   " + gate}},
		{args: words("show none"), code: 1, want: []string{`no such policy "none"; "sallyport policy list --all" shows them`}},
	})
	// What is refused makes no store.
	runPolicySteps(t, file, []policyStep{
		{args: words("enable none"), code: 1, want: []string{`no such policy "none"`}},
		{args: words("disable gate"), code: 1, want: []string{inFile}},
		{args: words("delete gate"), code: 1, want: []string{inFile}},
		{args: words("set gate --priority 2"), code: 1, want: []string{inFile}},
		{args: words("set x --priority 2"), code: 1, want: []string{`add policy "x": it has no scope`}},
		{args: words("import -"), input: "policies: [{name: gate, scope: user}]", code: 1, want: []string{"refused    gate\n", "it comes from a file, " + gate + ", and differs there", "nothing was stored"}},
	})
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 2 {
		t.Fatalf("files %v, %v", entries, err)
	}
	runPolicySteps(t, file, []policyStep{
		{
			args: []string{
				"set", "night", "--scope=authentication", "--action", "otppin=userstore, passOnNoToken", "--realm", "corp,lab-[a-z]{2,4}", "--realm=sea", "--user=*,-root",
				"--client", "10.0.0.0/8, -10.9.0.0/16", "--client=2001:db8::/32", "--time", "Mon-Sun:22-6", "--priority=3", "--description=The night shift.", "--resolver=local", "--check-all-resolvers",
				"--user-case-insensitive", "--pinode", "a,b", "--user-agent=cli", "--condition", "userinfo groups contains night shift", "--condition", `{section: "ldap:tls", comparator: equals, value: "1.3", missing: "false"}`,
			},
			want: []string{`added policy "night"; a running server takes it over within a second or two`},
		},
		{args: words("show night"), want: []string{
			"description            The night shift.\n", "action                 otppin=userstore\naction                 passOnNoToken\n",
			"realm                  corp, lab-[a-z]{2,4}, sea\n", "user                   *, -root\n", "client                 10.0.0.0/8, -10.9.0.0/16, 2001:db8::/32\n",
			"check_all_resolvers    yes\n", "user_case_insensitive  yes\n", "pinode                 a, b\n", "user_agents            cli\n", "time                   Mon-Sun:22-6\n", "priority               3\n",
			"condition              userinfo groups contains \"night shift\"\n", "condition              ldap:tls equals \"1.3\", false when it is missing\n", "from                   store\n",
		}},
		{args: []string{"set", "night", "--time=", "--client", "", "--condition=", "--no-check-all-resolvers", "--inactive", "--action="}, want: []string{`changed policy "night"`, "warning: policy \"night\": scope authentication: no policy is active"}},
		{args: words("show night"), want: []string{"time                   -\n", "client                 -\n", "check_all_resolvers    no\n", "user_case_insensitive  yes\n", "active                 no\n", "action                 (every action)\n", "realm                  corp, lab"}, not: []string{"condition"}},
		{args: words("enable night"), want: []string{`enabled policy "night"; a running server`}},
		{args: words("show night"), want: []string{"active                 yes\n", "user_case_insensitive  yes\n"}},
		{args: words("disable night"), want: []string{`disabled policy "night"; a running server`}},
		{args: words("set night --active"), want: []string{"changed"}},
		{args: words("delete night"), want: []string{`deleted policy "night"; a running server`}},
		{args: words("delete night"), code: 1, want: []string{`no such policy "night"`}},
	})
}

func TestPolicySetRefuses(t *testing.T) {
	file := policyConfig(t)
	set := func(args ...string) []string { return append([]string{"set", "p", "--scope=authentication"}, args...) }
	runPolicySteps(t, file, []policyStep{
		{args: words("set p --scope=authentication --action=otppin=none"), want: []string{"added"}},
		{args: words("set"), code: 2, want: []string{"name the policy, or give policies by --file"}},
		{args: words("set p"), code: 2, want: []string{`nothing is said about policy "p"`}},
		{args: words("set p --file x.yaml"), code: 2, want: []string{"--file brings whole policies"}},
		{args: words("set --scope user --file x.yaml"), code: 2, want: []string{"--file brings whole policies"}},
		{args: set("--active", "--inactive"), code: 2, want: []string{"can't be used together"}},
		{args: set("--priority=x"), code: 2},
		{args: set("--action=a = b"), code: 2, want: []string{"--action", "blanks around the equals sign"}},
		{args: set("--condition=userinfo groups"), code: 2, want: []string{"section, key, comparator, value"}},
		{args: set("--condition={section: userinfo, colour: red}"), code: 2, want: []string{"condition:1:", "colour"}},
		{args: set("--condition=nowhere key equals x"), code: 1, want: []string{`there is no section "nowhere"`}},
		{args: set("--condition=userinfo key resembles x"), code: 1, want: []string{"resembles"}},
		{args: set("--priority=0"), code: 1, want: []string{"priority 0: the best one is 1"}},
		{args: set("--client=300.1.1.1"), code: 1, want: []string{"is no address"}},
		{args: set("--user=a(?<=b)"), code: 1, want: []string{`policy "p": user`}},
		{args: set("--time=Fri:26-27"), code: 1, want: []string{`policy "p": time`}},
		{args: set("--action=otppin=sesame"), code: 1, want: []string{`policy "p": action otppin`}},
		{args: set("--action=otppin=none,otpin=none"), want: []string{`warning: policy "p": action: scope authentication has no action "otpin"`}},
		{args: words("set " + strings.Repeat("n", 65) + " --scope=user"), code: 1, want: []string{"65 octets, at most 64"}},
		{args: []string{"set", "a\x1b[2Jb", "--scope=user"}, code: 1, want: []string{"has a control character"}, not: []string{"\x1b"}},
		{args: words("show p"), want: []string{"action                 otppin=none\naction                 otpin=none\n"}},
	})
}

func TestPolicySetFile(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{
		{args: words("set --file -"), input: "name: one\nscope: user\naction: {enable: true}\npriority: 4\n", want: []string{`added policy "one"`, "a running server"}},
		{args: words("set --file -"), input: `[{"name": "one", "scope": "user", "action": {"disable": true}}, {"name": "two", "scope": "user"}]`, want: []string{`changed policy "one"`, `added policy "two"`}},
		{args: words("show one"), want: []string{"action                 disable\n", "priority               1\n"}}, // whole, with defaults
		{args: words("set --file -"), input: "{name: two, scope: user}", want: []string{`policy "two" was so already`}},
		{args: words("set --file -"), input: "[{name: three, scope: user}, {name: two, scope: user, user: ['(']}]", code: 1, want: []string{`policy "two": user`, "nothing was stored"}},
		{args: words("set --file -"), input: "{name: four, scope: user, usr: [x]}", code: 1, want: []string{"attribute usr is not known", "nothing was stored"}},
		{args: words("set --file -"), input: "policies: [{name: four, scope: user, usr: [x]}]", code: 1, want: []string{"standard input:1:", "usr"}},
		{args: words("set --file -"), input: "policies: []", code: 1, want: []string{"there are none in it"}},
		{args: words("set --file -"), input: "", code: 1},
		{args: words("set --file -"), input: "{name: gate, scope: user}", code: 1, want: []string{`policy "gate": it comes from a file`}},
		{args: words("set --file /nonexistent"), code: 1, want: []string{"read policies: open /nonexistent"}},
		{args: words("list --all"), not: []string{"three", "four"}},
	})
	code, out, _ := runLine(t, "{name: two, scope: user, priority: 9}", "-c", file, "--json", "policy", "set", "--file=-")
	var list []shownPolicyJSON
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != 1 || list[0].Priority != 9 || list[0].Warnings == nil {
		t.Errorf("%d, %v, %s", code, err, out)
	}
}

func TestPolicyBound(t *testing.T) {
	file := policyConfig(t)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("applications: {vpn: {radius: {clients: [127.0.0.1/32], secret: a-long-shared-secret}, policies: {bindings: [{scoped: bound}]}}}\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	bound := []string{`policy "bound" cannot be deleted: ` + file, "applications.vpn.policies.bindings[0]: asks for it"}
	runPolicySteps(t, file, []policyStep{
		{args: words("set bound --scope=user"), want: []string{"added"}},
		{args: words("delete bound"), code: 1, want: bound},
		{args: words("import --replace -"), input: "policies: [{name: other, scope: user}]", code: 1, want: bound},
		{args: words("disable bound"), want: []string{"disabled"}},
		{args: words("list --all"), want: []string{"bound"}, not: []string{"other"}},
	})
}

// TestPolicyPlugins: an active policy that calls a helper of a program that is
// not allowed is refused, and one that was stored before blocks no other change.
func TestPolicyPlugins(t *testing.T) {
	file := policyConfig(t)
	refused := []string{`policy "where": conditions: member 1 calls site.country, and plugins.allow of the configuration does not name the helper program "site"`}
	warned := append([]string{"warning: "}, refused...)
	const active = "policies: [{name: where, scope: user, conditions: [{section: helper, key: site.country, comparator: equals, value: SE}]}]"
	inactive := strings.Replace(active, "scope: user", "scope: user, active: false", 1)
	condition := "--condition=helper site.country equals SE"
	runPolicySteps(t, file, []policyStep{
		{args: []string{"set", "where", "--scope=user", condition}, code: 1, want: refused},
		{args: words("set --file -"), input: active, code: 1, want: refused},
		{args: words("import -"), input: active, code: 1, want: refused},
		{args: words("import -n -"), input: active, code: 1, want: refused},
		{args: words("list --all"), not: []string{"where"}},
		{args: words("import -n -"), input: inactive, want: warned},
		{args: words("import -"), input: inactive, want: append(warned, "stored;")},
		{args: words("enable where"), code: 1, want: refused},
		{args: words("set where --priority=2"), want: append(warned, "changed")},
		{args: words("set other --scope=user"), want: []string{"added"}, not: refused},
	})
	storedText(t, file, `UPDATE policies SET text = replace(text, '"active":false', '"active":true') WHERE name = 'where'`)
	runPolicySteps(t, file, []policyStep{
		{args: words("set other --priority=3"), want: []string{"changed"}, not: refused},
		{args: words("disable where"), want: append(warned, "disabled")},
		{args: words("delete where"), want: []string{"deleted"}, not: refused},
	})
}

// TestPolicyUnreadable: a stored policy of a newer Sallyport can be seen and
// deleted, and does not hinder other changes.
func TestPolicyUnreadable(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{{args: words("set newer --scope=user"), want: []string{"added"}}})
	makeNewer := func() { storedText(t, file, `UPDATE policies SET text = '{"name":"newer","phase":"x"}'`) }
	makeNewer()
	reason := `warning: stored policy "newer": json: unknown field "phase"; was it written by a newer Sallyport? until it is deleted`
	runPolicySteps(t, file, []policyStep{
		{args: words("list --scope authorization"), want: []string{"gate ", "newer  -              -         -       -                       store, unreadable\n", reason}},
		{args: words("--json list"), want: []string{`"origin": "store, unreadable"`, reason}},
		{args: words("show gate"), code: 1, want: []string{`stored policy "newer"`}},
		{args: words("enable newer"), code: 1, want: []string{`stored policy "newer"`, "delete it, or set it as a whole by --file"}},
		{args: words("set newer --priority=2"), code: 1, want: []string{"delete it, or set it as a whole by --file"}},
		{args: words("set other --scope=user"), want: []string{"added", reason}},
		{args: words("import -n -"), input: "policies: [{name: third, scope: user}]", want: []string{"1 new", "dry run"}},
		{args: words("delete other"), want: []string{"deleted", reason}},
		{args: words("delete newer"), want: []string{"deleted"}, not: []string{"warning"}},
		{args: words("set newer --scope=user"), want: []string{"added"}, not: []string{"warning"}},
	})
	makeNewer()
	runPolicySteps(t, file, []policyStep{
		{args: words("set --file=-"), input: "{name: newer, scope: user}", want: []string{"changed"}, not: []string{"warning"}},
		{args: words("show newer"), want: []string{"from                   store\n"}},
	})
}

// storedText changes the store behind its back.
func storedText(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(file), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// TestPolicyMovedIntoFile: a stored policy that a file has got too can be deleted,
// and nothing else changed before that.
func TestPolicyMovedIntoFile(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{
		{args: words("set moved --scope=user"), want: []string{"added"}},
		{args: words("set extra --scope=user"), want: []string{"added"}},
	})
	policies := filepath.Join(filepath.Dir(file), "policies.yaml")
	if err := os.WriteFile(policies, []byte("policies: [{name: moved, scope: user}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runPolicySteps(t, file, []policyStep{
		{args: words("list"), code: exitConfig, want: []string{"moved"}},
		{args: words("set other --scope=user"), code: 1, want: []string{`policy "moved": it comes from a file`}},
		{args: words("disable moved"), code: 1, want: []string{`policy "moved": it comes from a file`}},
		{args: words("delete extra"), want: []string{"deleted", "warning: what is stored still does not load: ", "names are unique over files and store"}},
		{args: words("delete moved"), want: []string{"deleted"}, not: []string{"warning"}},
		{args: words("list"), want: []string{"moved", "policies.yaml:1"}},
	})
	if err := os.WriteFile(policies, []byte("policies: [{name: moved}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"list", "show moved", "match --scope=user", "export", "set x --scope=user", "delete moved", "import -n -"} {
		runPolicySteps(t, file, []policyStep{{args: words(args), input: "{name: x, scope: user}", code: exitConfig, want: []string{"policies.yaml:1:"}}})
	}
}

// TestPolicyOldStore: looking at policies does not bring the schema up to date.
func TestPolicyOldStore(t *testing.T) {
	file := policyConfig(t)
	runPolicySteps(t, file, []policyStep{{args: words("set p --scope=user")}})
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(file), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	runPolicySteps(t, file, []policyStep{{args: words("list"), code: 1, want: []string{"; start the server, which brings it up to date"}}})
}

// TestPolicyCompat: with these semantics too, what is not mentioned stays.
func TestPolicyCompat(t *testing.T) {
	file := policyConfig(t, ", semantics: compat")
	runPolicySteps(t, file, []policyStep{
		{args: words("set p --scope=authentication --user=svc|root --inactive --check-all-resolvers --user-case-insensitive"), want: []string{"added", `warning: policy "p": user: "svc|root" is only half anchored`}},
		{args: words("set p --priority=7"), want: []string{"changed"}},
		{args: words("show p"), want: []string{"active                 no\n", "priority               7\n", "check_all_resolvers    yes\n", "user_case_insensitive  yes\n", "action                 (every action)\n"}},
		{args: words("enable p"), want: []string{"enabled"}},
		{args: words("show p"), want: []string{"active                 yes\n", "check_all_resolvers    yes\n"}},
		{args: words("import -n -"), input: "[q]\nscope = user\nuser = ['(']\n", want: []string{"new        q\n"}}, // hardened would refuse it
	})
}

// TestPolicyOnScreen: what stands in files does not reach the terminal as it is.
func TestPolicyOnScreen(t *testing.T) {
	file := policyConfig(t)
	evil := `"\x1b]0;owned\a\u202e\u009b"`
	text := "policies:\n  - {name: evil, description: " + evil + ", scope: user, action: {enable: " + evil + "}, user: [" + evil + "]}\n"
	policies := filepath.Join(filepath.Dir(file), "policies.yaml")
	if err := os.WriteFile(policies, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other := `{"policy": [{"name": "\u001b[2Jx", "scope": "user", "user": ["\u001b[2J("], "\u001b[2Jcolour": 1}], "\u001b[2J": 2}`
	for _, s := range []policyStep{
		{args: words("list")},
		{args: words("show evil")},
		{args: words("match --scope=user --action=enable --user=\x1b[2J"), code: 1},
		{args: words("match --scope=user --action=enable")},
		{args: words("import -"), input: other, code: 1, want: []string{"refused"}},
		{args: words("import -"), input: `{"policy": [{"name": "\u001b[2Jx", "active": "\u001b"}]}`, code: 1},
		{args: words("import -"), input: "\x1b[2J = x", code: 1},
		{args: words("export")},
		{args: words("export --format=text")},
		{args: words("set --file=-"), input: other, code: 1},
	} {
		s.not = []string{"\x1b", "\a", "\u202e", "\u009b"}
		runPolicySteps(t, file, []policyStep{s})
	}
}
