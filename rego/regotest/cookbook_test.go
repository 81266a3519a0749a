package regotest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

const cookbook = "../../examples/cookbook"

// TestCookbook: the policies that we show load without a warning, their tests pass,
// and go through each of their lines.
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
			t.Errorf("%s: no test goes through lines %v", f.File, f.Missing)
		}
	}
}

// TestCookbookFiles: each file is formatted, begins with its comment and is in the
// table of the README.
func TestCookbookFiles(t *testing.T) {
	readme, err := os.ReadFile(cookbook + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(cookbook, func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".rego" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		formatted, err := format.SourceWithOpts(file, text, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			return err
		}
		if string(formatted) != string(text) {
			t.Errorf("%s is not formatted as opa fmt does", file)
		}
		if strings.HasSuffix(file, "_test.rego") {
			return nil
		}
		if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin with a comment", file)
		}
		if name, err := filepath.Rel(cookbook, file); err != nil || !strings.Contains(string(readme), "("+filepath.ToSlash(name)+")") {
			t.Errorf("README.md does not name %s", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([a-z_/]+\.rego)\)`).FindAllStringSubmatch(string(readme), -1) {
		if _, err := os.Stat(filepath.Join(cookbook, link[1])); err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
}
