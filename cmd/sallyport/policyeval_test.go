package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// expressionConfig writes a configuration with expression policies and users.
func expressionConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{
		"sallyport.yaml": `store: sqlite:sallyport.db
realms: {corp: {default: true, directories: [local]}}
directories: {local: {type: local, seed: users.csv, argon2: {memory: 64, iterations: 1}}}
login: {time_zone: Europe/Berlin}
applications:
  vpn:
    radius: {clients: [127.0.0.1], secret: a-secret-of-the-tests}
    policies:
      bindings:
        - {group: staff, stage: admission}
        - {policy: hours}
        - {policy: broken, dry_run: true}
        - {user: bob, enabled: false}
  wiki: {ldap: {base_dn: dc=wiki}, policies: {bindings: [{policy: hours, negate: true}]}}
policies: {expressions: rego}
`,
		"users.csv": "login,password,groups\nalice,alice-pw,staff\nbob,bob-pw,contractors\n",
		"rego/hours.rego": `package sallyport.policies.hours

default allow := false

allow if ak_is_group_member(input.request.user, {"name": "staff"})

allow if {
	input.now.hour >= 8
	input.radius.nas_identifier == "gw"
	ak_create_event("guest", {"who": input.request.user.username, "password": "hunter2"})
}

messages contains "Not now." if not allow
`,
		"rego/broken.rego": "package sallyport.policies.broken\n\ndefault allow := false\n\nallow if ip_in_network(input.request.user.username, \"10.0.0.0/8\")\n",
	})
	return filepath.Join(dir, "sallyport.yaml")
}

func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPolicyEval(t *testing.T) {
	file := expressionConfig(t)
	at := func(line string) string { return filepath.Join(filepath.Dir(file), "rego/hours.rego") + ":" + line }
	runPolicySteps(t, file, []policyStep{
		{
			args: words("eval hours --user alice --application vpn --client 192.0.2.7 --time 2026-01-31T07:00"),
			want: []string{
				"login of alice to vpn over radius from 192.0.2.7, Sat 2026-01-31 07:00:00 CET\npolicy hours passes (", "because of " + at("5:1") + ": allow if ak_is_group_member",
				`{"name":"staff"}) = true (` + at("5:10"), "looked at: input.", "can look at: input.now.hour, input.radius.nas_identifier, input.request.user.groups", "its results are not kept: it calls ak_create_event",
			},
			not: []string{"Not now."},
		},
		{args: words("eval hours --user BOB@corp --application vpn --time 2026-01-31T07:00"), code: 1, want: []string{"policy hours refuses", "because of " + at("3:1") + ": default allow := false", "tells the user: Not now."}},
		{
			args: words("eval hours --user bob --application vpn --time 2026-01-31T09:00 --set radius.nas_identifier=gw"),
			want: []string{"event, not written: custom_guest", `"who":"bob"`, "passes"}, not: []string{"hunter2"},
		},
		{args: words("eval hours --user bob --application vpn --set request.user.groups=[\"staff\"]"), want: []string{"passes"}},
		{args: words("eval hours --user bob --application vpn --set now.huor=9"), code: 2, want: []string{`the input has no now.huor, did you mean "hour"?`}},
		{args: words("eval hours --user bob --application vpn --set x"), code: 2, want: []string{`--set "x": write it as PATH=VALUE`}},
		{args: words("eval broken --user bob --application vpn"), code: 1, want: []string{"policy broken fails", "helper_failed: "}},
		{args: words("eval huors --user bob --application vpn"), code: 2, want: []string{`there is no expression policy "huors", did you mean "hours"?`}},
		{args: words("eval hours --user zed --application vpn"), code: 1, want: []string{`find user "zed" in realm corp: no such user`}},
		{args: words("eval hours --user bob"), code: 2, want: []string{"say by --application which one is meant: vpn, wiki"}},
		{args: words("eval hours --user bob --application vnp"), code: 2, want: []string{`did you mean "vpn"?`}},
		{args: words("eval hours --user bob --application vpn --time soon"), code: 2, want: []string{`--time "soon"`}},
		{args: words("eval hours"), code: 2, want: []string{"say by --user who logs in"}},
		{args: words("eval hours --user bob --input -"), code: 2},
		{args: words("eval hours --input - --client 10.0.0.1"), code: 2, want: []string{"--input is the whole input"}},
		{args: words("eval hours --user bob --fixture x"), code: 2, want: []string{"--fixture belongs to --dir"}},
		{args: words("eval hours --input -"), input: `{"request": {"user": {"username": "x", "groups": ["staff"]}}}`, want: []string{"policy hours passes"}},
		{args: words("eval hours --input -"), input: `{"request": {"usr": {}}}`, code: 2, want: []string{`the input has no request.usr, did you mean "user"?`}},
		{args: words("eval hours --input -"), input: `[]`, code: 2, want: []string{"it must be an object in JSON"}},
		{args: words("eval hours --input none.json"), code: 2, want: []string{"none.json"}},
	})
}

