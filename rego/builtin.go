package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// evaluation is the state of one evaluation of one policy. Builtins reach it
// through their context; OPA runs them one after the other.
type evaluation struct {
	in       *policyengine.Input
	messages []string
}

type evaluationKey struct{}

// builtin is a helper function.
type builtin struct {
	name   string
	args   []types.Type
	result types.Type
	// memoize: equal calls of one evaluation run once. OPA writes all arguments
	// out as text to compare them, which costs more than our own functions do.
	memoize bool
	// nondeterministic functions read more than their arguments.
	nondeterministic bool
	// sideEffect functions must run even where the result is already clear.
	sideEffect bool
	// reads are the places of the input that the function looks at itself.
	reads []policyengine.Path
	// literal checks arguments when a policy is loaded; it gets them as they are
	// written, and returns one error or nil for each. May be nil.
	literal func(args []*ast.Term) []error
	// call answers. Its arguments are values, in number and not yet in type as
	// declared. An error is a policy exception.
	call func(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error)
}

// builtins are the functions that one set of policies can call.
type builtins struct {
	byName map[string]*builtin
}

// newBuiltins collects our helpers and the plugin functions.
func newBuiltins(helpers []policyengine.Helper) (*builtins, error) {
	patterns, err := newPatterns()
	if err != nil {
		return nil, err
	}
	b := &builtins{byName: map[string]*builtin{}}
	for _, own := range []*builtin{messageBuiltin(), regexBuiltin(patterns), memberBuiltin(patterns), networkBuiltin()} {
		b.byName[own.name] = own
	}
	var faults []error
	for _, h := range helpers {
		p, err := pluginBuiltin(h)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("condition helper %q: %w", h.Name, err))
		case b.byName[p.name] != nil:
			faults = append(faults, fmt.Errorf("condition helper %q: there is another one of this name", h.Name))
		default:
			b.byName[p.name] = p
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return b, nil
}

func (b *builtin) declaration() *types.Function {
	args := make([]types.Type, len(b.args))
	copy(args, b.args)
	return types.NewFunction(args, b.result)
}

// declarations tells the compiler which functions there are.
func (bs *builtins) declarations() []*ast.Builtin {
	all := make([]*ast.Builtin, 0, len(bs.byName))
	for _, name := range sortedKeys(bs.byName) {
		b := bs.byName[name]
		all = append(all, &ast.Builtin{Name: name, Decl: b.declaration(), Nondeterministic: b.nondeterministic})
	}
	return all
}

// implementations tells a query how to call them.
func (bs *builtins) implementations() []func(*opa.Rego) {
	all := make([]func(*opa.Rego), 0, len(bs.byName))
	for _, name := range sortedKeys(bs.byName) {
		b := bs.byName[name]
		decl := &opa.Function{Name: name, Decl: b.declaration(), Memoize: b.memoize, Nondeterministic: b.nondeterministic}
		all = append(all, opa.FunctionDyn(decl, b.run))
	}
	return all
}

// run calls the function. Panics become errors here, since OPA lets them
// through; and every error ends the evaluation, where OPA would go on with the
// call being undefined.
func (b *builtin) run(bctx opa.BuiltinContext, terms []*ast.Term) (result *ast.Term, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			result, err = nil, opa.NewHaltError(err)
		}
	}()
	e, ok := bctx.Context.Value(evaluationKey{}).(*evaluation)
	if !ok {
		return nil, errors.New("called outside of a policy")
	}
	if err := bctx.Context.Err(); err != nil {
		return nil, ended(err)
	}
	args := make([]ast.Value, len(b.args))
	for i := range b.args {
		args[i] = terms[i].Value
	}
	v, err := b.call(bctx.Context, e, args)
	if err != nil {
		return nil, err
	}
	return ast.NewTerm(v), nil
}

// functionNames lists every function that a policy can call, sorted.
func functionNames(caps *ast.Capabilities) []string {
	var all []string
	for _, b := range caps.Builtins {
		if b.Infix == "" && !strings.HasPrefix(b.Name, "internal.") {
			all = append(all, b.Name)
		}
	}
	slices.Sort(all)
	return all
}

// ruleNames are the names that no rule may have, because it would hide a
// function.
func ruleNames(caps *ast.Capabilities) map[string]bool {
	names := map[string]bool{"plugin": true}
	for _, name := range functionNames(caps) {
		names[name] = true
	}
	return names
}

// stringArg demands that an argument is a string. OPA's own check sees only what
// is known when a policy is compiled, and not what comes from the input.
func stringArg(args []ast.Value, i int, name string) (string, error) {
	s, ok := args[i].(ast.String)
	if !ok {
		return "", fmt.Errorf("%s is %s: it must be a string", name, article(args[i]))
	}
	return string(s), nil
}

// article names the type of a value with its article.
func article(v ast.Value) string {
	switch name := ast.ValueName(v); name {
	case "null":
		return name
	case "array", "object":
		return "an " + name
	default:
		return "a " + name
	}
}

// messageBuiltin is ak_message(text): it adds a text for the user and is true.
func messageBuiltin() *builtin {
	return &builtin{
		name: "ak_message", args: []types.Type{types.S}, result: types.B,
		nondeterministic: true, sideEffect: true,
		call: func(_ context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
			text, err := stringArg(args, 0, "the text")
			if err != nil {
				return nil, err
			}
			if len(text) > maxMessageLen {
				return nil, fmt.Errorf("%d octets, at most %d are allowed", len(text), maxMessageLen)
			}
			if len(e.messages) == maxMessages {
				return nil, fmt.Errorf("more than %d messages", maxMessages)
			}
			e.messages = append(e.messages, text)
			return ast.Boolean(true), nil
		},
	}
}
