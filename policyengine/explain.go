package policyengine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Explainer is satisfied by an Expression that can say how it came to its result.
// Explain evaluates it anew and has no side effects: ctx says so too (Effects), to
// whatever it calls. The error is Eval's; the Explanation then tells how far the
// policy came.
type Explainer interface {
	Explain(ctx context.Context, in *Input) (Explanation, error)
}

// Explanation is how a policy came to its result. Texts that could be credentials are
// masked in all of it. Of a scoped policy it has the result and the calls.
type Explanation struct {
	Result Result
	// Rules are the rules that were true, in the order in which they are written.
	Rules []RuleTrace
	// Calls are the calls of helper functions in the order of execution, those of
	// policies that it called among them.
	Calls []HelperCall
	// Reads are the places of the input that it can look at, Looked those that it has
	// looked at this time.
	Reads  Reads
	Looked []Path
	Took   time.Duration
}

// RuleTrace is a rule that took part in the result.
type RuleTrace struct {
	// Policy and Rule say which: "office_hours" and "allow".
	Policy, Rule string
	// Location is FILE:LINE:COLUMN of the rule, Text the line there.
	Location, Text string
	// Value is what the rule says: for a set or an object that several rules make,
	// what this one adds.
	Value Value
}

// HelperCall is one call of a helper function by a policy.
type HelperCall struct {
	Name   string
	Args   []Value
	Result Value
	Err    error
	Took   time.Duration
	// Location is FILE:LINE:COLUMN of the call, empty for one of a scoped policy.
	Location string
	// Cached: the helper was not asked, an equal call had been answered before.
	Cached bool
}

type rememberedKey struct{}

// WatchRemembered returns a context under which Remembered makes the flag true. It
// is for one call of a Condition: whoever makes the next begins anew.
func WatchRemembered(ctx context.Context) (context.Context, *atomic.Bool) {
	flag := new(atomic.Bool)
	return context.WithValue(ctx, rememberedKey{}, flag), flag
}

// Remembered says that the answer of a Condition was kept from an earlier call.
// Without WatchRemembered nobody wants to know.
func Remembered(ctx context.Context) {
	if flag, ok := ctx.Value(rememberedKey{}).(*atomic.Bool); ok {
		flag.Store(true)
	}
}

type effectsKey struct{}

// WithoutEffects returns a context under which nothing is to happen but finding
// out: helpers of class SideEffect are not called.
func WithoutEffects(ctx context.Context) context.Context {
	return context.WithValue(ctx, effectsKey{}, false)
}

// Effects reports whether side effects are wanted. They are unless WithoutEffects
// said otherwise.
func Effects(ctx context.Context) bool {
	wanted, said := ctx.Value(effectsKey{}).(bool)
	return wanted || !said
}

// StageExplanation is what the engine says of a login at one stage, and why.
type StageExplanation struct {
	Stage    Stage
	Decision Decision
	// Policies has, for each of Decision.Bindings, how its expression policy came
	// to the result, or its scoped policy that calls helpers; nil for targets of
	// other kinds, for bindings that were not asked and for policies that cannot tell. Cached in the record then means that
	// the result is remembered at this moment, though it was made anew for this.
	Policies []*Explanation
}

// Explain decides both stages for a login, without side effects and without the
// cache, and tells how each binding came to its result. In stage admission the
// policies see no AuthMethod, as in a login. The errors are those of Decide.
func (e *Engine) Explain(ctx context.Context, in *Input) ([]StageExplanation, error) {
	ctx = WithoutEffects(ctx)
	var all []StageExplanation
	for _, stage := range []Stage{StageAdmission, StageAccess} {
		app, bindings, err := e.find(ctx, stage, in)
		if err != nil {
			return all, err
		}
		facts := *in
		if stage == StageAdmission {
			facts.AuthMethod = ""
		}
		x := StageExplanation{Stage: stage, Decision: Decision{Allowed: true}}
		if len(bindings) > 0 {
			x.Policies = make([]*Explanation, len(bindings))
			x.Decision = combine(app, bindings, e.ask(ctx, app, bindings, &facts, x.Policies))
		}
		all = append(all, x)
		if err := ctx.Err(); err != nil {
			return all, fmt.Errorf("explain for application %s: %w", in.Application, err)
		}
	}
	return all, nil
}
