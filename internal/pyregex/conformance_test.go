package pyregex

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// conformanceCase is a case of the helpers; the README beside them says what the
// fields mean.
type conformanceCase struct {
	Fn         string   `json:"fn"`
	Args       []any    `json:"args"`
	Expect     any      `json:"expect"`
	Error      string   `json:"error"`
	ErrorClass Class    `json:"error_class"`
	RE2        *bool    `json:"re2"`
	Typed      bool     `json:"typed_args"`
	Quirk      bool     `json:"quirk"`
	Tags       []string `json:"tags"`
}

// mayDeviate tells whether the README allows another answer.
func (c *conformanceCase) mayDeviate() bool {
	return c.Typed || c.Quirk || c.RE2 != nil && !*c.RE2 ||
		slices.ContainsFunc(c.Tags, func(tag string) bool {
			return slices.Contains([]string{"posix", "accepts_more", "ascii_b", "non_boolean", "non_string"}, tag)
		})
}

// agrees runs a case. Arguments that are no strings are refused by the callers of
// this package, who see the types.
func (c *conformanceCase) agrees(cache *Cache, e Engine) bool {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		s, ok := a.(string)
		if !ok {
			return c.ErrorClass == "wrong_type"
		}
		args[i] = s
	}
	got, err := answer(cache, e, c.Fn, args)
	var fault *Error
	if c.Error != "" {
		return errors.As(err, &fault) && fault.Class == c.ErrorClass
	}
	return err == nil && got == c.Expect
}

func answer(cache *Cache, e Engine, fn string, args []string) (any, error) {
	p, err := cache.Compile(args[1], e)
	if err != nil {
		return nil, err
	}
	if fn == "regex_match" {
		return p.Match(args[0])
	}
	t, err := p.ParseTemplate(args[2])
	if err != nil {
		return nil, err
	}
	return p.Replace(args[0], t)
}

func conformanceCases(t *testing.T) []conformanceCase {
	t.Helper()
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "rego", "testdata", "conformance")
	}
	var all []conformanceCase
	for _, name := range []string{"regex_match.json", "regex_replace.json"} {
		data, err := os.ReadFile(filepath.Join(dir, "helpers", name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []conformanceCase }
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, file.Cases...)
	}
	return all
}

func TestConformance(t *testing.T) {
	cases := conformanceCases(t)
	for e, name := range map[Engine]string{RE2: "RE2", Backtracking: "backtracking"} {
		cache := NewCache()
		agree, deviations := 0, 0
		for _, c := range cases {
			switch {
			case c.agrees(cache, e):
				agree++
			case c.mayDeviate():
				deviations++
				t.Logf("%s deviates: %s %q, want %v %s", name, c.Fn, c.Args, c.Expect, c.Error)
			default:
				t.Errorf("%s: %s %q, want %v %s", name, c.Fn, c.Args, c.Expect, c.Error)
			}
		}
		t.Logf("%s: %d of %d agree (deviations: %d)", name, agree, len(cases), deviations)
	}
}
