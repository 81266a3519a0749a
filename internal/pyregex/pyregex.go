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
	empty  bool // an empty match may be found
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
	p := &Pattern{groups: len(tree.groups) - 1, names: tree.names}
	w, err := p.compileRE2(tree)
	if e == RE2 {
		if err != nil {
			return nil, err
		}
		p.warn(w)
		return p, nil
	}
	if err == nil && len(w.boundaries) == 0 && len(w.loops) == 0 {
		return p, nil
	}
	if err == nil && len(w.loops) > 0 {
		p.exact = nil
	}
	if w, err = write(tree, Backtracking, ""); err != nil {
		return nil, err
	}
	p.back, err = newBacktracker(w)
	return p, err
}

// compileRE2 compiles a pattern for RE2 and returns what was met in it.
func (p *Pattern) compileRE2(tree *parsed) (*writer, error) {
	lines, err := write(tree, RE2, `(?m:$)`)
	if err != nil {
		return nil, err
	}
	ends, err := write(tree, RE2, `\z`)
	if err != nil {
		return nil, err
	}
	prog, err := program(lines.String())
	if err == nil {
		p.fast, err = regexp.Compile(ends.String())
	}
	if err != nil {
		return nil, &Error{Class: BadPattern, Reason: "RE2 refuses it: " + err.Error(), Offset: -1}
	}
	if len(prog.Inst) > maxProgram {
		return nil, &Error{
			Class: BadPattern, Reason: "too large", Offset: -1,
			Hint: "make the counts of repetitions smaller; inside of each other they multiply",
		}
	}
	low, _ := tree.root.width(tree.groups)
	p.empty, p.dollar = low == 0, lines.dollars
	p.exact = &machine{prog: prog, dollar: lines.dollars, slots: 2 * (p.groups + 1)}
	return lines, nil
}

func program(text string) (*syntax.Prog, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return syntax.Compile(re.Simplify())
}

// warn tells about what RE2 does in another way than Python.
func (p *Pattern) warn(w *writer) {
	const or = "set regex_engine: backtracking for the policy"
	for _, at := range w.boundaries {
		p.warnings = append(p.warnings, fmt.Sprintf(`pattern: \b or \B at offset %d knows ASCII letters only, in Python those of all scripts: `+
			`write (?a:\b) if that is what you mean, or `+or, at))
	}
	for _, at := range w.loops {
		p.warnings = append(p.warnings, fmt.Sprintf("pattern: the repetition at offset %d is of something that can match nothing: "+
			"a match or its groups can end elsewhere than in Python; write it so that each round matches something, or "+or, at))
	}
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
	switch {
	case p.backtracks(value):
		if p.back.rounds*len(value) > maxRounds {
			return false, tooManySteps(value)
		}
	case p.steps(value) > maxSteps:
		return false, tooManySteps(value)
	case p.isPlain(value):
		return p.fast.MatchString(value), nil
	}
	found, err := p.finder(ctx, value)(false)
	return found != nil, err
}

// backtracks tells whether RE2 cannot answer for a value.
func (p *Pattern) backtracks(value string) bool {
	return p.back != nil && (p.exact == nil || !isASCII(value))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// finder finds the next match, at or after the end of the last, as pairs of offsets
// in octets of the whole and of the groups, -1 for groups that took no part; nil if
// there is none. With nonEmpty an empty match at that end itself does not count.
type finder func(nonEmpty bool) ([]int, error)

func (p *Pattern) finder(ctx context.Context, value string) finder {
	if p.backtracks(value) {
		return p.back.finder(ctx, value)
	}
	if p.isPlain(value) && !p.empty && p.steps(value)*len(value) <= maxSteps {
		// Without empty matches regexp finds the same, several times as fast, and
		// the value is short enough to search all of it from every place.
		all := p.fast.FindAllStringSubmatchIndex(value, -1)
		return func(bool) (m []int, err error) {
			if len(all) > 0 {
				m, all = all[0], all[1:]
			}
			return m, nil
		}
	}
	r, end := p.exact.run(value), 0
	return func(nonEmpty bool) ([]int, error) {
		m, err := r.find(end, nonEmpty)
		if m != nil {
			end = m[1]
		}
		return m, err
	}
}

// isPlain tells whether regexp answers for a value as Python does: $ means the end
// alone, and there are no empty texts, in which the two have different \B.
func (p *Pattern) isPlain(value string) bool {
	return value != "" && (!p.dollar || !strings.HasSuffix(value, "\n"))
}

// steps is how many steps one search on RE2 takes at most.
func (p *Pattern) steps(value string) int { return len(p.exact.prog.Inst) * len(value) }
