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

	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// builtin is a helper function.
type builtin struct {
	name   string
	args   []arg
	result types.Type
	class  policyengine.Class
	// cost is 1 for cheap functions, 2 for a look-up in an index, 3 for a round
	// trip that may be needed and 4 for one that is.
	cost int
	// memoize: equal calls of one decision run once, so that they have one answer.
	memoize bool
	// doc says what it does, in one line; example is a call of it.
	doc, example string
	// keepable: the result of a policy that calls it can be kept though its class
	// is SideEffect.
	keepable bool
	// never says why the result of a policy that calls it cannot be kept, "" if it
	// can be.
	never string
	// whose: the first argument is a user, of whom no more is looked at than who it
	// is (userKeys).
	whose bool
	// reads are the places of the input that the function looks at itself. If
	// narrow is set, it says so of a call with these arguments, as they are written.
	reads  []policyengine.Path
	narrow func(args []*ast.Term) []policyengine.Path
	// literal checks arguments when a policy is loaded; it gets them as they are
	// written, and returns one error or nil for each. May be nil.
	literal func(args []*ast.Term) []error
	// call answers. Its arguments are values, in number and not yet in type as
	// declared. An error is a policy exception.
	call func(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error)
}

// arg is a declared argument.
type arg struct {
	name string
	typ  types.Type
}

// sideEffect functions must run even where the result is already clear.
func (b *builtin) sideEffect() bool { return b.class == policyengine.SideEffect }

// uncacheable says why the result of a policy that calls the function cannot be
// kept; empty if it can be.
func (b *builtin) uncacheable() string {
	if b.never == "" && b.sideEffect() && !b.keepable {
		return "it has side effects"
	}
	return b.never
}

// builtins are the functions that one set of policies can call, and what they
// work with.
type builtins struct {
	byName map[string]*builtin
	world  *world
}

// newBuiltins collects our helpers and the plugin functions.
func newBuiltins(o Options) (*builtins, error) {
	w := &world{users: o.Users, dns: o.DNS, web: o.Web, native: o.Native, patterns: pyregex.NewCache(), log: o.Log}
	b := &builtins{byName: map[string]*builtin{}, world: w}
	for _, own := range ownBuiltins(w) {
		b.byName[own.name] = own
	}
	var faults []error
	for _, h := range o.Helpers {
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

// ownBuiltins are all functions but those of plugins, in the order of their
// documentation.
func ownBuiltins(w *world) []*builtin {
	return slices.Concat(
		textBuiltins(w), listBuiltins(), addressBuiltins(), []*builtin{callBuiltin()},
		userBuiltins(w), effectBuiltins(), networkBuiltins(w),
	)
}

func (b *builtin) declaration() *types.Function {
	args := make([]types.Type, len(b.args))
	for i := range args {
		args[i] = b.args[i].typ
	}
	return types.NewFunction(args, b.result)
}

func (b *builtin) nondeterministic() bool { return b.class != policyengine.Deterministic }

// declarations tells the compiler which functions there are.
func (bs *builtins) declarations() []*ast.Builtin {
	all := make([]*ast.Builtin, 0, len(bs.byName))
	for _, name := range sortedKeys(bs.byName) {
		b := bs.byName[name]
		all = append(all, &ast.Builtin{Name: name, Decl: b.declaration(), Nondeterministic: b.nondeterministic()})
	}
	return all
}

// implementations tells a query how to call them. OPA's own memory of calls is
// not used: it lasts for one policy, and writes all arguments out as text.
func (bs *builtins) implementations() []func(*opa.Rego) {
	all := make([]func(*opa.Rego), 0, len(bs.byName))
	for _, name := range sortedKeys(bs.byName) {
		b := bs.byName[name]
		decl := &opa.Function{Name: name, Decl: b.declaration(), Nondeterministic: b.nondeterministic()}
		all = append(all, opa.FunctionDyn(decl, b.run))
	}
	return all
}

// run calls the function. Panics become errors here, since OPA lets them
// through; and every error ends the evaluation, where OPA would go on with the
// call being undefined.
func (b *builtin) run(bctx opa.BuiltinContext, terms []*ast.Term) (result *ast.Term, err error) {
	e, ok := bctx.Context.Value(evaluationKey{}).(*evaluation)
	if !ok {
		return nil, opa.NewHaltError(errors.New("called outside of a policy"))
	}
	code := policyengine.ExceptionHelper
	defer func() {
		if p := recover(); p != nil {
			code, err = policyengine.ExceptionPanic, fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			e.failed = &policyengine.Exception{Code: code, Err: fmt.Errorf("%s: %w", b.name, err)}
			result, err = nil, opa.NewHaltError(err)
		}
	}()
	if err := bctx.Context.Err(); err != nil {
		return nil, ended(err)
	}
	args := make([]ast.Value, len(b.args))
	for i := range b.args {
		args[i] = terms[i].Value
	}
	e.location = bctx.Location
	v, err := e.call(bctx.Context, b, args)
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
	names := map[string]bool{"plugin": true, "ak_logger": true, "requests": true}
	for _, name := range functionNames(caps) {
		names[name] = true
	}
	return names
}