func TestPolicyEvalInDirectory(t *testing.T) {
	dir := "../../examples/cookbook"
	runPolicySteps(t, "none.yaml", []policyStep{
		{args: words("eval watched_network --user alice --client 203.0.113.5 --dir " + dir), want: []string{"passes", "event, not written: custom_watched_network"}},
		{args: words("eval app_access --user heidi --client 10.1.1.1 --dir " + dir), code: 1, want: []string{"tells the user: You have 1 of 2", "secure_access: owned is 1"}},
		{args: words("eval ldap_only --user alice --protocol ldap --set ldap.tls=1.3 --dir " + dir), code: 2, want: []string{"ldap.tls is 1.3: it must be a string"}},
		{args: append(words("eval ldap_only --user alice --protocol ldap --dir "+dir+" --set"), `ldap.tls="1.3"`), want: []string{"passes"}},
		{args: words("eval lan_only --user alice --application door --peer 10.1.1.1 --time 2026-01-31T08:00 --dir " + dir), code: 1, want: []string{"to door over radius from 192.0.2.10, Sat 2026-01-31 08:00:00"}},
		{args: words("eval active_only --user alixe --dir " + dir), code: 2, want: []string{`the fixture has no user "alixe", did you mean "alice"?`}},
		{args: words("eval active_only --input - --dir " + dir), input: `{"request": {"user": {"username": "x", "is_active": false}}}`, code: 1, want: []string{"This account is switched off."}},
		{args: words("eval active_only --user alice --dir none"), code: 3},
		{args: words("eval active_only --user alice --fixture none --dir " + dir), code: 3},
	})
}

func TestPolicyExplain(t *testing.T) {
	file := expressionConfig(t)
	runPolicySteps(t, file, []policyStep{
		{
			args: words("explain --user alice --application vpn"),
			want: []string{
				": allowed\nstage admission: allowed by group staff\n  group staff passes", "stage access: allowed by policy hours\n  policy hours passes", "    because of ", "hours.rego:5:1: allow if",
				"policy broken would have said refuses, but only tries (dry_run)", "helper_failed: ", "  user bob: not enabled\n",
			},
		},
		{args: words("explain --user bob --application vpn"), code: 1, want: []string{": refused\nstage admission: refused by group staff", "stage access: refused by policy hours", "hours.rego:3:1: default allow := false", "tells the user: Not now."}},
		{args: words("explain --user alice --application wiki"), code: 1, want: []string{"to wiki over ldap", "stage admission: allowed, as it has no bindings", "policy hours refuses, which negates that the policy passes", "hours.rego:5:1: allow if"}},
		{args: words("explain --user bob --application vpn --time 2026-01-31T09:00 --set radius.nas_identifier=gw"), code: 1, want: []string{"stage access: allowed by policy hours"}},
		{args: words("explain --user bob --application vpn --set context.min=1"), code: 2, want: []string{"no login has that: ask the policy alone, by policy eval"}},
		{args: words("explain --application vpn"), code: 2, want: []string{"say by --user"}},
	})
	code, stdout, stderr := runLine(t, "", "-c", file, "policy", "explain", "--json", "--user", "alice", "--application", "vpn")
	var report stagesJSON
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 0 || stderr != "" {
		t.Fatalf("%v, %d, %s%s", err, code, stdout, stderr)
	}
	hours := report.Stages[1].Bindings[0]
	if !report.Allowed || !hours.Passing || hours.Explanation.Decided == nil || !strings.HasSuffix(hours.Explanation.Decided.Location, "hours.rego:5:1") {
		t.Errorf("%+v", report)
	}
	if entries, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(entries) != 3 {
		t.Errorf("a store was made: %v, %v", entries, err)
	}
}
