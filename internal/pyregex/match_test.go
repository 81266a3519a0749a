package pyregex

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestMatch has patterns that both engines answer like Python.
func TestMatch(t *testing.T) {
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
		{`^[\w\W]$`, "\n", true},
		{`[^\w\W]`, "a", false},
		{`\s`, "\x1c", true},
		{`\s`, "\u0085", true},
		{`^\S$`, "\u2003", false},
		{"x$", "x\n", true},
		{"x$", "x\n\n", false},
		{"x$\n", "x\n", true},
		{"(?m)x$", "x\ny", true},
		{"(?m)^y", "x\ny", true},
		{`x\Z`, "x\n", false},
		{`x\Z`, "x", true},
		{"^a{,2}$", "aa", true},
		{"^a{,2}$", "aaa", false},
		{"^a{,}$", "aaaa", true},
		{"a{x}", "a{x}", true},
		{"a{}", "a{}", true},
		{"a{1,", "a{1,", true},
		{"^a{2,}?$", "aaa", true},
		{"(?i)i", "İ", true},
		{"(?i)ISTANBUL", "ıstanbul", true},
		{"(?i)[a-z]", "ı", true},
		{"(?i)[^i]", "İ", false},
		{"(?i:i)i", "İİ", false},
		{"(?i)(?-i:i)x", "İX", false},
		{"(?i)\ufb05", "\ufb06", true},
		{"(?i)ẞ", "ß", true},
		{"(?ai)k", "\u212a", false},
		{"(?ai)[J-L]", "k", true},
		{"i", "İ", false},
		{"(?s).", "\n", true},
		{".", "\n", false},
		{"(?s)(?-s:.)", "\n", false},
		{"a(?#note)b", "ab", true},
		{`a(?#no\)te)*b`, "aab", true},
		{`[\b]`, "\b", true},
		{`\x41\u0042\U00000043\103\0`, "ABCC\x00", true},
		{`[\1\0101]`, "\x01", true},
		{`[\ud800-\udfff]`, "a", false},
		{`\é`, "é", true},
		{"[]]", "]", true},
		{"[^]]", "]", false},
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{`[\d-]`, "-", true},
		{`[\]-a]`, "^", true},
		{"[[:alpha]", ":", true},
		{"(?P<x>a)b", "ab", true},
		{"(?P<größe>a)b", "ab", true},
		{"(?i)(?m)^A", "b\na", true},
		{"(?x) a b # c\n d", "abd", true},
		{"(?x)a\\ b [ ]", "a b ", true},
		{"(?x:a b)c d", "abc d", true},
		{`(?a)^\w+\d\s$`, "é1 ", false},
		{`(?a)^\w+\d\s$`, "e1 ", true},
		{`(?a)(?u:\w)`, "é", true},
		{`(?a:\bb)`, "éb", true},
		{`\bb`, "a b", true},
		{`\Bb`, "ab", true},
		{`\B`, "", false},
		{"(?:a*)*$", "", true},
		{"(?:^)*b", "ab", true},
		{"a|^b", "cb", false},
		{"|x", "", true},
		{"", "", true},
	} {
		for _, p := range bothEngines(t, tt.pattern) {
			if got, err := p.Match(tt.value); err != nil || got != tt.want {
				t.Errorf("%q in %q: %v, %v (backtracking: %v)", tt.pattern, tt.value, got, err, p.back != nil)
			}
		}
	}
}

// bothEngines compiles a pattern for RE2 and, though RE2 can do it, for
// backtracking.
func bothEngines(t testing.TB, pattern string) []*Pattern {
	t.Helper()
	p, err := compile(pattern, RE2)
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	return []*Pattern{p, backtrackingOnly(t, pattern)}
}

func backtrackingOnly(t testing.TB, pattern string) *Pattern {
	t.Helper()
	tree, err := parse(pattern)
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	w, err := write(tree, Backtracking, "")
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	b, err := newBacktracker(w)
	if err != nil {
		t.Fatalf("%q, written %q: %v", pattern, w.String(), err)
	}
	return &Pattern{groups: len(tree.groups) - 1, names: tree.names, back: b}
}

// TestBacktracking has what RE2 refuses, and what it is refused with.
func TestBacktracking(t *testing.T) {
	for _, tt := range []struct {
		pattern, construct string
		offset             int
		fits, fitsNot      string
	}{
		{"a(?=b)", `look-ahead "(?="`, 1, "ab", "ac"},
		{"a(?!b)", `negative look-ahead "(?!"`, 1, "ac", "ab"},
		{"é(?<=é)b", `look-behind "(?<="`, 1, "éb", "eb"},
		{"(?<!a)b", `negative look-behind "(?<!"`, 0, "cb", "ab"},
		{`(?<=\bx|\By)b`, `look-behind "(?<="`, 0, "xb", "éxb"},
		{`(a|b)\1`, "back-reference", 5, "bb", "ab"},
		{`(?i)(ä)\1`, "back-reference", 7, "äÄ", "äa"},
		{"(?P<x>a|b)-(?P=x)", "back-reference", 11, "b-b", "a-b"},
		{"^(?>a|ab)c", `atomic group "(?>"`, 1, "ac", "abc"},
		{"^(a)?(?(1)b|c)$", `conditional group "(?("`, 5, "ab", "ac"},
		{"^(?P<x>a)?(?(x)b)$", `conditional group "(?("`, 10, "ab", "a"},
		{"^a++ab|^a*+b", "possessive quantifier", 2, "aab", "aa"},
		{"^(?:a|b){1,2}+c", "possessive quantifier", 8, "abc", "ab"},
		{"^a{1001}$", "repetition of more than 1000 times", 2, strings.Repeat("a", 1001), "a"},
		{"^(?:a{40}){40}$", "repetition of more than 1000 times", 5, strings.Repeat("a", 1600), "a"},
		{"^(?:x$|(?m:y$))", "$ with and without flag m in one pattern", 0, "y\nz", "x\ny"},
	} {
		_, err := NewCache().Compile(tt.pattern, RE2)
		var fault *Error
		if !errors.As(err, &fault) || fault.Class != BadPattern || fault.Construct != tt.construct || fault.Offset != tt.offset {
			t.Errorf("%q on RE2: %v", tt.pattern, err)
		}
		p, err := NewCache().Compile(tt.pattern, Backtracking)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got, err := p.Match(tt.fits); err != nil || !got {
			t.Errorf("%q in %q: %v, %v", tt.pattern, tt.fits, got, err)
		}
		if got, err := p.Match(tt.fitsNot); err != nil || got {
			t.Errorf("%q in %q: %v, %v", tt.pattern, tt.fitsNot, got, err)
		}
	}
}

