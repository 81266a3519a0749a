package scoped

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// regex is a compiled pattern.
type regex struct {
	re *regexp.Regexp
	// ascii says that it uses \b or \B, which RE2 knows for ASCII only: a text with
	// other letters cannot be judged then.
	ascii bool
	// size is the number of steps that counted repetitions make of it, 0 without
	// any.
	size int
}

// match searches the text.
func (r *regex) match(text string) (bool, error) {
	if r.ascii && !isASCII(text) {
		return false, failf(ErrBroken, "pattern %q uses \\b, and the text has letters beyond ASCII: write out what may stand there", r.re)
	}
	return r.re.MatchString(text), nil
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// syntaxFault is what is wrong with a pattern, at an offset in octets.
type syntaxFault struct {
	at   int
	what string
}

// Error implements error.
func (f *syntaxFault) Error() string {
	return fmt.Sprintf("invalid pattern at offset %d: %s", f.at, f.what)
}

// dialect is how a pattern is read. Patterns are those of Python as far as RE2
// has the same; what means something else in RE2 is translated or refused, so
// that no pattern silently matches something else than it did elsewhere.
type dialect struct {
	// compat refuses what Python's re does not know, and lets $ match before a
	// newline at the end.
	compat bool
	// anchored patterns stand behind a ^, so that flags at their start are not at
	// the start of the expression.
	anchored bool
	// multiline is the flag m of the expression as a whole.
	multiline bool
}

const (
	wordClass = `\p{L}\p{N}_`
	// spaceClass is what Unicode calls white space, and the separators of ASCII.
	spaceClass = `\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	// endOrNewline is Python's $: the end, or before a newline at the end. It
	// takes the newline, which nothing may ask for behind a $ anyway.
	endOrNewline = `(?:\n?\z)`
)

// complement spells a negated class as ranges, since RE2 classes do not nest.
func complement(class string) string {
	parsed, err := syntax.Parse(class, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for i := 0; i+1 < len(parsed.Rune); i += 2 {
		fmt.Fprintf(&b, `\x{%x}-\x{%x}`, parsed.Rune[i], parsed.Rune[i+1])
	}
	return b.String()
}

// translator rewrites one pattern for RE2.
type translator struct {
	dialect
	in  string
	at  int
	out strings.Builder
	// repeatable says that something stands in front that can be repeated.
	repeatable bool
	boundary   bool
}

// translate rewrites a pattern for RE2.
func translate(pattern string, d dialect) (re2 string, boundary bool, err error) {
	t := translator{dialect: d, in: pattern}
	if !utf8.ValidString(pattern) {
		return "", false, &syntaxFault{0, "it is not UTF-8"}
	}
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return "", false, err
		}
	}
	return t.out.String(), t.boundary, nil
}

func (t *translator) fault(format string, args ...any) error {
	return &syntaxFault{t.at, fmt.Sprintf(format, args...)}
}

// next translates one piece.
func (t *translator) next() error {
	switch c := t.in[t.at]; c {
	case '\\':
		return t.escape(false)
	case '[':
		return t.class()
	case '(':
		return t.open()
	case '*', '+', '?':
		if !t.repeatable {
			return t.fault("%q has nothing to repeat", string(c))
		}
		n := 1
		if t.at+1 < len(t.in) && t.in[t.at+1] == '?' {
			n = 2
		}
		t.emit(t.in[t.at:t.at+n], n, false)
	case '{':
		return t.count()
	case '^':
		t.emit("^", 1, false)
	case '$':
		end := "$"
		if t.compat && !t.multiline {
			end = endOrNewline
		}
		t.emit(end, 1, false)
	case '|':
		t.emit("|", 1, false)
	default:
		_, n := utf8.DecodeRuneInString(t.in[t.at:])
		t.emit(t.in[t.at:t.at+n], n, true)
	}
	return nil
}

// emit writes a translation of the next n octets.
func (t *translator) emit(text string, n int, repeatable bool) {
	t.out.WriteString(text)
	t.at += n
	t.repeatable = repeatable
}

// count reads {m}, {m,}, {,n} and {m,n}; any other brace is literal.
func (t *translator) count() error {
	end := strings.IndexByte(t.in[t.at:], '}')
	low, high, ranged := "", "", false
	if end > 0 {
		low, high, ranged = strings.Cut(t.in[t.at+1:t.at+end], ",")
	}
	if end < 0 || !digits(low) || !digits(high) || !ranged && low == "" {
		t.emit(`\{`, 1, true)
		return nil
	}
	if !t.repeatable {
		return t.fault("%q has nothing to repeat", t.in[t.at:t.at+end+1])
	}
	n := end + 1
	text := "{" + low + "}"
	if ranged {
		if low == "" {
			low = "0"
		}
		text = "{" + low + "," + high + "}"
	}
	if t.at+n < len(t.in) && t.in[t.at+n] == '?' {
		text, n = text+"?", n+1
	}
	t.emit(text, n, false)
	return nil
}

// digits reports whether a text has nothing but digits; it may be empty.
func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// open reads the beginning of a group.
func (t *translator) open() error {
	rest := t.in[t.at:]
	switch {
	case !strings.HasPrefix(rest, "(?"):
		t.emit("(", 1, false)
	case strings.HasPrefix(rest, "(?:"), strings.HasPrefix(rest, "(?P<"):
		n := 3
		if rest[2] == 'P' {
			n = strings.IndexByte(rest, '>') + 1
		}
		if n == 0 {
			return t.fault("the name of the group has no end")
		}
		t.emit(rest[:n], n, false)
	default:
		return t.flags(rest)
	}
	return nil
}

// flags reads (?i), which holds for the whole expression and stands at its start,
// and (?i:, which opens a group.
func (t *translator) flags(rest string) error {
	end := strings.IndexAny(rest, ":)")
	if end < 0 {
		return t.fault("%q has no end", rest)
	}
	letters := rest[2:end]
	on, off, _ := strings.Cut(letters, "-")
	if letters == "" || strings.Trim(on+off, "imsu") != "" {
		return t.fault("%q is not supported: RE2 has neither look-around nor references", rest[:end+1])
	}
	if rest[end] == ')' && t.compat && (t.anchored || t.at > 0) {
		return t.fault("the flags %s are not at the start of the expression", rest[:end+1])
	}
	if strings.Contains(on, "m") && t.compat {
		return t.fault("the flag m is not supported in %s", rest[:end+1])
	}
	kept := strings.ReplaceAll(letters, "u", "") // Unicode is what there is
	if kept == "" || kept == "-" {
		kept = ""
	}
	text := "(?" + kept + rest[end:end+1]
	if text == "(?)" {
		text = ""
	}
	t.emit(text, end+1, false)
	return nil
}

// compileRegex translates and compiles a pattern between what anchors it.
func compileRegex(before, pattern, after string, d dialect) (*regex, error) {
	text, boundary, err := translate(pattern, d)
	if err != nil {
		return nil, err
	}
	// Alone first, so that it cannot close a group which holds it.
	if _, err := regexp.Compile(text); err != nil {
		return nil, patternError(pattern, err)
	}
	re, err := regexp.Compile(before + text + after)
	if err != nil {
		return nil, patternError(pattern, err)
	}
	return &regex{re, boundary, programSize(text)}, nil
}

// programSize is how large a pattern becomes by its counted repetitions.
func programSize(text string) int {
	if !strings.Contains(text, "{") {
		return 0
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 0 // which the caller has found out
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return len(prog.Inst)
}

// literalPrefix is the text that everything begins with which a pattern, anchored
// at its start, matches; it may be empty.
func literalPrefix(pattern string) string {
	if strings.Contains(pattern, "|") {
		return "" // an alternative may begin with something else
	}
	end := strings.IndexAny(pattern, `\.+*?()[]{}^$`)
	if end < 0 {
		return pattern
	}
	if strings.IndexByte("*?{", pattern[end]) >= 0 && end > 0 { // the last letter may be absent
		_, size := utf8.DecodeLastRuneInString(pattern[:end])
		end -= size
	}
	return pattern[:end]
}

// patternError says where in the pattern the fault is that RE2 found.
func patternError(pattern string, err error) error {
	fault, ok := err.(*syntax.Error) //nolint:errorlint // package regexp returns it bare
	if !ok {
		return fmt.Errorf("invalid pattern: %w", err)
	}
	if at := strings.Index(pattern, fault.Expr); at >= 0 && fault.Expr != "" {
		return &syntaxFault{at, fmt.Sprintf("%s: %q", fault.Code, fault.Expr)}
	}
	return fmt.Errorf("invalid pattern: %s", fault.Code)
}

// leadingFlags takes flags off the start of a pattern, for those that are put
// before the anchor.
func leadingFlags(pattern string) (flags, rest string) {
	if strings.HasPrefix(pattern, "(?") {
		if end := strings.IndexByte(pattern, ')'); end > 2 && strings.Trim(pattern[2:end], "aiLmsux") == "" {
			return pattern[:end+1], pattern[end+1:]
		}
	}
	return "", pattern
}
