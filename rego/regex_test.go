package rego

import (
	"regexp"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

func testPatterns(t testing.TB) *patterns {
	t.Helper()
	p, err := newPatterns()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTranslation(t *testing.T) {
	p := testPatterns(t)
	for _, tt := range []struct {
		pattern, value string
		want           bool
	}{
		{"b", "abc", true},
		{"^b", "abc", false},
		{`^\d+$`, "١٢٣", true},
		{`^\D$`, "١", false},
		{`^\w+$`, "naïve½_", true},
		{`^[\W]$`, "é", false},
		{`^[\W]$`, "-", true},
		{`^[^\W\d]+$`, "aé", true},
		{`^[^\W\d]+$`, "a1", false},
		{`^[\S]$`, "\u00a0", false},
		{`\s`, "\x1c", true},
		{`\s`, "\u0085", true},
		{`^\S$`, "\u2003", false},
		{"x$", "x\n", true},
		{"x$", "x\n\n", false},
		{"(?m)x$", "x\ny", true},
		{"(?m)^y", "x\ny", true},
		{`x\Z`, "x\n", false},
		{`x\Z`, "x", true},
		{"^a{,2}$", "aa", true},
		{"^a{,2}$", "aaa", false},
		{"^a{,}$", "aaaa", true},
		{"^a{2}$", "aa", true},
		{"a{x}", "a{x}", true},
		{"a{}", "a{}", true},
		{"^a{2,}?$", "aaa", true},
		{"(?i)i", "İ", true},
		{"(?i)ISTANBUL", "ıstanbul", true},
		{"(?i)[a-z]", "ı", true},
		{"(?i)[^i]", "İ", false},
		{"(?i:i)i", "İİ", false},
		{"(?i)(?-i:i)x", "İX", false},
		{"i", "İ", false},
		{"(?s).", "\n", true},
		{".", "\n", false},
		{"a(?#note)b", "ab", true},
		{"a(?#note)*b", "aab", true},
		{`[\b]`, "\b", true},
		{`\x41\u0042\U00000043\103\0`, "ABCC\x00", true},
		{`[\1]`, "\x01", true},
		{`\é`, "é", true},
		{"[]]", "]", true},
		{"[^]]", "]", false},
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{`[\d-]`, "-", true},
		{`[\]-a]`, "^", true},
		{"[.$*]", "$", true},
		{"(?P<x>a)b", "ab", true},
		{"(?u)a", "a", true},
		{"(?i)(?m)^A", "b\na", true},
		{`\p{Greek}`, "α", true},
		{`[\p{Greek}x]`, "x", true},
		{`\pL`, "1", false},
		{"a|^b", "cb", false},
		{"", "", true},
	} {
		re, err := p.compile(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got := re.MatchString(tt.value); got != tt.want {
			t.Errorf("%q in %q: %v (translated %q)", tt.pattern, tt.value, got, re)
		}
	}
}

func TestPatternsRefused(t *testing.T) {
	p := testPatterns(t)
	for pattern, want := range map[string]string{
		"a(?=b)":                    "look-ahead, which is not supported at offset 1",
		"a(?!b)":                    "negative look-ahead, which is not supported at offset 1",
		"(?<=a)b":                   "look-behind, which is not supported at offset 0",
		"(?<!a)b":                   "negative look-behind",
		`(a)\1`:                     "back-reference, which is not supported at offset 3",
		`(a)\12`:                    "back-reference",
		`\8`:                        "back-reference",
		"(?P<x>)(?P=x)":             "back-reference, which is not supported at offset 7",
		"(?>a)":                     "atomic group",
		"(a)?(?(1)b|c)":             "conditional group, which is not supported at offset 4",
		"a++":                       "possessive quantifier, which is not supported at offset 2",
		"a{2}+":                     "possessive quantifier",
		"a**":                       "multiple repeat at offset 2",
		"a{2}{3}":                   "multiple repeat",
		"*":                         "nothing to repeat at offset 0",
		"a|*":                       "nothing to repeat at offset 2",
		"(*a)":                      "nothing to repeat",
		"^*":                        "nothing to repeat",
		"$+":                        "nothing to repeat",
		`\b?`:                       "nothing to repeat",
		"{,5}":                      "nothing to repeat",
		"a{1001}":                   "repetition of more than 1000 times at offset 1",
		"a{,9999999999999999999}":   "repetition of more than 1000",
		"a{2,1}":                    "invalid repeat count",
		"(a{500}){500}":             "invalid repeat count",
		"(":                         "missing ), unterminated group",
		"a)":                        "unbalanced ) at offset 1",
		"[a":                        "missing ], unterminated class at offset 0",
		"[":                         "unterminated class",
		"[]":                        "unterminated class",
		"[z-a]":                     "bad character range z-a at offset 1",
		`[\d-x]`:                    "bad character range",
		`[a-\d]`:                    "bad character range",
		"[[:alpha:]]":               "POSIX class, which Python reads as a plain set: write the characters out at offset 1",
		`\`:                         "backslash at the end",
		`[\`:                        "backslash at the end",
		`\q`:                        `bad escape \q at offset 0`,
		`\Qa\E`:                     `bad escape \Q`,
		`[\q]`:                      `bad escape \q`,
		`\N{BULLET}`:                `bad escape \N`,
		`\x4`:                       "incomplete or invalid escape",
		`\uD800`:                    "incomplete or invalid escape",
		`\777`:                      `octal escape over \377`,
		"a(?i)b":                    "flags not at the beginning of the pattern at offset 1",
		"(?x)a b":                   "flag x (verbose), which is not supported",
		"(?a)b":                     "flag a, which is not supported",
		"(?q)b":                     "unknown extension (?q",
		"(?<x>a)":                   "",
		"(?)":                       "missing flag",
		"(?i-)":                     "missing flag",
		"(?-i)a":                    "missing flag",
		"(?i":                       "unterminated flags",
		"(?#x":                      "unterminated comment",
		"(?P<x":                     "unterminated name",
		`\p`:                        "unterminated character property",
		`\p{Greek`:                  "unterminated character property",
		`\p{Nonsense}`:              "invalid character class range",
		"\xff":                      "invalid UTF-8",
		strings.Repeat("a", 1025):   "at most 1024",
		strings.Repeat(`[\W]`, 200): "too many negated classes",
		"(?:" + strings.Repeat("(a{999}b)", 100) + ")": "too large: the repetitions multiply",
	} {
		re, err := p.compile(pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: compiled to %v, error %v, want %q", pattern, re, err, want)
		}
	}
}

// FuzzTranslate holds the translation against RE2 itself where both languages
// agree, and demands that whatever is translated compiles or is refused.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{`^\d+$`, "(?i)[a-ı]{,3}", `[\W\s]`, "(?P<x>a|b)*?", "a(?#c)b", `\x41\103`, "[]a-z-]", "(?i-s:x)"} {
		f.Add(seed, "abc 123\n")
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		p := testPatterns(t)
		re, err := p.compile(pattern)
		if err != nil {
			return
		}
		got := re.MatchString(value)
		if strings.ContainsAny(pattern, `\$(){}[`) || !ascii(pattern) {
			return // the languages differ
		}
		plain, err := regexp.Compile(pattern)
		if err != nil {
			t.Fatalf("%q is taken, and RE2 refuses it: %v", pattern, err)
		}
		if want := plain.MatchString(value); got != want {
			t.Fatalf("%q in %q: %v, RE2 says %v", pattern, value, got, want)
		}
	})
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// FuzzFilters demands that a filter object is refused or answers, and that no
// group passes an exact filter but the one that it names.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{`{"name": "staff"}`, `{"name__in": ["a"]}`, `{"name__regex": "^a"}`, `{"pk": 5}`, `{5: 6}`, `[]`, `{"name__exact": "staff", "name": "x"}`} {
		f.Add(seed, "staff")
	}
	f.Fuzz(func(t *testing.T, text, group string) {
		term, err := ast.ParseTerm(text)
		if err != nil || term == nil {
			return
		}
		p := testPatterns(t)
		checked := checkFilters(p, term)
		filters, ok := term.Value.(ast.Object)
		if !ok || !isData(term) {
			return
		}
		fits, err := groupFilters(p, filters)
		if (err == nil) != (checked == nil) {
			t.Fatalf("%s: loaded with %v, evaluated with %v", text, checked, err)
		}
		if err != nil {
			return
		}
		name := filters.Get(ast.InternedTerm("name"))
		if fits(group) && name != nil && name.Value.Compare(ast.String(group)) != 0 {
			t.Fatalf("%s fits %q", text, group)
		}
	})
}
