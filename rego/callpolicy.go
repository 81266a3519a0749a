package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Limits of policies that call policies.
const (
	maxCallDepth = 8
	maxCalls     = 64 // that are evaluated in one decision
	maxFaultLen  = 1024
)

const callName = "ak_call_policy"

func callBuiltin() *builtin {
	return &builtin{
		name: callName, args: []arg{{"name", types.S}, {"kwargs", objectType()}}, result: objectType(),
		class: policyengine.ReadsState, cost: 3,
		doc:     "Evaluates another policy, with kwargs put over input.context; the result has passing, messages and raw_result, and error where that policy failed.",
		example: `ak_call_policy("secure_access", {"min_factors": 2}).passing`,
		call:    callPolicy,
	}
}

// callPolicy evaluates a policy by name. That one's failure is not the caller's:
// it is part of the answer.
func callPolicy(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
	name, err := stringArg(args, 0, "the name")
	if err != nil {
		return nil, err
	}
	kwargs, err := objectArg(args, 1, "kwargs")
	if err != nil {
		return nil, err
	}
	overlay, err := over(e.overlay, kwargs)
	if err != nil {
		return nil, err
	}
	callee, err := e.policy.set.callee(name)
	if err != nil {
		return nil, err
	}
	if err := e.mayCall(name); err != nil {
		return nil, err
	}
	var key strings.Builder
	key.WriteString(callKey(callName, args[:1]))
	if overlay != nil {
		key.WriteString(overlay.String())
	}
	a, cached := e.once(ctx, key.String(), func(ctx context.Context) *answer {
		if err := e.decision(ctx).count(); err != nil {
			return &answer{err: err}
		}
		r, err := callee.safely(ctx, e, overlay)
		return answerOf(ctx, name, r, err)
	})
	if err := ctx.Err(); err != nil {
		return nil, ended(err)
	}
	if a.err != nil {
		return nil, a.err
	}
	if !slices.Contains(e.heard, a) {
		e.heard, e.events = append(e.heard, a), append(e.events, a.events...)
	}
	e.cached = cached
	return a.value, nil
}

// over puts kwargs over what is over the context already; nil is nothing.
func over(overlay, kwargs ast.Object) (ast.Object, error) {
	err := kwargs.Iter(func(k, _ *ast.Term) error {
		if _, ok := k.Value.(ast.String); !ok {
			return wrongType(k.Value, "a key of kwargs", "a string")
		}
		return nil
	})
	switch {
	case err != nil || kwargs.Len() == 0:
		return overlay, err
	case overlay == nil:
		return kwargs, nil
	}
	return overlaid(overlay, kwargs), nil
}

// overlaid is an object with the pairs of a second one put over its own.
func overlaid(below, above ast.Object) ast.Object {
	o := ast.NewObject()
	below.Foreach(o.Insert)
	above.Foreach(o.Insert)
	return o
}

// callee is a policy of any kind, ready to be called.
type callee func(ctx context.Context, caller *evaluation, overlay ast.Object) (policyengine.Result, error)

