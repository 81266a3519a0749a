package pyregex

import (
	"context"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Engine is what searches.
type Engine uint8

const (
	// RE2 takes time in proportion to the value, and refuses what that cannot do.
	RE2 Engine = iota
	// Backtracking takes everything that Python has, with a limit of a second for
	// a call. What RE2 can do is left to RE2 all the same.
	Backtracking
)

// Limits. All sizes are in octets.
const (
	maxPattern  = 1 << 10
	maxValue    = 64 << 10
	maxResult   = 256 << 10
	maxTemplate = 64 << 10
	// maxProgram is how many instructions of RE2 a pattern can have; counted
	// repetitions multiply them.
	maxProgram = 10_000
)

// Pattern is a compiled pattern. It is safe for concurrent use.
type Pattern struct {
	groups int
	names  map[string]int
	// exact and fast are for RE2: fast is regexp's own, in which $ means the end.
	exact  *machine
	fast   *regexp.Regexp
	dollar bool // there is a $ without flag m
	// back is for what RE2 cannot do; with exact beside it, for values that are
	// not ASCII, where RE2 does not know the boundaries of words.
	back     *backtracker
	warnings []string
}

// compile parses a pattern, and compiles it for RE2 if that can do it.
func compile(pattern string, e Engine) (*Pattern, error) {
	if len(pattern) > maxPattern {
		return nil, &Error{
			Class: BadPattern, Offset: -1,
			Reason: fmt.Sprintf("%d octets, at most %d are allowed", len(pattern), maxPattern),
		}
	}
	tree, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	p := &Pattern{groups: tree.groups, names: tree.names}
	bounds, err := p.compileRE2(tree.root)
	if e == RE2 || err == nil && len(bounds) == 0 {
		for _, at := range bounds {
			p.warnings = append(p.warnings, fmt.Sprintf(`pattern: \b or \B at offset %d knows ASCII letters only, in Python those of all scripts: `+
				`write (?a:\b) if that is what you mean, or set regex_engine: backtracking for the policy`, at))
		}
		return p, err
	}
	w, err := write(tree.root, Backtracking, "")
	if err == nil {
		p.back, err = newBacktracker(w.String())
	}
	return p, err
}

// compileRE2 returns where the boundaries of words are, which RE2 does not know
// as Python does.
func (p *Pattern) compileRE2(root *node) (boundaries []int, err error) {
	lines, err := write(root, RE2, `(?m:$)`)
	if err != nil {
		return nil, err
	}
	parsed, err := syntax.Parse(lines.String(), syntax.Perl)
	if err != nil {
		return nil, &Error{Class: BadPattern, Reason: "RE2 refuses it: " + err.Error(), Offset: -1}
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return nil, &Error{
			Class: BadPattern, Reason: "too large", Offset: -1,
			Hint: "make the counts of repetitions smaller; inside of each other they multiply",
		}
	}
	ends, err := write(root, RE2, `\z`)
	if err != nil {
		return nil, err
	}
	if p.fast, err = regexp.Compile(ends.String()); err != nil {
		return nil, &Error{Class: BadPattern, Reason: "RE2 refuses it: " + err.Error(), Offset: -1}
	}
	p.exact, p.dollar = &machine{prog: prog, dollar: lines.dollars, slots: 2 * (p.groups + 1)}, lines.dollars
	return lines.boundaries, nil
}

// Warnings tells where the pattern may mean something else than in Python.
func (p *Pattern) Warnings() []string { return p.warnings }

// Match reports whether the pattern occurs anywhere in the value, which can have
// 64 KiB. An error says that this could not be found out; it is ErrTimeout if it
// took too long.
func (p *Pattern) Match(value string) (bool, error) {
	return p.MatchContext(context.Background(), value)
}

// MatchContext is Match with a deadline, which counts if it is earlier than the
// limit of a backtracking search.
func (p *Pattern) MatchContext(ctx context.Context, value string) (bool, error) {
	if len(value) > maxValue {
		return false, tooLarge("the value has %d octets, at most %d are allowed", len(value), maxValue)
	}
	// Without a newline at the end Python's $ is the end.
	if !p.backtracks(value) && !(p.dollar && strings.HasSuffix(value, "\n")) {
		if len(p.exact.prog.Inst)*len(value) > maxSteps {
			return false, tooLarge("the regular expression takes too many steps on a value of %d octets", len(value))
		}
		return p.fast.MatchString(value), nil
	}
	found, err := p.finder(ctx, value)(0, false)
	return found != nil, err
}

// backtracks tells whether RE2 cannot answer for a value.
func (p *Pattern) backtracks(value string) bool {
	return p.back != nil && (p.exact == nil || value == "" || !isASCII(value))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// finder finds the first match at or after a place, as pairs of offsets in octets
// of the whole and of the groups, -1 for groups that took no part; nil if there is
// none. With nonEmpty an empty match at the place itself does not count.
type finder func(from int, nonEmpty bool) ([]int, error)

func (p *Pattern) finder(ctx context.Context, value string) finder {
	if p.backtracks(value) {
		return p.back.finder(ctx, value)
	}
	return p.exact.run(value).find
}
