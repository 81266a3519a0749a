package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

// policyTestCmd is "sallyport policy test". It needs no configuration.
type policyTestCmd struct {
	Dir      string `arg:"" placeholder:"DIR" help:"The directory of expression policies, with their tests (_test.rego)."`
	Only     string `name:"run" placeholder:"REGEX" help:"Run only tests whose full name (data.PACKAGE.test_x) fits."`
	Coverage bool   `help:"Tell how much of each policy the tests went through, and which lines they did not."`
	Fixture  string `placeholder:"FILE" help:"The users, the clock and the answers that policies get. Default: users.yaml in the directory, if it is there."`
}

// Run runs the tests. Its exit code is 4 when one fails, and 3 when policies, tests
// or fixture have faults, or there are no tests.
func (c *policyTestCmd) Run(ctx context.Context, env *environment) error {
	o := regotest.Options{Coverage: c.Coverage}
	var err error
	if c.Only != "" {
		if o.Run, err = regexp.Compile(c.Only); err != nil {
			return &exitError{exitUsage, fmt.Errorf("--run: %w", err)}
		}
	}
	if o.Fixture, err = readFixture(c.Fixture); err != nil {
		return err
	}
	report, err := regotest.Run(ctx, c.Dir, o)
	if err != nil {
		return &exitError{exitConfig, legible(err)}
	}
	for _, w := range report.Warnings {
		fmt.Fprintln(env.stderr, "warning:", onScreen(w.String()))
	}
	if env.json {
		err = env.printJSON(newTestReportJSON(report))
	} else {
		err = printTestReport(env, report)
	}
	if err == nil && report.Failed > 0 {
		return &exitError{exitTests, errSilent}
	}
	return err
}

// readFixture reads a fixture that was named; nil if none was.
func readFixture(file string) (*regotest.Fixture, error) {
	if file == "" {
		return nil, nil
	}
	fixture, err := regotest.ReadFixture(file)
	if err != nil {
		return nil, &exitError{exitConfig, legible(err)}
	}
	return fixture, nil
}

// printTestReport prints each file with its tests, and what failed in them.
func printTestReport(env *environment, r *regotest.Report) error {
	var b strings.Builder
	file := ""
	for i := range r.Tests {
		t := &r.Tests[i]
		if t.File != file {
			file = t.File
			fmt.Fprintf(&b, "%s\n", onScreen(file))
		}
		writeTest(&b, t)
	}
	if r.Coverage != nil {
		writeCoverage(&b, r.Coverage)
	}
	word := "ok"
	if r.Failed > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(&b, "%s  passed: %d, failed: %d, skipped: %d, in %s\n", word, r.Passed, r.Failed, r.Skipped, inMilliseconds(r.Took))
	_, err := env.stdout.Write([]byte(b.String()))
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func writeTest(b *strings.Builder, t *regotest.Test) {
	fmt.Fprintf(b, "  %-5s %s (%s)\n", strings.ToUpper(string(t.Verdict)), onScreen(t.Name), inMilliseconds(t.Took))
	if t.Verdict != regotest.Failed && t.Verdict != regotest.Errored {
		return
	}
	line := func(indent int, format string, args ...any) {
		fmt.Fprintf(b, "%*s%s\n", 4+2*indent, "", onScreen(fmt.Sprintf(format, args...)))
	}
	if t.Error != nil {
		line(1, "%v", t.Error)
	}
	for _, c := range t.Cases {
		if !c.Passed {
			line(1, "case %s fails", c.Name)
		}
	}
	if t.Failure != nil {
		line(1, "%s: %s", t.Failure.Location, t.Failure.Text)
		for _, v := range t.Failure.Values {
			line(2, "%s is %s", v.Name, v.Text)
		}
	}
	for _, text := range t.Output {
		line(1, "| %s", text)
	}
}

func writeCoverage(b *strings.Builder, c *regotest.Coverage) {
	fmt.Fprintf(b, "coverage %.1f %%\n", c.Percent)
	for _, f := range c.Files {
		fmt.Fprintf(b, "  %5.1f %%  %s", f.Percent, onScreen(f.File))
		if len(f.Missing) > 0 {
			fmt.Fprintf(b, ", without line %s", ranges(f.Missing))
		}
		b.WriteByte('\n')
	}
}

// ranges writes sorted numbers shortly: "3, 7-9".
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		part := fmt.Sprint(numbers[i])
		if j > i {
			part = fmt.Sprintf("%d-%d", numbers[i], numbers[j])
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ", ")
}

func inMilliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// testReportJSON is how tests came out, for --json.
type testReportJSON struct {
	OK       bool          `json:"ok"`
	Passed   int           `json:"passed"`
	Failed   int           `json:"failed"`
	Skipped  int           `json:"skipped"`
	TookMS   float64       `json:"took_ms"`
	Tests    []testJSON    `json:"tests"`
	Coverage *coverageJSON `json:"coverage,omitempty"`
	Warnings []string      `json:"warnings"`
}

type testJSON struct {
	File    string       `json:"file"`
	Line    int          `json:"line"`
	Package string       `json:"package"`
	Name    string       `json:"name"`
	Result  string       `json:"result"` // pass, fail, error or skip
	TookMS  float64      `json:"took_ms"`
	Error   string       `json:"error,omitempty"`
	Failure *failureJSON `json:"failure,omitempty"`
	Cases   []caseJSON   `json:"cases,omitempty"`
	Output  []string     `json:"output,omitempty"`
}

type failureJSON struct {
	Location string            `json:"location"`
	Text     string            `json:"text"`
	Values   map[string]string `json:"values"`
}

type caseJSON struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
}

type coverageJSON struct {
	Percent float64            `json:"percent"`
	Files   []fileCoverageJSON `json:"files"`
}

type fileCoverageJSON struct {
	File    string  `json:"file"`
	Percent float64 `json:"percent"`
	Missing []int   `json:"missing"`
}

func newTestReportJSON(r *regotest.Report) testReportJSON {
	j := testReportJSON{
		OK: r.Failed == 0, Passed: r.Passed, Failed: r.Failed, Skipped: r.Skipped, TookMS: milliseconds(r.Took),
		Tests: make([]testJSON, len(r.Tests)), Warnings: texts(r.Warnings),
	}
	for i, t := range r.Tests {
		test := testJSON{
			File: t.File, Line: t.Line, Package: t.Package, Name: t.Name, Result: string(t.Verdict),
			TookMS: milliseconds(t.Took), Output: t.Output,
		}
		if t.Error != nil {
			test.Error = t.Error.Error()
		}
		if t.Failure != nil {
			test.Failure = &failureJSON{t.Failure.Location, t.Failure.Text, map[string]string{}}
			for _, v := range t.Failure.Values {
				test.Failure.Values[v.Name] = v.Text
			}
		}
		for _, c := range t.Cases {
			test.Cases = append(test.Cases, caseJSON(c))
		}
		j.Tests[i] = test
	}
	if r.Coverage != nil {
		j.Coverage = &coverageJSON{Percent: r.Coverage.Percent, Files: []fileCoverageJSON{}}
		for _, f := range r.Coverage.Files {
			f.Missing = append([]int{}, f.Missing...)
			j.Coverage.Files = append(j.Coverage.Files, fileCoverageJSON(f))
		}
	}
	return j
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
