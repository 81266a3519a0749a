package rego

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// call writes a call of a function with arguments of the right number.
func call(b *ast.Builtin) string {
	return b.Name + "(" + strings.TrimSuffix(strings.Repeat("null, ", len(b.Decl.FuncArgs().Args)), ", ") + ")"
}

func TestRemovedFunctions(t *testing.T) {
	known := map[string]*ast.Builtin{}
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		known[b.Name] = b
	}
	for name, r := range removed {
		if known[name] == nil {
			t.Errorf("%s is removed, and OPA has no such function", name)
			continue
		}
		_, err := load(t, map[string]string{"p.rego": policyText("allow if " + call(known[name]))})
		if err == nil || !strings.Contains(err.Error(), "undefined function "+name+": not available in policies: "+r.why+"; "+r.instead) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, why := range reserved {
		_, err := load(t, map[string]string{"p.rego": policyText("allow if " + name + "()")})
		if err == nil || !strings.Contains(err.Error(), "undefined function "+name+": "+why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingHidden: what OPA itself calls nondeterministic is removed, but for
// the clock, which a warning is about. A new version of OPA that brings more
// fails here.
func TestNothingHidden(t *testing.T) {
	for _, b := range capabilities().Builtins {
		if b.Nondeterministic && b.Name != "time.now_ns" {
			t.Errorf("%s answers differently each time, and policies have it", b.Name)
		}
	}
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// section returns the lines of a page below a heading, up to the next one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// firstCells returns what stands in code spans in the first column of the table
// of a section, sorted.
func firstCells(t *testing.T, page, heading string) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(section(t, page, heading)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return names
}

func TestRemovedFunctionsAreDocumented(t *testing.T) {
	want := slices.Sorted(slices.Values(append(sortedKeys(removed), sortedKeys(reserved)...)))
	got := firstCells(t, "../docs/policies/language.md", "## Functions that are not there")
	if !slices.Equal(got, want) {
		t.Errorf("the page lists\n%q\nand the code has\n%q", got, want)
	}
}
