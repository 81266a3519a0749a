package scoped

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLiteral(t *testing.T) {
	for _, tt := range []struct {
		text string
		want any
	}{
		{"None", nil},
		{" True ", true},
		{"false", false},
		{"-12", int64(-12)},
		{"1.5", 1.5},
		{`'it\'s'`, "it's"},
		{`"a\n\t\\\"\x41\u00e9\U0001d518\101\0\q"`, "a\n\t\\\"Aé𝔘A\x00\\q"},
		{"'a\\\nb'", "ab"},
		{`r'\d\''`, `\d\'`},
		{`u'é'`, "é"},
		{"[]", []any{}},
		{"[1, 'a', ]", []any{int64(1), "a"}},
		{"('a', True)", []any{"a", true}},
		{"{'a': [1], \"b\": None}", object{{"a", []any{int64(1)}}, {"b", nil}}},
	} {
		got, err := parseLiteral(tt.text)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(objectMember{})); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", tt.text, err, diff)
		}
	}
	for _, text := range []string{
		"", "x", "'", "'a", `'\`, `'\x4'`, `'\xzz'`, `'\ud800'`, `'\U00110000'`, "[1", "[1 2]", "{'a'}", "{'a': }", "{'a': 1 'b': 2}", "{1: 2}", "1 2", "b'a'", "]", ",",
	} {
		if got, err := parseLiteral(text); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
}

func TestQuoteLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     `''`,
		"it's":                                 `"it's"`,
		`say "hi"`:                             `'say "hi"'`,
		`it's "both"`:                          `'it\'s "both"'`,
		"a\\\n\r\t\x01é\u00a0\u2028\U000e0001": `'a\\\n\r\t\x01é\xa0\u2028\U000e0001'`,
	} {
		if got := quoteLiteral(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if back, err := parseLiteral(want); back != text || err != nil {
			t.Errorf("%s reads as %q, error %v", want, back, err)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, seed := range []string{"'a'", "[1, (2, {'a': None})]", `"\x41\u00e9"`, "u'x'", "[[[["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := parseLiteral(text); err != nil && v != nil {
			t.Errorf("%v and %v", v, err)
		}
	})
}
