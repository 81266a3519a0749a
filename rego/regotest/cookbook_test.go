package regotest_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

const cookbook = "../../examples/cookbook"

// TestCookbook: the policies that we show load without a warning, and their tests
// pass.
func TestCookbook(t *testing.T) {
	report, err := regotest.Run(t.Context(), cookbook, regotest.Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range report.Warnings {
		t.Errorf("warning: %s", w)
	}
	for _, r := range report.Tests {
		if r.Verdict != regotest.Passed {
			t.Errorf("%s:%d: %s: %s %v %+v %q", r.File, r.Line, r.Name, r.Verdict, r.Error, r.Failure, r.Output)
		}
	}
	for _, f := range report.Coverage.Files {
		if len(f.Missing) > 0 {
			t.Errorf("%s: %v %v", f.File, f.Percent, f.Missing)
		}
	}
	t.Log(report.Took, len(report.Tests), report.Coverage.Percent)
}
