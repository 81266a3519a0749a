package rego

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// Policy is one expression policy, ready to be evaluated.
type Policy struct {
	name  string
	query opa.PreparedEvalQuery
	reads []policyengine.Path
	// document makes the input document, with what the policies of the set can
	// look at.
	document *part
	// options are those of every evaluation.
	options []opa.EvalOption
	log     *slog.Logger
}

var _ policyengine.Expression = (*Policy)(nil)

// Reads says what of the input document the policy can look at. The empty path is
// the whole document.
func (p *Policy) Reads() policyengine.Reads {
	return policyengine.Reads{Paths: slices.Clone(p.reads), Uncacheable: "not known to be cacheable"}
}

// inputKey keys the input document that the policies of one decision share.
type inputKey struct {
	in       *policyengine.Input
	document *part
}

// Eval evaluates the policy's package once and reads allow, messages and
// raw_result from it. Whatever goes wrong is an error with the place in the
// policy: a failed helper, conflicting rules, a value of a wrong type, a panic,
// the end of ctx.
func (p *Policy) Eval(ctx context.Context, in *policyengine.Input) (result policyengine.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = policyengine.Result{}, fmt.Errorf("panic: %v", r)
		}
	}()
	if in == nil || in.User == nil {
		return policyengine.Result{}, errors.New("no user to evaluate the policy for")
	}
	document := policyengine.Share(ctx, inputKey{in, p.document}, func() ast.Value { return p.document.of(in) })
	run := &evaluation{in: in}
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	options := append(slices.Clip(p.options),
		opa.EvalParsedInput(document),
		opa.EvalPrintHook(printer{log: p.log, policy: p.name, request: in.RequestID}),
		opa.EvalExternalCancel(cancel),
	)
	if !in.Now.IsZero() {
		options = append(options, opa.EvalTime(in.Now))
	}
	rs, err := p.query.Eval(context.WithValue(ctx, evaluationKey{}, run), options...)
	if late := ctx.Err(); late != nil {
		return policyengine.Result{}, ended(late)
	}
	if err != nil {
		return policyengine.Result{}, located(err)
	}
	if len(rs) != 1 || len(rs[0].Expressions) != 1 {
		return policyengine.Result{}, errors.New("the policy has no result")
	}
	return run.result(rs[0].Expressions[0].Value)
}

// ended says why an evaluation was cut short.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("timed out: %w", err)
	}
	return fmt.Errorf("stopped: %w", err)
}

// located writes an error of the evaluator with file, line and column.
func located(err error) error {
	var e *topdown.Error
	if errors.As(err, &e) && e.Location != nil {
		return fmt.Errorf("%s:%d:%d: %s", e.Location.File, e.Location.Row, e.Location.Col, e.Message)
	}
	return err
}

// printer takes what a policy prints to the debug log.
type printer struct {
	log             *slog.Logger
	policy, request string
}

// Print implements print.Hook.
func (p printer) Print(c print.Context, text string) error {
	const limit = 4096
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	p.log.DebugContext(c.Context, "policy print",
		"request_id", p.request, "policy", p.name(c), "text", text)
	return nil
}

func (p printer) name(c print.Context) string {
	if c.Location == nil {
		return p.policy
	}
	return fmt.Sprintf("%s (%s:%d)", p.policy, c.Location.File, c.Location.Row)
}
