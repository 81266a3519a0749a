package pyregex

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestRefused has what is wrong in Python too, and what is too large; neither
// engine takes it.
func TestRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`\8`:                         "reference to group 8, which there is not at offset 0",
		`(a)\12`:                     "reference to group 12",
		`(a\1)`:                      "reference to an open group at offset 2",
		"(?P<x>a)(?P<x>b)":           `second group with the name "x" at offset 8`,
		"(?P=x)":                     `unknown group name "x"`,
		"(?P<1>a)":                   `bad character in group name "1"`,
		"(?P<>a)":                    "missing group name",
		"(?P<x":                      "missing >, unterminated name",
		"(?P>x)":                     "unknown extension ?P",
		"(?<x>a)":                    "a group with a name is written (?P<name>…)",
		"(?<=a*)b":                   "look-behind of a width that is not fixed at offset 0",
		"(?<!a|bc)b":                 "look-behind of a width that is not fixed",
		`(?<=(a)\1)`:                 "reference to a group in the same look-behind",
		`(?<=(a(?(1)b|c)))`:          "reference to an open group",
		"(?(1)a|b)":                  "condition on group 1, which there is not",
		"(a)(?(1)a|b|c)":             "more than two branches",
		"(?(x)a)":                    `unknown group name "x"`,
		"(?(-1)a)":                   "bad group",
		"(?(0)a)":                    "bad group",
		"a**":                        "multiple repeat at offset 2",
		"éa{2}{3}":                   "multiple repeat at offset 5",
		"*":                          "nothing to repeat at offset 0",
		"a|*":                        "nothing to repeat at offset 2",
		"(*a)":                       "nothing to repeat",
		"^*":                         "nothing to repeat",
		`\b?`:                        "nothing to repeat",
		"{,5}":                       "nothing to repeat",
		"a{2,1}":                     "the least is greater than the most",
		"a{99999999999}":             "repetition number too large",
		"(":                          "missing ), unterminated group at offset 0",
		"(?":                         "unexpected end",
		"a)":                         "unbalanced parenthesis at offset 1",
		"[a":                         "unterminated character set at offset 0",
		"[]":                         "unterminated character set",
		"[a-":                        "unterminated character set",
		"[z-a]":                      "bad character range at offset 1",
		`[\d-x]`:                     "bad character range",
		`[a-\d]`:                     "bad character range",
		"[[:alpha:]]":                "POSIX class, which Python reads as a plain set at offset 1: write the characters out",
		"[x[:^digit:]]":              "POSIX class",
		`\`:                          "backslash at the end",
		`[\`:                         "backslash at the end",
		`(?#\`:                       "backslash at the end",
		`(?\#)`:                      "unknown extension",
		`\q`:                         `bad escape \q at offset 0`,
		`\z`:                         `write \Z`,
		`\p{Greek}`:                  `bad escape \p`,
		`[\A]`:                       `bad escape \A`,
		`[\8]`:                       `bad escape \8`,
		`\N{BULLET}`:                 `named character \N`,
		`\x4`:                        "incomplete or invalid escape",
		`\U00110000`:                 "incomplete or invalid escape",
		`\777`:                       `octal escape \777 over \377`,
		"a(?i)b":                     "flags not at the beginning of the pattern at offset 1: write (?flags:…)",
		"a|(?i)b":                    "flags not at the beginning",
		"(?q)b":                      "unknown extension ?q",
		"(?iq)b":                     "unknown or missing flag",
		"(?)":                        "unknown extension ?)",
		"(?i-)":                      "unknown or missing flag",
		"(?i-:a)":                    "missing flag",
		"(?-i)a":                     "unknown or missing flag",
		"(?i":                        "unknown or missing flag",
		"(?L)a":                      "flag L",
		"(?au)a":                     "exclude each other",
		"(?a)(?u)a":                  "exclude each other",
		"(?-a:b)":                    "cannot be turned off",
		"(?i-i:b)":                   "turned on and off",
		"(?#x":                       "unterminated comment",
		"\xff":                       "invalid UTF-8",
		strings.Repeat("a", 1025):    "1025 octets, at most 1024",
		strings.Repeat(`[\Wa]`, 200): "too many classes with a negation inside",
	} {
		for _, e := range []Engine{RE2, Backtracking} {
			_, err := compile(pattern, e)
			var fault *Error
			if !errors.As(err, &fault) || fault.Class != BadPattern || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60q on engine %d: %v, want %q", pattern, e, err, want)
			}
		}
	}
}

// FuzzPattern demands that any pattern is refused, or searches without a panic and
// alike on both engines, where RE2 warns of no difference.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{
		`^\d+$`, "(?i)[a-ı]{,3}", `[\W\s]`, "(?P<x>a|b)*?", "a(?#c)b", `\x41\103`, "[]a-z-]", "(?i-s:x)", `(?<=a)b\b`, `(a)?(?(1)b|c)\1`,
		"(?x) a # b\n", "(?>a+)b++", `(?m:^a$)|\Z`, "(?:a{2,3}?){4}", "()|a??",
	} {
		f.Add(seed, "abc 123\né")
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(value) > 64 || !utf8.ValidString(value) || strings.ContainsAny(pattern, "0123456789") && strings.Count(pattern, "{") > 2 {
			t.Skip("slow by backtracking")
		}
		p, err := compile(pattern, RE2)
		if err != nil {
			p, err = compile(pattern, Backtracking)
		}
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || fault.Offset > utf8.RuneCountInString(pattern) {
				t.Fatalf("%q: %#v", pattern, err)
			}
			return
		}
		tmpl, err := p.ParseTemplate(`<\g<0>>`)
		if err != nil {
			t.Fatal(err)
		}
		matched, err := p.Match(value)
		replaced, errReplace := p.Replace(value, tmpl)
		if err != nil || errReplace != nil {
			return // a limit
		}
		if matched != strings.Contains(replaced, "<") && !strings.Contains(value, "<") {
			t.Fatalf("%q in %q: matched %v, replaced %q", pattern, value, matched, replaced)
		}
		if p.back != nil || len(p.Warnings()) > 0 {
			return
		}
		other := backtrackingOnly(t, pattern)
		again, err := other.Replace(value, tmpl)
		if err == nil && again != replaced {
			t.Fatalf("%q in %q: RE2 %q, backtracking %q", pattern, value, replaced, again)
		}
	})
}
