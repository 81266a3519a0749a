package rego

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Limits of what an explanation tells.
const (
	maxTraced    = 512 // calls, and rules
	maxTracedLen = 4096
)

var _ policyengine.Explainer = (*Policy)(nil)

// Explain evaluates the policy for a login and tells how it came to its result.
// Nothing is logged, and helpers with side effects are not called. It takes about
// ten times as long as Eval.
func (p *Policy) Explain(ctx context.Context, in *policyengine.Input) (policyengine.Explanation, error) {
	if in == nil || in.User == nil {
		_, err := p.Eval(ctx, in)
		return policyengine.Explanation{}, err
	}
	return p.explain(ctx, &evaluation{in: in}, p.input(ctx, in))
}

func (p *Policy) explain(ctx context.Context, e *evaluation, document ast.Value) (policyengine.Explanation, error) {
	start := time.Now()
	e.policy, e.root, e.trace = p, e, &trace{}
	r, err := e.run(policyengine.WithoutEffects(ctx), document, e.trace.options()...)
	return policyengine.Explanation{
		Result: r, Rules: e.trace.written(), Calls: e.trace.calls, Reads: p.reads,
		Looked: e.trace.lookedAt(p.reads.Paths), Took: time.Since(start),
	}, err
}

// trace takes down what happens in an evaluation, and in those of the policies
// that it calls. All methods of nil do nothing.
type trace struct {
	calls  []policyengine.HelperCall
	rules  []tracedRule
	places []policyengine.Path
}

type tracedRule struct {
	policyengine.RuleTrace
	at *ast.Location
}

func (t *trace) options() []opa.EvalOption {
	if t == nil {
		return nil
	}
	// The index of rules leaves bodies out without a word of what it looked at.
	return []opa.EvalOption{opa.EvalQueryTracer(t), opa.EvalRuleIndexing(false)}
}

// begin takes its place for a call before those that it makes itself.
func (t *trace) begin(name string) int {
	if t == nil || len(t.calls) == maxTraced {
		return -1
	}
	t.calls = append(t.calls, policyengine.HelperCall{Name: name})
	return len(t.calls) - 1
}

func (t *trace) end(i int, args []ast.Value, v ast.Value, err error, at *ast.Location, took time.Duration, cached bool) {
	if t == nil || i < 0 {
		return
	}
	c := &t.calls[i]
	c.Err, c.Location, c.Took, c.Cached = err, placeOf(at), took, cached
	for _, a := range args {
		c.Args = append(c.Args, shown(a))
	}
	if err == nil {
		c.Result = shown(v)
	}
}

// print takes a text of print as a call.
func (t *trace) print(at *ast.Location, text string) {
	if i := t.begin("print"); i >= 0 {
		t.calls[i].Args, t.calls[i].Location = []policyengine.Value{text}, placeOf(at)
	}
}

// shown is a value for an administrator, with what looks like a credential masked.
func shown(v ast.Value) policyengine.Value {
	const key = "value"
	j, err := plain(v, maxRaw)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return event.Context(map[string]any{key: j})[key]
}

// Enabled implements topdown.QueryTracer.
func (t *trace) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (t *trace) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

// TraceEvent implements topdown.QueryTracer: it looks for rules that are true, and
// for places of the input.
func (t *trace) TraceEvent(e topdown.Event) {
	if x, ok := e.Node.(*ast.Expr); ok && e.Op == topdown.EvalOp {
		t.look(x, e)
		return
	}
	r, ok := e.Node.(*ast.Rule)
	if e.Op != topdown.ExitOp || !ok || len(r.Head.Args) > 0 || len(t.rules) == maxTraced {
		return
	}
	line, _, _ := strings.Cut(string(r.Location.Text), "\n")
	if r.Default { // whose text is the word alone
		line = fmt.Sprintf("default %s := %s", r.Head.Ref(), r.Head.Value)
	}
	if len(line) > maxTracedLen {
		line = line[:maxTracedLen]
	}
	found := tracedRule{
		RuleTrace: policyengine.RuleTrace{
			Policy: strings.TrimPrefix(strings.TrimPrefix(r.Module.Package.Path.String(), "data.sallyport."), "policies."),
			Rule:   strings.TrimPrefix(r.Head.Ref().String(), "data."), Location: placeOf(r.Location), Text: line,
		},
		at: r.Location,
	}
	said := r.Head.Value
	if r.Head.Key != nil && said == nil {
		said = r.Head.Key
	}
	if said != nil {
		found.Value = shown(plugged(said.Value, e.Locals))
	}
	t.rules = append(t.rules, found)
}

// plugged is a value with those of its variables in their place.
func plugged(v ast.Value, locals *ast.ValueMap) ast.Value {
	item := func(t *ast.Term) *ast.Term { return ast.NewTerm(plugged(t.Value, locals)) }
	var filled ast.Value
	switch v := v.(type) {
	case ast.Var:
		filled = locals.Get(v)
	case *ast.Array:
		items := make([]*ast.Term, v.Len())
		for i := range items {
			items[i] = item(v.Elem(i))
		}
		filled = ast.NewArray(items...)
	case ast.Set:
		set := ast.NewSet()
		v.Foreach(func(t *ast.Term) { set.Add(item(t)) })
		filled = set
	case ast.Object:
		object := ast.NewObject()
		v.Foreach(func(k, t *ast.Term) { object.Insert(item(k), item(t)) })
		filled = object
	}
	if filled == nil {
		return v
	}
	return filled
}

// written are the rules in the order in which they are written.
func (t *trace) written() []policyengine.RuleTrace {
	slices.SortStableFunc(t.rules, func(a, b tracedRule) int {
		return cmp.Or(cmp.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Row, b.at.Row), cmp.Compare(a.at.Col, b.at.Col))
	})
	all := make([]policyengine.RuleTrace, len(t.rules))
	for i := range t.rules {
		all[i] = t.rules[i].RuleTrace
	}
	return all
}
