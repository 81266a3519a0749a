package rego

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// Limits of regular expressions.
const (
	maxPatternLen  = 1 << 10  // octets
	maxValueLen    = 64 << 10 // octets
	maxTranslated  = 64 << 10 // octets of the pattern as RE2 reads it
	maxProgram     = 50_000   // instructions
	cachedPatterns = 1024
)

// patterns compiles regular expressions and remembers the last ones.
type patterns struct {
	cache *lru.Cache[string, *regexp.Regexp]
}

func newPatterns() (*patterns, error) {
	cache, err := lru.New[string, *regexp.Regexp](cachedPatterns)
	if err != nil {
		return nil, fmt.Errorf("make the cache of patterns: %w", err)
	}
	return &patterns{cache}, nil
}

// compile translates a pattern from Python's syntax and compiles it. An error
// names what is wrong and its offset in octets.
func (p *patterns) compile(pattern string) (*regexp.Regexp, error) {
	if re, ok := p.cache.Get(pattern); ok {
		return re, nil
	}
	if len(pattern) > maxPatternLen {
		return nil, fmt.Errorf("the pattern has %d octets, at most %d are allowed", len(pattern), maxPatternLen)
	}
	translated, err := translate(pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	re, err := compileRE2(translated)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, placed(pattern, err))
	}
	p.cache.Add(pattern, re)
	return re, nil
}

// compileRE2 compiles a pattern that does not blow up: counted repetitions are
// copied out, and a short pattern can have a very large program.
func compileRE2(pattern string) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxProgram {
		return nil, errors.New("too large: the repetitions multiply")
	}
	return regexp.Compile(pattern)
}

// placed gives an error of RE2 its offset, where the translation left the place
// as it was.
func placed(pattern string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return err
	}
	if at := strings.Index(pattern, fault.Expr); fault.Expr != "" && at >= 0 {
		return fmt.Errorf("%s at offset %d: %q", fault.Code, at, fault.Expr)
	}
	return errors.New(fault.Code.String())
}

// regexBuiltin is regex_match(value, pattern): whether the pattern occurs
// anywhere in the value, as re.search of Python has it.
func regexBuiltin(patterns *patterns) *builtin {
	return &builtin{
		name: "regex_match", args: []types.Type{types.S, types.S}, result: types.B,
		literal: func(args []*ast.Term) []error {
			faults := make([]error, 2)
			if s, ok := args[1].Value.(ast.String); ok {
				_, faults[1] = patterns.compile(string(s))
			}
			return faults
		},
		call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
			value, err := stringArg(args, 0, "the value")
			if err != nil {
				return nil, err
			}
			pattern, err := stringArg(args, 1, "the pattern")
			if err != nil {
				return nil, err
			}
			if len(value) > maxValueLen {
				return nil, fmt.Errorf("the value has %d octets, at most %d are allowed", len(value), maxValueLen)
			}
			re, err := patterns.compile(pattern)
			if err != nil {
				return nil, err
			}
			return ast.Boolean(re.MatchString(value)), nil
		},
	}
}
