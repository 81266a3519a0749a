package pyregex

import (
	"errors"
	"strings"
	"testing"
)

func TestReplace(t *testing.T) {
	for _, tt := range []struct{ value, pattern, template, want string }{
		{"abxd", "x*", "-", "-a-b--d-"},
		{"xx", "x*?", "-", "-----"},
		{"abc", "^|a", "-", "--bc"},
		{"abc", "|b", "[\\g<0>]", "[]a[][b][]c[]"},
		{"a\n", "$", "-", "a-\n-"},
		{"a\nb", "$", "-", "a\nb-"},
		{"a\n", "a$", "-", "-\n"},
		{"a\nb", "(?m)$", "-", "a-\nb-"},
		{"a\nb", "(?m)^", "-", "-a\n-b"},
		{"aaa", `\Aa`, "-", "-aa"},
		{"éaé", "", "-", "-é-a-é-"},
		{"jane@x", "(.+)@.+", `\1`, "jane"},
		{"jane@x", "(?P<user>.+)@.+", `\g<user>.\g<1>.\g<01>`, "jane.jane.jane"},
		{"ab", "(a)|(b)", `[\1\2]`, "[a][b]"},
		{"ab", "(x)?a", `[\1]`, "[]b"},
		{"aaa", "(a){0}a", `[\1]`, "[][][]"},
		{"a", "a", `$1 ${0} \\ \. \-`, `$1 ${0} \ \. \-`},
		{"a", "a", `\a\b\f\n\r\t\v`, "\a\b\f\n\r\t\v"},
		{"a", "a", `\0\07\101\377é`, "\x00\aAÿé"},
		{"a", "(a)", `\1x8`, "ax8"},
		{"zzz", "a", "b", "zzz"},
		{"", "a*", "b", "b"},
		{"", "a", "b", ""},
	} {
		for _, p := range bothEngines(t, tt.pattern) {
			tmpl, err := p.ParseTemplate(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Replace(tt.value, tmpl); err != nil || got != tt.want {
				t.Errorf("%q by %q in %q: %q, %v, want %q (backtracking: %v)", tt.pattern, tt.template, tt.value, got, err, tt.want, p.back != nil)
			}
		}
	}
}

func TestReplaceBacktracking(t *testing.T) {
	for _, tt := range []struct{ value, pattern, template, want string }{
		{"user+tag@x.example", `\+.*(?=@)`, "", "user@x.example"},
		{"xyz", "(?<=y)", "-", "xy-z"},
		{"1234567", `(?<=\d)(?=(?:\d{3})+$)`, ",", "1,234,567"},
		{"éàéà xy", `(éà)\1|\B`, "-", "- x-y"},
		{"ab", "(?=a)|a", "<>", "<><>b"},
	} {
		p, err := compile(tt.pattern, Backtracking)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := p.ParseTemplate(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Replace(tt.value, tmpl); err != nil || got != tt.want {
			t.Errorf("%q by %q in %q: %q, %v, want %q", tt.pattern, tt.template, tt.value, got, err, tt.want)
		}
	}
}

func TestTemplateRefused(t *testing.T) {
	p, err := compile("(?P<n>X)", RE2)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`\2`:                          "group 2, which there is not at offset 0",
		`é\10`:                        "group 10, which there is not at offset 1",
		`\q`:                          `bad escape \q`,
		`\x41`:                        `bad escape \x`,
		`a\`:                          "backslash at the end at offset 1",
		`\400`:                        `octal escape \400 over \377`,
		`\g`:                          `\g without <…>`,
		`\g1`:                         `\g without <…>`,
		`\g<`:                         `\g without <…>`,
		`\g<1`:                        `\g without <…>`,
		`\g<>`:                        `bad group name ""`,
		`\g<-1>`:                      `bad group name "-1"`,
		`\g< 1>`:                      `bad group name " 1"`,
		`\g<x>`:                       `unknown group name "x"`,
		`\g<99999999999999999999>`:    "which there is not",
		strings.Repeat("a", 1+64<<10): "at most 65536",
	} {
		_, err := p.ParseTemplate(text)
		var fault *Error
		if !errors.As(err, &fault) || fault.Class != BadTemplate || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestReplaceRefused(t *testing.T) {
	large := strings.Repeat("a", maxValue)
	for _, tt := range []struct{ pattern, template, want string }{
		{"(a)", `\1\1\1\1\1`, "the result has more than 262144 octets"},
		{".*", strings.Repeat(`\g<0>`, 10_000), "the result has more than"},
	} {
		p, err := compile(tt.pattern, RE2)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := p.ParseTemplate(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Replace(large, tmpl)
		var fault *Error
		if !errors.As(err, &fault) || fault.Class != TooLarge || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.pattern, err)
		}
		other, err := compile("x", RE2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Replace("x", tmpl); tmpl.groups > 0 && err == nil {
			t.Error("a template with groups is taken by a pattern that has none")
		}
	}
}

// TestSteps: many matches that each look at the whole value come to an end.
func TestSteps(t *testing.T) {
	p, err := compile("(a).*?z|a", RE2)
	if err != nil {
		t.Fatal(err)
	}
	r := p.exact.run(strings.Repeat("a", 100))
	r.steps = maxSteps - 1000
	var fault *Error
	for err == nil {
		var m []int
		if m, err = r.find(0, false); m == nil && err == nil {
			t.Fatal("no match")
		}
	}
	if !errors.As(err, &fault) || fault.Class != TooLarge {
		t.Errorf("got %v", err)
	}
}

// FuzzReplace holds our machine against regexp, for patterns that find no empty
// matches; any template must be refused or be filled without a panic.
func FuzzReplace(f *testing.F) {
	for _, seed := range []string{"-", `\1`, `\g<1>`, `\0`, `\\`, `\g<n>x`, `\101`} {
		f.Add("(?P<n>a|b)+c?", "abcab\n", seed)
		f.Add("(?:(a)|b$|[^c]$)", "abcab", seed)
	}
	f.Fuzz(func(t *testing.T, pattern, value, template string) {
		p, err := compile(pattern, RE2)
		if err != nil || len(value) > 256 {
			return
		}
		tmpl, err := p.ParseTemplate(template)
		if err != nil {
			return
		}
		plain, err := p.Replace(value, tmpl)
		exact := *p
		exact.empty = true
		got, errExact := exact.Replace(value, tmpl)
		if err == nil && errExact == nil && got != plain {
			t.Fatalf("%q by %q in %q: %q, regexp has %q", pattern, template, value, got, plain)
		}
	})
}
