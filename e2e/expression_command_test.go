package e2e

import (
	"strings"
	"testing"
)

const officeHours = `import data.sallyport.lib.calendar

contractor if ak_is_group_member(input.request.user, {"name": "contractors"})

allow if not contractor

allow if calendar.open(input.now)

messages contains "From 8 to 18." if not allow`

// TestPolicyCommands: policy test, eval and explain of the program, with their exit
// codes.
func TestPolicyCommands(t *testing.T) {
	t.Parallel()
	text := expressive(app{"vpn", "bindings: [{group: vpn, message: Members alone.}, {policy: hours}, {policy: near, failure_result: pass}]"}) + athome +
		"login: {time_zone: UTC}\npolicies: {expressions: expressions}\n"
	dir := expressing(t, text, map[string]string{
		"hours.rego":        named("hours", officeHours),
		"lib/calendar.rego": "package sallyport.lib.calendar\n\nopen(now) if {\n\tnow.hour >= 8\n\tnow.hour < 18\n}\n",
		"near.rego":         named("near", `allow if ip_address(input.client_ip).is_private`+"\n\n"+`raw_result := ak_call_policy("hours", {"auth_method": input.context.auth_method, "pin": concat("", ["12", "34"])})`),
		"tests/hours_test.rego": `package sallyport.test.hours

test_day if test.decide("hours", test.login("carol", {"now": {"hour": 8}})).passing

test_evening if test.decide("hours", test.login("carol", {"now": {"hour": 18}})).messages == ["From 8 to 18."]
`,
		"users.yaml": "users:\n  - {username: carol, groups: [contractors]}\n",
	})
	s := startIn(t, dir)
	run := func(code int, args ...string) string {
		t.Helper()
		out, got := s.sallyport("", args...)
		if got != code {
			t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, out)
		}
		return out
	}
	says := func(out string, texts ...string) {
		t.Helper()
		for _, want := range texts {
			if !strings.Contains(out, want) {
				t.Errorf("want %q in\n%s", want, out)
			}
		}
	}
	const policies = "examples/quickstart/expressions"
	says(run(0, "policy", "test", policies), "PASS  test_day", "PASS  test_evening")
	writePolicies(t, dir, map[string]string{"tests/wrong_test.rego": "package sallyport.test.wrong\n\ntest_night if test.decide(\"hours\", test.login(\"carol\", {\"now\": {\"hour\": 3}})).passing\n"})
	says(run(4, "policy", "test", policies), "FAIL  test_night", "wrong_test.rego:3")
	run(0, "policy", "test", policies, "--run", "hours")
	writePolicies(t, dir, map[string]string{"tests/wrong_test.rego": "package sallyport.test.wrong\n\ntest_night if {\n"})
	says(run(3, "policy", "test", policies), "wrong_test.rego:")
	run(3, "policy", "test", "bin")
	run(0, "check") // which leaves the tests alone

	out := run(0, "policy", "explain", "--user", "alice", "--client", "10.1.2.3", "--time", "2026-03-02T07:00")
	says(out, "group vpn", "policy hours", "hours.rego:9:1", "allow if not contractor", "policy near", "near.rego:5:1")
	out = run(1, "policy", "explain", "--user", "robert", "--time", "2026-03-02T07:00", "--set", `request.user.groups=["contractors"]`)
	says(out, "Members alone.", "hours.rego:3:1", "From 8 to 18.")
	if len(s.logins("alice")) > 0 {
		t.Error("an explanation was a login")
	}
	out = run(0, "policy", "eval", "near", "--user", "alice", "--client", "10.1.2.3", "--time", "2026-03-02T07:00")
	says(out, `"is_private":true`, `"auth_method":"password"`, `"pin":"********************"`)
	if strings.Contains(out, "1234") {
		t.Errorf("a PIN is in the explanation:\n%s", out)
	}
}
