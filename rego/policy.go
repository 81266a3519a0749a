package rego

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// Policy is one expression policy, ready to be evaluated.
type Policy struct {
	name  string
	set   *Set
	query opa.PreparedEvalQuery
	reads policyengine.Reads
	// document makes the input document, with what the policies of the set can
	// look at.
	document *part
	// options are those of every evaluation.
	options []opa.EvalOption
}

var _ policyengine.Expression = (*Policy)(nil)

// Reads says what of the input the policy, and those that it calls, can look at.
func (p *Policy) Reads() policyengine.Reads { return p.reads }

// inputKey keys the input document that the policies of one decision share.
type inputKey struct {
	in       *policyengine.Input
	document *part
}

// Eval evaluates the policy's package once and reads allow, messages and
// raw_result from it. Whatever goes wrong is an *policyengine.Exception with the
// place in the policy: a failed helper, conflicting rules, a value of a wrong
// type, a panic, the end of ctx.
func (p *Policy) Eval(ctx context.Context, in *policyengine.Input) (policyengine.Result, error) {
	if in == nil || in.User == nil {
		return policyengine.Result{}, &policyengine.Exception{
			Code: policyengine.ExceptionInternal, Policy: p.name, Err: errors.New("no user to evaluate the policy for"),
		}
	}
	e := &evaluation{policy: p, in: in}
	e.root = e
	return e.run(ctx, p.input(ctx, in))
}

// input is the input document of a login, made once for all policies of a
// decision.
func (p *Policy) input(ctx context.Context, in *policyengine.Input) ast.Value {
	return policyengine.Share(ctx, inputKey{in, p.document}, func() ast.Value { return p.document.of(in) })
}

// run evaluates the policy.
func (e *evaluation) run(ctx context.Context, document ast.Value, more ...opa.EvalOption) (result policyengine.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = policyengine.Result{}, e.exception(ctx, policyengine.ExceptionPanic, fmt.Errorf("panic: %v", r))
		}
	}()
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	options := make([]opa.EvalOption, 0, len(e.policy.options)+len(more)+4)
	options = append(options, e.policy.options...)
	options = append(options,
		opa.EvalParsedInput(document),
		opa.EvalPrintHook(printer{e}),
		opa.EvalExternalCancel(cancel),
	)
	if e.in != nil && !e.in.Now.IsZero() {
		options = append(options, opa.EvalTime(e.in.Now))
	}
	rs, err := e.policy.query.Eval(context.WithValue(ctx, evaluationKey{}, e), append(options, more...)...)
	if err != nil || ctx.Err() != nil {
		return policyengine.Result{}, e.exception(ctx, policyengine.ExceptionInternal, err)
	}
	if len(rs) == 1 && len(rs[0].Expressions) == 1 {
		if r, ok := rs[0].Expressions[0].Value.(*rules); ok {
			if result, err = e.result(r); err != nil {
				return policyengine.Result{}, e.exception(ctx, policyengine.ExceptionResult, err)
			}
			return result, nil
		}
	}
	return policyengine.Result{}, e.exception(ctx, policyengine.ExceptionInternal, errors.New("the policy has no result"))
}

// exception says why there is no result. The code is that of an error that tells
// no other itself.
func (e *evaluation) exception(ctx context.Context, code policyengine.ExceptionCode, err error) *policyengine.Exception {
	x := &policyengine.Exception{Code: code, Policy: e.policy.name, Err: err}
	var fault *topdown.Error
	var bad resultError
	switch late := ctx.Err(); {
	case errors.Is(late, context.DeadlineExceeded):
		x.Code, x.Err = policyengine.ExceptionTimeout, ended(late)
	case late != nil:
		x.Code, x.Err = policyengine.ExceptionCanceled, ended(late)
	case errors.As(err, &fault):
		x.Location = placeOf(fault.Location)
		x.Code, x.Err = codeOf(fault), errors.New(shortened(fault.Message)) // it may quote a value
		if e.failed != nil {
			x.Code, x.Err = e.failed.Code, e.failed.Err
		}
	case errors.As(err, &bad):
		x.Code, x.Err = policyengine.ExceptionResult, bad.error
	}
	return x
}

func codeOf(e *topdown.Error) policyengine.ExceptionCode {
	switch e.Code {
	case topdown.ConflictErr:
		return policyengine.ExceptionConflict
	case topdown.BuiltinErr, topdown.TypeErr:
		return policyengine.ExceptionHelper
	}
	return policyengine.ExceptionInternal
}

// ended says why an evaluation was cut short.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("timed out: %w", err)
	}
	return fmt.Errorf("stopped: %w", err)
}

// placeOf writes a location as FILE:LINE:COLUMN.
func placeOf(l *ast.Location) string {
	if l == nil || l.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}
