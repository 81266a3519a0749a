package regotest_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/rego"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

const (
	docs      = "../../docs/policies"
	reference = "expressions.md"
	porting   = "porting.md"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// described is the fixture that the pages' tables are about: the last block of the
// page about moving over.
func described(t *testing.T) *regotest.Fixture {
	t.Helper()
	_, text, _ := strings.Cut(readPage(t, porting), "\n## The people of the tables\n")
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(text)
	if block == nil {
		t.Fatal("the page does not describe the people of its tables")
	}
	return fixture(t, block[1])
}

var (
	// shown is a policy, or a row of the table below one: who logs in, what differs
	// from a plain login, what the policy answers, and what the user reads.
	shown       = regexp.MustCompile("(?sm)^```rego\n(.*?)^```$|^\\| `([a-z.-]+)` \\| (?:`(\\{[^\n]*?\\})` )?\\| (in|refused|fails: [^|]+) \\| ?([^|]*?) ?\\|$")
	packageName = regexp.MustCompile(`(?m)^package sallyport\.policies\.(\w+)$`)
)

// TestPages loads the policies of the pages, without a warning, and asks each
// about the logins of the table below it. A policy without one must be called by
// another.
func TestPages(t *testing.T) {
	fixture := described(t)
	for name, least := range map[string]int{reference: 17, porting: 45} {
		t.Run(name, func(t *testing.T) {
			type row struct {
				policy string
				cells  []string
			}
			var rows []row
			files, asked, policy := map[string]string{}, map[string]bool{}, ""
			for _, m := range shown.FindAllStringSubmatch(readPage(t, name), -1) {
				if p := packageName.FindStringSubmatch(m[1]); p != nil {
					policy = p[1]
					files[policy+".rego"] = m[1]
					continue
				}
				asked[policy] = true
				rows = append(rows, row{policy, m[2:]})
			}
			set, _, err := regotest.Load(t.Context(), directory(t, files), fixture)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range set.Warnings() {
				t.Errorf("warning: %v", w)
			}
			for _, r := range rows {
				askRow(t, set, fixture, r.policy, r.cells)
			}
			all := strings.Join(slices.Collect(maps.Values(files)), "")
			for policy := range set.Expressions() {
				if !asked[policy] && !strings.Contains(all, `ak_call_policy("`+policy+`"`) {
					t.Errorf("no login shows what policy %s does", policy)
				}
			}
			if len(rows) < least {
				t.Errorf("only %d logins were found", len(rows))
			}
		})
	}
	pyregex.StopClock()
}

// askRow asks a policy about the login of a row.
func askRow(t *testing.T, set *rego.Set, fixture *regotest.Fixture, policy string, row []string) {
	t.Helper()
	var overrides map[string]any
	if row[1] != "" {
		if err := json.Unmarshal([]byte(row[1]), &overrides); err != nil {
			t.Fatalf("%s: %q: %v", policy, row, err)
		}
	}
	l, err := fixture.Login(row[0], overrides)
	if err != nil {
		t.Fatalf("%s: %q: %v", policy, row, err)
	}
	r, err := set.EvalDocument(t.Context(), policy, l.Input, l.Document)
	if fault, ok := strings.CutPrefix(row[2], "fails: "); ok {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %q: %+v, error %v", policy, row, r, err)
		}
		return
	}
	if err != nil || r.Passing != (row[2] == "in") || strings.Join(r.Messages, " / ") != row[3] {
		t.Errorf("%s: %q: %+v, error %v", policy, row, r, err)
	}
}

// valued is a row of a table of expressions: the value, or when there is none and
// why.
var valued = regexp.MustCompile("(?m)^\\| `([a-z_.]+)(\\([^`\n]*)` \\| (?:`([^`\n]+)`|(not loaded|fails): ([^\n]+)) \\|$")

// TestExpressions evaluates the expressions that the page shows with their values
// or faults, for alice. Functions that leave something behind or need another
// policy have policies as examples.
func TestExpressions(t *testing.T) {
	fixture := described(t)
	seen := map[string]bool{}
	for _, row := range valued.FindAllStringSubmatch(readPage(t, reference), -1) {
		row[2] = strings.ReplaceAll(row[2], `\|`, "|") // as a table has it
		seen[row[1]] = true
		got := "not loaded: "
		set, _, err := regotest.Load(t.Context(), directory(t, map[string]string{
			"p.rego": "package sallyport.policies.p\n\ndefault allow := false\n\nraw_result := " + row[1] + row[2] + "\n",
		}), fixture)
		if err == nil {
			got, err = valueOf(t, set, fixture)
		}
		if err != nil {
			got += err.Error()
		}
		want, fault := row[3], row[5]
		if want == "" {
			want = row[4] + ": "
		} else if want = canonical(t, want); fault == "" && got == want {
			continue
		}
		if !strings.HasPrefix(got, want) || fault == "" || !strings.Contains(got, fault) {
			t.Errorf("%s%s is %s, the page says %s%s", row[1], row[2], got, want, fault)
		}
	}
	for _, h := range rego.Reference() {
		if (h.Class != "W" && h.Name != "ak_call_policy" && h.Name != "requests.post") && !seen[h.Name] {
			t.Errorf("the page shows no value of %s", h.Name)
		}
	}
}

// valueOf is the raw result of policy p, or the beginning of what the page says of
// an error.
func valueOf(t *testing.T, set *rego.Set, fixture *regotest.Fixture) (string, error) {
	t.Helper()
	l, err := fixture.Login("alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := set.EvalDocument(t.Context(), "p", l.Input, l.Document)
	if err != nil {
		return "fails: ", err
	}
	text, err := json.Marshal(r.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return canonical(t, string(text)), nil
}

// canonical is JSON as it is written here.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	written, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}
