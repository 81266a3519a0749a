package scoped

import (
	"strings"
	"testing"
)

// TestDialect has what patterns of Python mean, and what RE2 would make of them.
func TestDialect(t *testing.T) {
	for _, tt := range []struct {
		pattern, text    string
		hardened, compat string // true, false, or a part of the error
	}{
		{`\w+`, "größe", "true", "true"},
		{`\d`, "٣", "true", "true"}, // ARABIC-INDIC DIGIT THREE
		{`\D`, "٣", "false", "false"},
		{`a\sb`, "a\u00a0b", "true", "true"},
		{`[\s]`, "\x1f", "true", "true"},
		{`[\W]`, "ß", "false", "false"},
		{`[\W_]`, "_", "true", "true"},
		{`[\S]`, "\u2003", "false", "false"},
		{`[^\w]`, "é", "false", "false"},
		{`\u00fc\xe4`, "üä", "true", "true"},
		{`\U0001F600`, "😀", "true", "true"},
		{`x{,2}`, "xx", "true", "true"},
		{`x{,2}`, "xxx", "false", "false"},
		{`x{2}`, "xx", "true", "true"},
		{`x{a}`, "x{a}", "true", "true"},
		{`{`, "{", "true", "true"},
		{`a{}`, "a{}", "true", "true"},
		{`[[]`, "[", "true", "true"},
		{`[]]`, "]", "true", "true"},
		{`[^]]`, "]", "false", "false"},
		{`a\Z`, "a", "true", "true"},
		{`a\z`, "a", "true", `"\\z" is not known`},
		{`\pL`, "ä", "true", `"\\p" is not known`},
		{`\p{Greek}`, "λ", "true", `"\\p" is not known`},
		{`(?i)a`, "A", "true", "not at the start"},
		{`(?i:a)b`, "Ab", "true", "true"},
		{`(?P<n>a)`, "a", "true", "true"},
		{`(?<n>a)`, "a", "is not supported", "is not supported"},
		{`(?=a)a`, "a", "is not supported", "is not supported"},
		{`(a)\1`, "aa", "is not known or not supported", "is not known or not supported"},
		{`\q`, "q", "is not known or not supported", "is not known or not supported"},
		{`\Qa\E`, "a", "is not known or not supported", "is not known or not supported"},
		{`\-\é`, "-é", "true", "true"},
		{`*a`, "a", "nothing to repeat", "nothing to repeat"},
		{`^*`, "", "nothing to repeat", "nothing to repeat"},
		{`(+)`, "", "nothing to repeat", "nothing to repeat"},
		{`a|*`, "", "nothing to repeat", "nothing to repeat"},
		{`a**`, "", "nothing to repeat", "nothing to repeat"},
		{`a++`, "", "nothing to repeat", "nothing to repeat"},
		{`{2}`, "", "nothing to repeat", "nothing to repeat"},
		{`a{2000}`, "", "invalid repeat count", "invalid repeat count"},
		{`a{2,1}`, "", "invalid repeat count", "invalid repeat count"},
		{`[b-a]`, "", "invalid character class range", "invalid character class range"},
		{`[\w-z]`, "", "a range cannot begin with a class", "a range cannot begin with a class"},
		{`[a`, "", "missing closing ]", "missing closing ]"},
		{`a)|(b`, "", "unexpected )", "unexpected )"},
		{`a\`, "", "nothing stands behind the backslash", "nothing stands behind the backslash"},
		{`\x4`, "", "hexadecimal digits", "hexadecimal digits"},
		{`\012`, "", "octal number", "octal number"},
		{`[[:alpha:]]`, "a", "not supported", "false"}, // a class of [ : a l p h, and then ]
		{`\bann\b`, "ann", "true", "true"},
		{`\bann\b`, "änn", `has letters beyond ASCII`, `has letters beyond ASCII`},
		{"a\xff.", "", "not UTF-8", "not UTF-8"},
		{`ann$`, "ann\n", "false", "true"},
		{`(^ann$)`, "ann\n", "false", "true"},
		{`.*`, "a\nb", "false", "false"},
	} {
		for _, compat := range []bool{false, true} {
			want := tt.hardened
			if compat {
				want = tt.compat
			}
			got := searchOne(tt.pattern, tt.text, compat)
			if got != want && (len(want) <= 5 || !strings.Contains(got, want)) {
				t.Errorf("%q on %q, compat %v: %s, want %s", tt.pattern, tt.text, compat, got, want)
			}
		}
	}
}

// searchOne looks for a text in a list of one pattern.
func searchOne(pattern, text string, compat bool) string {
	l, err := compilePatterns([]string{pattern}, exactly, compat)
	if err != nil {
		return err.Error()
	}
	found, _, err := l.search(text, text)
	switch {
	case err != nil:
		return err.Error()
	case found:
		return "true"
	}
	return "false"
}

// TestLowering has what folding does to the text of a pattern.
func TestLowering(t *testing.T) {
	for _, tt := range []struct {
		member, value    string
		hardened, compat bool
	}{
		{"ANN", "ann", true, true},
		{`\W`, "a", false, true}, // compat lowers the pattern: it is \w
		{`\W`, "-", true, false},
		{"Ä.*", "ärger", true, true},
		{"-ANN", "ann", false, false},
	} {
		for _, compat := range []bool{false, true} {
			f, want := caseless, tt.hardened
			if compat {
				f, want = lowering, tt.compat
			}
			l, err := compilePatterns([]string{tt.member}, f, compat)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := l.match(tt.value, f.fold(tt.value)); err != nil || got != want {
				t.Errorf("%q matches %q, compat %v: %v, %v", tt.member, tt.value, compat, got, err)
			}
		}
	}
}
