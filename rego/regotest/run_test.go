package regotest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory writes a directory of policies.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const world = people + `dns: {home.example: [198.51.100.7]}
requests: {"https://h.example/": {json: {days: 3}}}
plugins:
  calendar.holiday: false
  calendar.days: [{args: [DE, 2026], result: 9}, {args: [AT, 2026], result: 13}]
scoped: {night: true}
`

const everything = `package sallyport.policies.everything

default allow := false

allow if {
	input.context.case == "dns"
	"198.51.100.7" in resolve_dns("home.example", 4)
	resolve_dns("none.example", 0) == []
	reverse_dns("198.51.100.7") == "home.example"
}

allow if {
	input.context.case == "web"
	requests.get("https://h.example/", {}).json.days == 3
}

allow if {
	input.context.case == "web nobody knows"
	requests.get("https://other.example/", {}).status == 200
}

allow if {
	input.context.case == "plugin"
	not plugin.calendar.holiday(input.now.rfc3339)
	plugin.calendar.days("AT", 2026) == 13
}

allow if {
	input.context.case == "plugin with other arguments"
	plugin.calendar.days("CH", 2026) == 13
}

allow if {
	input.context.case == "plugin nobody knows"
	plugin.weather.sunny("AT")
}

allow if {
	input.context.case == "scoped"
	ak_call_policy("night", {}).passing
}

allow if {
	input.context.case == "data"
	data.sites.oslo.open
}

allow if {
	input.context.case == "clock"
	time.now_ns() == time.parse_rfc3339_ns("2026-11-25T10:30:00+01:00") # sallyport: ignore time-now
}

allow if {
	input.context.case == "group"
	ak_is_group_member(input.request.user, {"attributes__vlan": "10"})
	ak_user_by({"email": "alice@corp.example"}).username == "alice"
}

messages contains {"text": "for the audit", "audience": "audit"} if input.context.case == "web"

called := ak_call_policy("inner", {"x": 1})

raw_result := called.raw_result if input.context.case == "call"

allow if {
	input.context.case == "call"
	ak_logger.info("asked", {"x": 1})
	print("printed", called.passing)
	called.passing
}
`

const everythingTest = `package sallyport.test.everything

run(case) := test.decide("everything", test.login("alice", {"context": {"case": case}}))

test_dns if run("dns").passing

test_web if {
	r := run("web")
	r.passing
	r.notes == ["for the audit"]
	r.messages == []
}

test_web_nobody_knows if {
	r := run("web nobody knows")
	not r.passing
	r.error == "helper_failed"
	contains(r.error_text, "the fixture has no answer for \"https://other.example/\": add it to requests")
}

test_plugin if run("plugin").passing

test_plugin_with_other_arguments if contains(run("plugin with other arguments").error_text, "with the arguments [\"CH\",2026]")

test_plugin_nobody_knows if contains(run("plugin nobody knows").error_text, "the fixture has no answer for weather.sunny: add it to plugins")

test_scoped if run("scoped").passing

test_data if run("data").passing

test_clock if run("clock").passing

test_group if run("group").passing

test_call if {
	r := run("call")
	r.passing
	r.raw_result == {"got": 1}
	r.error == ""
}

test_none if not run("none").passing

test_rule_itself if data.sallyport.policies.inner.allow with input as test.login("alice", {"context": {"x": 1}})

test_helpers_in_a_test if {
	user := test.login("alice", {"request": {"user": {"groups": ["guests"], "authenticators": ["sms"]}}}).request.user
	ak_is_group_member(user, {"dn": "cn=guests"})
	not ak_is_group_member(user, {"name": "staff"})
	ak_is_group_member("alice", {"name": "staff"})
	ak_user_has_authenticator(user, "sms")
	ak_message("nobody hears this")
	time.now_ns() == time.parse_rfc3339_ns("2026-11-25T10:30:00+01:00")
	plugin.calendar.holiday("x") == false
}

test_cases[case] if {
	some case in ["dns", "web"]
	run(case).passing
}
`

