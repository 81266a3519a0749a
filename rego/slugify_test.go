package rego

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSlugifyConformance runs the cases of slugs. In the original, sanitize_arg
// makes the name of a variable of a slug; we have no such variables.
func TestSlugifyConformance(t *testing.T) {
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = "testdata/conformance"
	}
	data, err := os.ReadFile(filepath.Join(dir, "helpers", "slug.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Cases []struct {
			Fn     string   `json:"fn"`
			Args   []any    `json:"args"`
			Expect string   `json:"expect"`
			Tags   []string `json:"tags"`
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Cases) == 0 {
		t.Error("there are no cases")
	}
	for _, c := range doc.Cases {
		text, isText := c.Args[0].(string)
		if !isText {
			if !slices.Contains(c.Tags, "non_string") {
				t.Errorf("%s%v: not a text", c.Fn, c.Args)
			}
			continue // the helper makes a text of it
		}
		got := slugify(text)
		if c.Fn == "sanitize_arg" {
			got = strings.ReplaceAll(got, "-", "_")
		}
		if got != c.Expect {
			t.Errorf("%s(%q) = %q, want %q", c.Fn, text, got, c.Expect)
		}
	}
}

func TestSlugify(t *testing.T) {
	for in, want := range map[string]string{
		"Some Name":                "some-name",
		"Müller & Söhne GmbH":      "muller-sohne-gmbh",
		" - a \u00a0 - b-_- ":      "a-b",
		"a\x1cb\x1fc\x0bd\x85e":    "a-b-c-de",
		"\ufb01ne \u2460 \u212a":   "fine-1-k",
		"_-x-_":                    "x",
		"a\xffb\x00c":              "abc",
		"x" + "\u0301\u0301" + "y": "xy",
		"日本":                       "",
	} {
		if got := slugify(in); got != want {
			t.Errorf("slugify(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSlugify(f *testing.F) {
	for _, s := range []string{"", "Foo Bar", "½", "İ", "__proto__", "a\u00a0b", "\xff", "日本語"} {
		f.Add(s)
	}
	slug := regexp.MustCompile(`^([a-z0-9]([a-z0-9_-]*[a-z0-9])?)?$`)
	f.Fuzz(func(t *testing.T, s string) {
		got := slugify(s)
		if !slug.MatchString(got) || strings.Contains(got, "--") {
			t.Fatalf("slugify(%q) = %q", s, got)
		}
		if again := slugify(got); again != got {
			t.Fatalf("the slug of %q is %q, of that %q", s, got, again)
		}
	})
}
