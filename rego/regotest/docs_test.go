package regotest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

const page = "../../docs/policies/testing.md"

var (
	fileBlock = regexp.MustCompile("(?s)\n`([a-z_.]+)`:\n\n```[a-z]+\n(.*?)```\n")
	yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(dns:.*?)```\n")
	keyRow    = regexp.MustCompile("(?m)^\\| `([a-z_]+)`[^|]* \\|")
)

// TestPage: the policy, the tests and the fixture of the page work as they are, and
// so do its other examples.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, m := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		files[m[1]] = m[2]
	}
	if len(files) != 4 {
		t.Fatalf("%d files on the page", len(files))
	}
	report, err := regotest.Run(t.Context(), directory(t, files), regotest.Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed != 5 || report.Failed > 0 || len(report.Warnings) > 0 || report.Coverage.Percent < 100 {
		t.Errorf("%+v, %+v", report, report.Coverage)
	}

	more := yamlBlock.FindStringSubmatch(string(text))
	if more == nil {
		t.Fatal("the page has no second fixture")
	}
	fixture(t, more[1])

	_, example, _ := strings.Cut(string(text), "```rego\ntest.login(")
	example, _, _ = strings.Cut(example, "```")
	files["example_test.rego"] = "package example\n\ntest_example if test.decide(\"contractors\", test.login(" + example + ").passing\n"
	failing := regexp.MustCompile(`(?m)^test_calendar_down if .*$`).FindString(string(text))
	files["users.yaml"] = strings.Replace(files["users.yaml"], "calendar.is_holiday: false", "calendar.other: false", 1)
	files["failing_test.rego"] = "package failing\n\n" + failing + "\n"
	files["contractors_test.rego"], files["parts_test.rego"] = "package none\n", "package none\n"
	if report, err = regotest.Run(t.Context(), directory(t, files), regotest.Options{}); err != nil || report.Passed != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestPageNamesAll: the tables of the page have all keys of fixtures and results.
func TestPageNamesAll(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range keyRow.FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = true
	}
	for _, key := range []string{
		"clock", "time_zone", "users", "groups", "dns", "requests", "plugins", "scoped",
		"passing", "messages", "raw_result", "events", "error",
	} {
		if !rows[key] {
			t.Errorf("the page does not tell about %s", key)
		}
	}
}
