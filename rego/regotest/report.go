package regotest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-auth/sallyport/config"
)

// Verdict says how a test came out.
type Verdict string

// The verdicts. A test that is in error could not be evaluated to the end.
const (
	Passed  Verdict = "pass"
	Failed  Verdict = "fail"
	Errored Verdict = "error"
	Skipped Verdict = "skip"
)

// Report is how tests came out.
type Report struct {
	// Tests are in the order of files and lines.
	Tests []Test
	// Passed, Failed and Skipped count them; those in error are failed.
	Passed, Failed, Skipped int
	// Warnings are those of the policies.
	Warnings []config.Warning
	// Coverage is nil when it was not asked for.
	Coverage *Coverage
	Took     time.Duration
}

// Test is one test.
type Test struct {
	// File and Line say where it is, Package (data.…) and Name which it is.
	File          string
	Line          int
	Package, Name string
	Verdict       Verdict
	Took          time.Duration
	// Error is why it could not be evaluated.
	Error error
	// Failure is where it failed; nil if it did not, or that is not known.
	Failure *Failure
	// Cases are those of a test with cases (test_x[name]).
	Cases []Case
	// Output are the lines that the test, and the policies, printed and logged.
	Output []string
}

// Case is one case of a test.
type Case struct {
	Name   string
	Passed bool
}

func (s *suite) report(results []*tester.Result) *Report {
	r := &Report{Tests: make([]Test, len(results)), Warnings: s.set.Warnings()}
	for i, from := range results {
		t := &r.Tests[i]
		*t = Test{
			File: from.Location.File, Line: from.Location.Row, Package: from.Package, Name: from.Name,
			Took: from.Duration, Verdict: Passed,
		}
		switch {
		case from.Skip:
			t.Verdict = Skipped
			r.Skipped++
		case from.Error != nil:
			t.Verdict, t.Error = Errored, located(from.Error)
			r.Failed++
		case from.Fail:
			t.Verdict = Failed
			r.Failed++
		default:
			r.Passed++
		}
		if text := strings.TrimSuffix(string(from.Output), "\n"); text != "" {
			t.Output = strings.Split(text, "\n")
		}
		for name, sub := range from.SubResults.Iter {
			t.Cases = append(t.Cases, Case{strings.Join(name, "/"), !sub.Fail})
		}
	}
	return r
}

// located is an error of an evaluation with its place in front.
func located(err error) error {
	var fault *topdown.Error
	if errors.As(err, &fault) && fault.Location != nil {
		return fmt.Errorf("%s:%d:%d: %s", fault.Location.File, fault.Location.Row, fault.Location.Col, fault.Message)
	}
	return err
}
