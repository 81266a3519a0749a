package rego

import (
	"context"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego/lint"
)

// textBuiltins are regex_match and regex_replace. Their language is that of
// Python's re, as package pyregex has it.
func textBuiltins(w *world) []*builtin {
	value, pattern := arg{"value", types.S}, arg{"regex", types.S}
	return []*builtin{
		{
			name: "regex_match", args: []arg{value, pattern}, result: types.B,
			class: policyengine.Deterministic, cost: 1,
			doc:     "Tells whether the regular expression fits anywhere in the value.",
			example: `regex_match(input.request.user.username, "^(svc|sa)[-_]")`,
			literal: func(args []*ast.Term) []error {
				_, err := w.literalPattern(args[1])
				return []error{nil, err}
			},
			call: w.regexMatch,
		},
		{
			name: "regex_replace", args: []arg{value, pattern, {"replacement", types.S}}, result: types.S,
			class: policyengine.Deterministic, cost: 1,
			doc:     `Replaces every match of the regular expression; \1 and \g<name> in the replacement are groups.`,
			example: `regex_replace(input.request.user.email, "(.+)@.+", "\\1")`,
			literal: func(args []*ast.Term) []error {
				faults := make([]error, 3)
				var p *pyregex.Pattern
				p, faults[1] = w.literalPattern(args[1])
				if p != nil && len(p.Warnings()) > 0 {
					faults[1] = lint.Doubt(strings.Join(p.Warnings(), "; "))
				}
				if s, ok := args[2].Value.(ast.String); ok && p != nil {
					_, faults[2] = p.ParseTemplate(string(s))
				}
				return faults
			},
			call: w.regexReplace,
		},
	}
}

// engine is the engine for the regular expressions of a file.
func (w *world) engine(at *ast.Location) pyregex.Engine {
	if len(w.engines) == 0 || at == nil {
		return pyregex.RE2
	}
	return w.engines[at.File]
}

// literalPattern compiles a pattern that is written down; it is nil for another.
func (w *world) literalPattern(t *ast.Term) (*pyregex.Pattern, error) {
	s, ok := t.Value.(ast.String)
	if !ok {
		return nil, nil
	}
	return w.patterns.Compile(string(s), w.engine(t.Location))
}

func (w *world) regexMatch(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
	value, p, err := w.search(e, args)
	if err != nil {
		return nil, err
	}
	found, err := p.MatchContext(ctx, value)
	return ast.Boolean(found), err
}

func (w *world) regexReplace(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
	value, p, err := w.search(e, args)
	if err != nil {
		return nil, err
	}
	replacement, err := stringArg(args, 2, "the replacement")
	if err != nil {
		return nil, err
	}
	template, err := p.ParseTemplate(replacement)
	if err != nil {
		return nil, err
	}
	text, err := p.ReplaceContext(ctx, value, template)
	return ast.String(text), err
}

// search reads the arguments that both functions have.
func (w *world) search(e *evaluation, args []ast.Value) (value string, p *pyregex.Pattern, err error) {
	if value, err = stringArg(args, 0, "the value"); err != nil {
		return "", nil, err
	}
	pattern, err := stringArg(args, 1, "the pattern")
	if err != nil {
		return "", nil, err
	}
	p, err = w.patterns.Compile(pattern, w.engine(e.location))
	return value, p, err
}
