package rego

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loadData reads data files by name and says what they make together.
func loadData(files map[string]string) (map[string]any, error) {
	s := &source{decode: decodeFile}
	for _, name := range sortedKeys(files) {
		s.add(file{name: name, path: name, text: []byte(files[name])})
	}
	return s.documents()
}

func TestDocuments(t *testing.T) {
	got, err := loadData(map[string]string{
		"data.json":           `{"office": {"networks": ["10.0.0.0/8"], "big": 12345678901234567890}}`,
		"data.yaml":           "limits: {hours: 8, ratio: 0.5, off: false, none: null}\n",
		"office/data.yml":     "city: Berlin\n",
		"a/b/data.json":       `["x"]`,
		"lib/people/x.json":   `not looked at`,
		"office/dach/x.yaml":  `not looked at`,
		"policies/README.txt": `not looked at`,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"office": map[string]any{"networks": []any{"10.0.0.0/8"}, "big": json.Number("12345678901234567890"), "city": "Berlin"},
		"limits": map[string]any{"hours": int64(8), "ratio": 0.5, "off": false, "none": nil},
		"a":      map[string]any{"b": []any{"x"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDocumentsRefused(t *testing.T) {
	one := func(text string) map[string]string { return map[string]string{"data.json": text} }
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"syntax", one("{\n\t\"a\": 1,\n\t\"b\" 2}"), []string{"data.json:3:"}},
		{"open", one(`{"a": [1, 2`), []string{"data.json:1:12: the document ends too early"}},
		{"empty", one(""), []string{"data.json:1:1: the document ends too early"}},
		{"twice", one("{\"a\": 1,\n \"b\": 2, \"a\": 3}"), []string{`data.json:2:10: "a" is there twice, first at data.json:1:2`}},
		{"something behind", one("{} {}"), []string{"data.json:1:4: there is something behind"}},
		{"garbage behind", one("{} x"), []string{"data.json:1:4: there is something behind"}},
		{"not UTF-8", one("{\"a\": \"\xff\"}"), []string{"data.json:1:8: is not valid UTF-8"}},
		{"too deep", one(strings.Repeat("[", 40) + strings.Repeat("]", 40)), []string{"data.json:1:34: is nested deeper than 32 levels"}},
		{"root is a list", one("[1]"), []string{"data.json:1:1: the document at the root must be an object"}},
		{"where rules are", one(`{"sallyport": {"policies": {"p": {"allow": true}}}}`), []string{"data.json:1:2: sallyport is the place of rules"}},
		{"where rules are, by directory", map[string]string{"sallyport/policies/p/data.yaml": "allow: true\n"}, []string{"sallyport/policies/p/data.yaml: sallyport is the place of rules"}},
		{"yaml", map[string]string{"data.yaml": "a: 1\na: 2\n"}, []string{"data.yaml:2:1: a: is there twice, first in line 1"}},
		{"yaml alias", map[string]string{"data.yaml": "a: &x 1\nb: *x\n"}, []string{"data.yaml:1:", "anchors"}},
		{"two files", map[string]string{"data.json": `{"a": {"b": 1}}`, "a/data.yaml": "b: 2\n"}, []string{"data.json:1:8: data.a.b is there already, in a/data.yaml:1:4: each value can be in one file only"}},
		{"value and object", map[string]string{"data.json": `{"a": 1}`, "a/b/data.json": `{}`}, []string{"data.json:1:2: data.a is there already, in a/b/data.json"}},
		{"all faults", map[string]string{"data.json": `{`, "a/data.json": `}`, "b/data.yaml": "sallyport: 1\n\tx: 2"}, []string{"data.json:1:", "a/data.json:1:", "b/data.yaml:2:"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := loadData(tt.files)
			if err == nil {
				t.Fatalf("read %v", got)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
		})
	}
}

func TestPoliciesSeeDocuments(t *testing.T) {
	set, err := load(t, map[string]string{
		"p.rego":          "package sallyport.policies.p\nimport data.sallyport.lib.l as lib\nimport data.staff\ndefault allow := false\nallow if { input.request.user.username in data.staff.names; staff.limits.hours == 8; lib.named }",
		"l.rego":          "package sallyport.lib.l\nnamed if input.request.user.username == data.staff.names[_]",
		"staff/data.json": `{"names": ["alice"]}`,
		"staff/data.yaml": "limits: {hours: 8}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]bool{"alice": true, "bob": false} {
		if r, err := set.Expressions()["p"].Eval(t.Context(), user(name)); err != nil || r.Passing != in {
			t.Errorf("%s: %+v, error %v", name, r, err)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, text := range []string{`{}`, `{"a": [1, {"b": null}]}`, `{"a":1,"a":2}`, "[\n\t1,\r\n 2]", `{"a" 1}`, `1e999`, `"\ud83d"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := decodeJSON(file{name: "data.json", path: "data.json", text: text})
		if err != nil {
			return
		}
		var want any
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("taken, and it is no JSON: %v", err)
		}
		if d := cmp.Diff(want, got.plain()); d != "" {
			t.Error(d)
		}
	})
}
