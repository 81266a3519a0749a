package rego

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/policyengine"
)

var update = flag.Bool("update", false, "write the generated parts of pages anew")

const (
	referencePage = "../docs/policies/expressions.md"
	portingPage   = "../docs/policies/porting.md"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFunctionsAreDocumented keeps the table of functions what the code says. Run
// it with -update after a change.
func TestFunctionsAreDocumented(t *testing.T) {
	const begin, end = "<!-- functions: TestFunctionsAreDocumented -->\n", "<!-- end of functions -->"
	var b strings.Builder
	b.WriteString("\n| function | what it does | class | cost | once | example |\n|---|---|---|---|---|---|\n")
	for _, h := range Reference() {
		args := make([]string, len(h.Args))
		for i, a := range h.Args {
			args[i] = a.Name + ": " + a.Type
		}
		once := "no"
		if h.Memo {
			once = "yes"
		}
		fmt.Fprintf(&b, "| `%s(%s)` → %s | %s | %s | %d | %s | `%s` |\n", h.Name, strings.Join(args, ", "), h.Result,
			strings.NewReplacer("|", `\|`, "<", `\<`).Replace(h.Doc), h.Class, h.Cost, once, strings.ReplaceAll(h.Example, "|", `\|`))
	}
	b.WriteString("\n")
	page := readPage(t, referencePage)
	before, rest, ok := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table of functions", referencePage)
	}
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, want); diff != "" {
		t.Errorf("%s is out of date; run the test with -update (-file +generated):\n%s", referencePage, diff)
	}
}

// TestKeysAreDocumented: the table of the input has the keys that there are. What it
// says is always null is so where everything is known, and what it says never is has a
// value in a plain login.
func TestKeysAreDocumented(t *testing.T) {
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(input\\.[a-z0-9_.]+)` \\| [^|]+ \\| ([^|]+) \\|$").FindAllStringSubmatch(readPage(t, referencePage), -1) {
		documented[row[1]] = row[2]
	}
	there := map[string]bool{"input.context.pending_user": true}
	var walk func(at string, parts []part)
	walk = func(at string, parts []part) {
		for _, p := range parts {
			key := at + "." + string(p.key.Value.(ast.String))
			if p.value != nil {
				there[key] = true
			} else if key != "input.context.pending_user" { // has the keys of the user
				walk(key, p.parts)
			}
		}
	}
	walk("input", documentParts())
	if diff := cmp.Diff(slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("keys of the input (-code +page):\n%s", diff)
	}
	whole := newDocument([]policyengine.Path{wholeInput})
	for key, when := range documented {
		v, err := whole.of(known()).Find(ast.MustParseRef(key)[1:])
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		_, null := v.(ast.Null)
		if always := strings.Contains(when, "always null"); always != null && key != "input.request.user.last_login" {
			t.Errorf("%s is %v where everything is known, and the page says %q", key, v, when)
		}
		if v, err = whole.of(user("alice")).Find(ast.MustParseRef(key)[1:]); err != nil || when == "never" && v.Compare(ast.NullValue) == 0 {
			t.Errorf("%s is null in a login, error %v, and the page says that it never is", key, err)
		}
	}
}

// TestLimitsAreDocumented compares the numbers of the page with those of the code.
func TestLimitsAreDocumented(t *testing.T) {
	page := readPage(t, referencePage)
	const kib = 1 << 10
	for _, tt := range []struct {
		line  string
		value []any
	}{
		{"| messages of a policy | %d, of %d octets each |", []any{maxMessages, maxMessageLen}},
		{"| `raw_result` | about %d KiB, %d levels |", []any{maxRaw / kib, maxDepth}},
		{"| events of a policy, with those that it calls | %d, of about %d KiB each |", []any{maxEvents, maxEventSize / kib}},
		{"| events of one stage of a login | %d |", []any{policyengine.MaxEvents}},
		{"| lines in the log, of a policy with those that it calls | %d, texts and fields of %d KiB each |", []any{maxLines, maxLineLen / kib}},
		{"| `ak_call_policy` | %d deep, %d policies evaluated for one login |", []any{maxCallDepth, maxCalls}},
		{"Calls may be %d deep, and %d policies", []any{maxCallDepth, maxCalls}},
		{"| what a policy can send to a web server | %d KiB |", []any{maxWebBody / kib}},
	} {
		if line := fmt.Sprintf(tt.line, tt.value...); !strings.Contains(page, line) {
			t.Errorf("%s does not say %q", referencePage, line)
		}
	}
	if maxLineDetails != maxLineLen {
		t.Error("texts and fields of a log line have different limits")
	}
	// Limits that other packages keep to themselves.
	for _, tt := range []struct{ page, file, code string }{
		{"| pattern | 1 KiB |", "internal/pyregex/pyregex.go", `maxPattern  = 1 << 10`},
		{"| value of a pattern | 64 KiB |", "internal/pyregex/pyregex.go", `maxValue    = 64 << 10`},
		{"| result of `regex_replace` | 256 KiB |", "internal/pyregex/pyregex.go", `maxResult   = 256 << 10`},
		{"| search by trying | 1s |", "internal/pyregex/backtrack.go", `const searchLimit = time\.Second`},
		{"| conditions of a filter | 32, texts of 4 KiB, lists of 1000 |", "internal/filter/filter.go", `const maxTerms = 32`},
		{"| conditions of a filter | 32, texts of 4 KiB, lists of 1000 |", "internal/filter/value.go", `maxText  = 4096 // octets\n\tmaxItems = 1000`},
		{"| context of an event as it is written | 64 KiB, 16 levels, texts of 4 KiB |", "internal/event/context.go", `(?s)MaxDepth = 16\n.*MaxText = 4 << 10\n.*MaxSize = 64 << 10\n`},
		{"| a result that is kept | about 16 KiB |", "policyengine/cache.go", `const maxWeight = 16 << 10`},
	} {
		if !strings.Contains(page, tt.page) {
			t.Errorf("%s does not say %q", referencePage, tt.page)
		}
		if !regexp.MustCompile(tt.code).MatchString(readPage(t, filepath.Join("..", tt.file))) {
			t.Errorf("the page says %q, but %s has nothing that matches %s", tt.page, tt.file, tt.code)
		}
	}
}

// TestDeviationsAreDocumented: the page has each class in which our functions
// answer otherwise, with the number of cases.
func TestDeviationsAreDocumented(t *testing.T) {
	b, err := newBuiltins(Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/conformance/helpers/*.json")
	if err != nil {
		t.Fatal(err)
	}
	run := conformer{t, b}
	got := map[string]int{}
	for _, file := range files {
		if filepath.Base(file) == "ldap_radius.json" {
			continue
		}
		for _, c := range conformanceCases(t, file) {
			class := c.deviation()
			if class == "" {
				continue
			}
			if answer, err := run.answer(&c); !c.agrees(answer, err) {
				got[class]++
			} else if _, seen := got[class]; !seen {
				got[class] = 0
			}
		}
	}
	want := map[string]int{}
	_, table, _ := strings.Cut(readPage(t, portingPage), "<!-- deviations: TestDeviationsAreDocumented -->")
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_0-9: ]+)` \\| (\\d+) \\|").FindAllStringSubmatch(table, -1) {
		if want[row[1]], err = strconv.Atoi(row[2]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("deviations (-code +page):\n%s", diff)
	}
}