// TestWordBoundaries: RE2 warns and knows ASCII only, backtracking knows all.
func TestWordBoundaries(t *testing.T) {
	for e, want := range map[Engine]bool{RE2: true, Backtracking: false} {
		p, err := NewCache().Compile(`\bb`, e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Match("éb"); err != nil || got != want {
			t.Errorf("engine %d: %v, %v", e, got, err)
		}
		if warned := len(p.Warnings()) == 1 && strings.Contains(p.Warnings()[0], "offset 0"); warned != want {
			t.Errorf("engine %d: warnings %q", e, p.Warnings())
		}
	}
	for pattern, warnings := range map[string]int{"(?:a??)*": 1, `(\b)*`: 2, `(?a:\b)`: 0, "(a*)?": 0, "(?:a|b)*": 0} {
		p, err := compile(pattern, RE2)
		if err != nil || len(p.Warnings()) != warnings {
			t.Errorf("%q: %q, %v", pattern, p.Warnings(), err)
		}
	}
}

// TestRE2First: what RE2 can do is not searched by backtracking.
func TestRE2First(t *testing.T) {
	for pattern, back := range map[string]bool{"a+b$": false, `\d{3}`: false, `\bx`: true, "(a*)*": true, "(?=a)": true} {
		p, err := compile(pattern, Backtracking)
		if err != nil || p.back != nil != back {
			t.Errorf("%q: backtracking %v, %v", pattern, p.back != nil, err)
		}
	}
	if p, err := compile(`\bx`, Backtracking); err != nil || p.backtracks("ascii") || !p.backtracks("é") {
		t.Errorf("word boundary: %v", err)
	}
}

// TestTooLarge has what one engine cannot hold, or none.
func TestTooLarge(t *testing.T) {
	for _, tt := range []struct {
		pattern, want string
		engine        Engine
	}{
		{strings.Repeat("(a{999})", 99), "too large: make the counts", RE2},
		{"(?=a)(a{1000}){1000}", "repetition of more than 65536 times at offset 7", Backtracking},
		{"(a{1000}){1000}", "repetition of more than 1000 times is more than RE2 can do at offset 2", RE2},
	} {
		if _, err := compile(tt.pattern, tt.engine); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: %v, want %q", tt.pattern, err, tt.want)
		}
	}
}

func TestLimits(t *testing.T) {
	large := strings.Repeat("a", maxValue)
	for _, tt := range []struct {
		pattern, value string
		engine         Engine
		class          Class
	}{
		{"a", large, RE2, ""},
		{"a", large + "a", RE2, TooLarge},
		{"(?=a)", large + "a", Backtracking, TooLarge},
		{"(?:a|b|ab|[a-z]){400}x", large, RE2, TooLarge},
		{"(?:a|b|ab|[a-z]){400}x", "aaa", RE2, ""},
		{"(?:(?:(?=a)|b){1000}a)*x", large, Backtracking, TooLarge},
		{"(?:(?:(?=a)|b){1000}a)*x", "aaa", Backtracking, ""},
	} {
		p, err := compile(tt.pattern, tt.engine)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := p.ParseTemplate("")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Match(tt.value)
		_, errReplace := p.Replace(tt.value, tmpl)
		for _, err := range []error{err, errReplace} {
			var fault *Error
			if (err != nil) != (tt.class != "") || err != nil && (!errors.As(err, &fault) || fault.Class != tt.class) {
				t.Errorf("%q in %d octets: %v", tt.pattern, len(tt.value), err)
			}
		}
	}
}

// TestTimeout: a search that takes for ever ends, and at the deadline of the
// caller if that is earlier.
func TestTimeout(t *testing.T) {
	p, err := compile("^(?=a)(a+)+$", Backtracking)
	if err != nil {
		t.Fatal(err)
	}
	bomb := strings.Repeat("a", 64) + "!"
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.MatchContext(ctx, bomb); !errors.Is(err, ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took >= searchLimit {
		t.Errorf("with a deadline it took %v", took)
	}
	tmpl, err := p.ParseTemplate("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Replace(bomb, tmpl); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took < searchLimit {
		t.Errorf("without a deadline it took %v only", took)
	}
	if ok, err := p.Match("aaaa"); err != nil || !ok {
		t.Errorf("afterwards: %v, %v", ok, err)
	}
	cancel()
	if _, err := p.MatchContext(ctx, "aaaa"); err == nil {
		t.Error("matched for a caller who has left")
	}
}
