package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const gatePolicy = `package sallyport.policies.gate

default allow := false

allow if input.request.user.username == "alice"

allow if input.request.user.is_superuser
`

func TestPolicyTest(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{
		"good/gate.rego":  gatePolicy,
		"good/users.yaml": "users: [{username: alice}, {username: bob}]\n",
		"good/gate_test.rego": `package sallyport.test.gate

test_alice if test.decide("gate", test.login("alice", {})).passing

test_bob if not test.decide("gate", test.login("bob", {})).passing

todo_test_carol if false
`,
		"bad/gate.rego":  gatePolicy,
		"bad/users.yaml": "users: [{username: alice}]\n",
		"bad/gate_test.rego": `package sallyport.test.gate

test_alice if {
	r := test.decide("gate", test.login("alice", {}))
	print("passing is", r.passing)
	r.messages == ["Welcome."]
}

test_typo if test.decide("gate", test.login("alice", {"client_pi": "10.0.0.1"})).passing
`,
		"broken/gate.rego":       strings.Replace(gatePolicy, "default", "# default", 1),
		"broken/gate_test.rego":  "package sallyport.test.gate\n\ntest_x if true\n",
		"helper/gate.rego":       strings.Replace(gatePolicy, `"alice"`, `test.login("alice", {}).request.user.username`, 1),
		"fixture/gate.rego":      gatePolicy,
		"fixture/users.yaml":     "users:\n  - {username: alice, gropus: [staff]}\n",
		"fixture/gate_test.rego": "package sallyport.test.gate\n\ntest_x if true\n",
		"untested/gate.rego":     gatePolicy,
		"syntax/gate.rego":       gatePolicy,
		"syntax/gate_test.rego":  "package sallyport.test.gate\n\ntest_x if http.send({})\n",
	})
	in := func(name string, options ...string) []string {
		return append([]string{"test", filepath.Join(dir, name)}, options...)
	}
	runPolicySteps(t, "none.yaml", []policyStep{
		{args: in("good"), want: []string{"gate_test.rego\n  PASS  test_alice (", "PASS  test_bob (", "SKIP  todo_test_carol", "ok  passed: 2, failed: 0, skipped: 1, in "}, not: []string{"coverage"}},
		{args: in("good", "--coverage"), want: []string{"coverage 75.0 %\n   75.0 %  ", "gate.rego, without line 7\n"}},
		{args: in("good", "--run", `gate\.test_a`), want: []string{"passed: 1, failed: 0"}, not: []string{"test_bob"}},
		{args: in("good", "--run", "nothing"), code: 3, want: []string{`there are no tests whose names fit "nothing"`}},
		{args: in("good", "--run", "("), code: 2, want: []string{"--run: "}},
		{args: in("good", "--fixture", filepath.Join(dir, "bad/users.yaml")), code: 4, want: []string{`the fixture has no user "bob"`, "ERROR test_bob"}},
		{args: in("good", "--fixture", "none.yaml"), code: 3, want: []string{"none.yaml"}},
		{args: in("bad"), code: 4, want: []string{
			"FAIL  test_alice (", "gate_test.rego:6: r.messages == [\"Welcome.\"]\n", `r is {"error": "",`, "| passing is true\n",
			"ERROR test_typo (", `test.login: the input has no client_pi, did you mean "client_ip"?`, "FAIL  passed: 0, failed: 2, skipped: 0",
		}},
		{args: in("broken"), code: 3, want: []string{"gate.rego:1:1: policy gate has no default for allow"}},
		{args: in("helper"), code: 3, want: []string{"gate.rego:5:", "test.login"}},
		{args: in("fixture"), code: 3, want: []string{`users.yaml:2:23: users[0].gropus: unknown key, did you mean "groups"?`}},
		{args: in("untested"), code: 3, want: []string{"there are no tests: they are rules test_"}},
		{args: in("syntax"), code: 3, want: []string{"gate_test.rego:3:", "undefined function http.send"}},
		{args: in("none"), code: 3},
		{args: []string{"test"}, code: 2},
	})
	code, stdout, stderr := runLine(t, "", append([]string{"policy", "--json"}, in("bad", "--coverage")...)...)
	var report testReportJSON
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 4 || stderr != "" {
		t.Fatalf("%v, %d, %s%s", err, code, stdout, stderr)
	}
	if report.OK || report.Failed != 2 || len(report.Tests) != 2 || report.Coverage == nil || report.Tests[0].Failure == nil ||
		report.Tests[0].Output[0] != "passing is true" || report.Tests[1].Result != "error" {
		t.Errorf("%+v", report)
	}
}

func TestRanges(t *testing.T) {
	for want, numbers := range map[string][]int{"": nil, "3": {3}, "3, 7-9, 11": {3, 7, 8, 9, 11}, "1-2": {1, 2}} {
		if got := ranges(numbers); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}