// safely calls the policy, with a panic as an error.
func (c callee) safely(ctx context.Context, caller *evaluation, overlay ast.Object) (r policyengine.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = policyengine.Result{}, &policyengine.Exception{Code: policyengine.ExceptionPanic, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return c(ctx, caller, overlay)
}

// callee finds a policy: one of the set, a scoped one, or a function of a plugin
// that needs no arguments.
func (s *Set) callee(name string) (callee, error) {
	if p := s.policies[name]; p != nil {
		return p.called, nil
	}
	if s.world.isNative(name) {
		return func(ctx context.Context, caller *evaluation, _ ast.Object) (policyengine.Result, error) {
			if caller.in.User == nil {
				return policyengine.Result{}, errors.New("there is no login to ask scoped policies about")
			}
			ok, err := s.world.native.Applies(ctx, name, caller.in)
			return policyengine.Result{Passing: ok, Raw: ok}, err
		}, nil
	}
	if b := s.builtins.question(name); b != nil {
		return func(ctx context.Context, caller *evaluation, _ ast.Object) (policyengine.Result, error) {
			v, err := caller.call(ctx, b, nil)
			passing, _ := v.(ast.Boolean)
			return policyengine.Result{Passing: bool(passing), Raw: bool(passing)}, err
		}, nil
	}
	return nil, fmt.Errorf("there is no policy %.80q%s", name, config.DidYouMean(name, sortedKeys(s.policies)))
}

func (w *world) isNative(name string) bool { return w.native != nil && w.native.Has(name) }

// question is a function of a plugin that is true or false without arguments; nil
// if the name is of none.
func (bs *builtins) question(name string) *builtin {
	b := bs.byName[name]
	if b == nil || !strings.HasPrefix(name, pluginPrefix) || len(b.args) > 0 || types.Compare(b.result, types.B) != 0 {
		return nil
	}
	return b
}

// mayCall refuses cycles and calls that are too deep.
func (e *evaluation) mayCall(name string) error {
	stack := []string{name}
	for c := e; c != nil; c = c.caller {
		stack = append(stack, c.policy.name)
		if c.policy.name == name {
			e.root.refused++
			slices.Reverse(stack)
			return fmt.Errorf("policies call each other in a circle: %s", strings.Join(stack, ", "))
		}
	}
	if len(stack) > maxCallDepth+1 {
		e.root.refused++
		return fmt.Errorf("policies call each other more than %d deep", maxCallDepth)
	}
	return nil
}

func (d *decision) count() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls++; d.calls > maxCalls {
		return fmt.Errorf("more than %d calls in one decision", maxCalls)
	}
	return nil
}

// called evaluates the policy for another one.
func (p *Policy) called(ctx context.Context, caller *evaluation, overlay ast.Object) (policyengine.Result, error) {
	e := &evaluation{policy: p, in: caller.in, given: caller.given, overlay: overlay, caller: caller, root: caller.root, trace: caller.trace}
	document := caller.given
	if document == nil {
		document = p.input(ctx, e.in)
	}
	return e.run(ctx, withContext(document, overlay), e.trace.options()...)
}

// withContext is an input document with its context overlaid.
func withContext(document ast.Value, overlay ast.Object) ast.Value {
	o, ok := document.(ast.Object)
	if !ok || overlay == nil {
		return document
	}
	context := overlay
	if below, ok := rule(o, "context").(ast.Object); ok {
		context = overlaid(below, overlay)
	}
	return overlaid(o, ast.NewObject(ast.Item(ast.InternedTerm("context"), ast.NewTerm(context))))
}

// answerOf is what a caller sees of another policy. A failure is not to be kept,
// and has an entry of its own in the audit.
func answerOf(ctx context.Context, name string, r policyengine.Result, err error) *answer {
	if err != nil {
		fresh.Never(ctx, "policy "+name+" failed")
		x := &policyengine.Exception{Code: policyengine.ExceptionHelper, Policy: name, Err: err}
		_ = errors.As(err, &x)
		return &answer{
			value: objectOf(map[string]ast.Value{"passing": ast.Boolean(false), "messages": ast.NewArray(), "raw_result": ast.NullValue, "error": ast.String(x.Code)}),
			events: []policyengine.Event{{Action: "policy_exception", Policy: name, Context: event.Context(map[string]any{
				"code": string(x.Code), "location": x.Location, "error": fmt.Sprintf("%.*s", maxFaultLen, x.Err),
			})}},
		}
	}
	raw, err := ast.InterfaceToValue(r.Raw)
	if err != nil {
		return &answer{err: fmt.Errorf("the raw_result of %s: %w", name, err)}
	}
	return &answer{
		value:  objectOf(map[string]ast.Value{"passing": ast.Boolean(r.Passing), "messages": list(r.Messages), "raw_result": raw}),
		events: r.Events,
	}
}
