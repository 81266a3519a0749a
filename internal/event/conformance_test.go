package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

type conformanceCase struct {
	Fn     string `json:"fn"`
	Args   []any  `json:"args"`
	Expect any    `json:"expect"`
	Typed  bool   `json:"typed_args"`
}

// TestConformance runs the cases of event contexts against what does as the
// original does; the README beside them says what the fields mean. The cases
// whose values have no counterpart among JSON-like ones are deviations.
func TestConformance(t *testing.T) {
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = "../../rego/testdata/conformance"
	}
	data, err := os.ReadFile(filepath.Join(dir, "helpers", "event_context.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []conformanceCase }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	answer := map[string]func(map[string]any) map[string]any{
		"sanitize_dict": Sanitize, "cleanse_dict": Cleanse, "event_context": Compat,
	}
	agree, deviations := 0, 0
	for _, c := range doc.Cases {
		in, jsonLike := plain(c.Args[0]).(map[string]any)
		switch {
		case jsonLike && reflect.DeepEqual(answer[c.Fn](in), c.Expect):
			agree++
		case c.Typed:
			deviations++
		default:
			t.Errorf("%s%v: got %v, want %v", c.Fn, c.Args, answer[c.Fn](in), c.Expect)
		}
	}
	t.Logf("%d of %d agree (deviations: %d)", agree, len(doc.Cases), deviations)
	if len(doc.Cases) == 0 {
		t.Error("there are no cases")
	}
}

// plain replaces the values that JSON lacks by those that a policy would have:
// for a sequence of any kind a list, for an object of named fields an object, and
// for what only carries a text or a number that text or number.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plain(item)
		}
		return out
	case map[string]any:
		switch v["$t"] {
		case nil:
			out := make(map[string]any, len(v))
			for name, item := range v {
				out[name] = plain(item)
			}
			return out
		case "tuple", "set", "generator", "dataclass", "city", "enum", "enum_int", "exception", "path", "yamltag":
			return plain(v["v"])
		}
	}
	return v
}
