package scoped

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-auth/sallyport/config"
)

// blocks returns the blocks of code of a page that are in a language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/policies/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	if len(list) == 0 {
		t.Fatalf("%s has no examples in %s", page, language)
	}
	return list
}

func readYAML(t *testing.T, text string) []Policy {
	t.Helper()
	var file struct {
		Policies []Policy `yaml:"policies"`
	}
	if _, err := config.Decode("example.yaml", []byte(text), &file); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return file.Policies
}

// Every example of the page is loaded, and its actions and scopes are defined.
func TestScopedPage(t *testing.T) {
	defs := NewDefinitions()
	for _, text := range blocks(t, "scoped.md", "yaml") {
		policies := readYAML(t, text)
		if _, err := Compile(policies, Options{}); err != nil || len(policies) == 0 {
			t.Errorf("%v in\n%s", err, text)
		}
		for _, p := range policies {
			for _, item := range p.Action {
				if name := strings.TrimPrefix(item.Name, "-"); name != "*" {
					if _, ok := defs.Lookup(p.Scope, name); !ok {
						t.Errorf("%s: %s/%s is not defined", p.Name, p.Scope, item.Name)
					}
				}
			}
		}
	}
}

// The table of actions names no action that does not exist.
func TestScopedPageActions(t *testing.T) {
	text, err := os.ReadFile("../../docs/policies/scoped.md")
	if err != nil {
		t.Fatal(err)
	}
	defs, count := NewDefinitions(), 0
	row := regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| (authentication|authorization|enrollment) \\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			name = strings.ReplaceAll(strings.Trim(name, "`"), "<type>", "sms")
			if _, ok := defs.Lookup(m[2], name); !ok {
				t.Errorf("%s/%s is not defined", m[2], name)
			}
			count++
		}
	}
	if count < 25 {
		t.Errorf("only %d actions in the table", count)
	}
}

// The text of the page is the policy file beside it, and the report is what the
// import says.
func TestMigrationPage(t *testing.T) {
	texts, files, reports := blocks(t, "privacyidea.md", "ini"), blocks(t, "privacyidea.md", "yaml"), blocks(t, "privacyidea.md", "text")
	got, err := ImportText(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	byName := cmpopts.SortSlices(func(a, b ActionItem) bool { return a.Name < b.Name })
	missing := cmpopts.IgnoreFields(Condition{}, "Missing")
	if diff := cmp.Diff(readYAML(t, files[0]), got.Policies, byName, missing, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if _, _, err := ImportTextCompat(nil, texts[0]); err == nil {
		t.Error("the original reads the text as well")
	}
	got, err = ImportText(texts[1])
	if err != nil {
		t.Fatal(err)
	}
	differences := Differences(got.Policies, NewDefinitions())
	for _, d := range differences {
		if want := "differs: " + d.Attribute + ": " + d.Text + "\n"; !strings.Contains(reports[0], want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(reports[0], "differs: "); n == 0 || n != len(differences) {
		t.Errorf("the page has %d differences, the import %d", n, len(differences))
	}
}