func everythingFiles() map[string]string {
	return map[string]string{
		"users.yaml": world, "everything.rego": everything, "sites/data.json": `{"oslo": {"open": true}}`,
		"inner.rego":                     "package sallyport.policies.inner\n\ndefault allow := false\n\nallow if input.context.x == 1\n\nraw_result := {\"got\": input.context.x} if input.context.x != null\n",
		"everything_test.rego":           everythingTest,
		".hidden/x_test.rego":            "not rego",
		"fails/fails_test.rego":          "package sallyport.test.fails\n\ntest_false if {\n\tx := 1\n\tx == 2\n}\n\ntest_call_policy if data.sallyport.policies.everything.called.passing with input as test.login(\"alice\", {})\n",
		"fails/prints_test.rego":         "package sallyport.test.prints\n\ntest_prints if {\n\tr := test.decide(\"everything\", test.login(\"alice\", {\"context\": {\"case\": \"call\"}}))\n\tnot r.passing\n}\n",
		"fails/no_such_policy_test.rego": "package sallyport.test.no_such_policy\n\ntest_x if test.decide(\"evrything\", test.login(\"alice\", {})).passing\n\ntest_input if test.decide(\"inner\", {\"request\": 1}).passing\n",
	}
}

func TestRun(t *testing.T) {
	dir := directory(t, everythingFiles())
	report, err := regotest.Run(t.Context(), dir, regotest.Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	failures := map[string]string{
		"test_false":       "fails_test.rego:5: x == 2; x is 1",
		"test_call_policy": "ak_call_policy: it needs a login",
		"test_prints":      "everything: printed true",
		"test_x":           `there is no expression policy "evrything", did you mean "everything"?`,
		"test_input":       "the input's request is an object, and not a number",
	}
	for i := range report.Tests {
		r := &report.Tests[i]
		text := strings.Join(r.Output, "; ")
		if r.Error != nil {
			text += r.Error.Error()
		}
		if r.Failure != nil {
			text += "; " + filepath.Base(r.Failure.Location) + ": " + r.Failure.Text
			for _, v := range r.Failure.Values {
				text += "; " + v.Name + " is " + v.Text
			}
		}
		want, fails := failures[r.Name]
		if passed := r.Verdict == regotest.Passed; passed == fails || !strings.Contains(text, want) {
			t.Errorf("%s: %s: %s, want %s", r.Name, r.Verdict, text, want)
		}
		if r.Name == "test_prints" && !strings.Contains(text, `everything: asked ({"x":1})`) {
			t.Errorf("what the policy logs is not in %q", text)
		}
		if r.Name == "test_cases" && len(r.Cases) != 2 {
			t.Errorf("cases: %+v", r.Cases)
		}
	}
	if report.Failed != len(failures) || report.Passed != len(report.Tests)-len(failures) {
		t.Errorf("%d passed, %d failed", report.Passed, report.Failed)
	}
	// What a test asks by test.decide counts, and so does a rule that it asks itself.
	files := report.Coverage.Files
	if len(files) != 2 || !slices.Equal(files[0].Missing, []int{17, 19, 28, 30, 33}) || !slices.Equal(files[1].Missing, []int{3}) ||
		report.Coverage.Percent <= files[1].Percent || report.Coverage.Percent >= files[0].Percent {
		t.Errorf("coverage: %+v", report.Coverage)
	}
}

func TestRunErrors(t *testing.T) {
	files := everythingFiles()
	dir := directory(t, files)
	for name, tt := range map[string]struct {
		dir     string
		options regotest.Options
		want    string
	}{
		"no directory":                       {filepath.Join(dir, "none"), regotest.Options{}, "none"},
		"no test fits":                       {dir, regotest.Options{Run: regexp.MustCompile("nothing")}, "there are no tests"},
		"a test is no rego":                  {directory(t, map[string]string{"inner.rego": files["inner.rego"], "x_test.rego": "package x\n\ntest_x if {"}), regotest.Options{}, "x_test.rego:3:"},
		"a test has an unknown function":     {directory(t, map[string]string{"inner.rego": files["inner.rego"], "x_test.rego": "package x\n\ntest_x if ak_membr(1)\n"}), regotest.Options{}, "x_test.rego:3:11: undefined function ak_membr"},
		"a policy calls a function of tests": {directory(t, map[string]string{"p.rego": "package sallyport.policies.p\n\ndefault allow := false\n\nallow if test.decide(\"p\", input).passing\n"}), regotest.Options{}, "test.decide: tests alone have it"},
	} {
		if _, err := regotest.Run(t.Context(), tt.dir, tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	if _, err := regotest.Run(t.Context(), dir, regotest.Options{Run: regexp.MustCompile("nothing")}); !errors.Is(err, regotest.ErrNoTests) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := regotest.Run(ctx, dir, regotest.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
