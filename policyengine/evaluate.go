package policyengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/fresh"
)

// ask evaluates every binding, in order and one after the other: no message and
// no side effect is lost by stopping early, and a trace is always whole. A result
// that is kept costs no more than its key: what evaluations need (a deadline, a
// place for what they share) is made for the first that needs it.
//
// With explained, nothing is answered from the cache, and policies tell there how
// they came to their results.
func (e *Engine) ask(ctx context.Context, app *application, bindings []*binding, in *Input, explained []*Explanation) []BindingRecord {
	records := make([]BindingRecord, len(bindings))
	now := time.Now()
	deadline, sharing := now.Add(app.timeout), false
	for i, b := range bindings {
		r := &records[i]
		r.Name, r.DryRun = b.name, b.dryRun
		if !b.enabled {
			r.Skipped = "not enabled"
			continue
		}
		var key cacheKey
		kept, found := e.cache.recall(&key, b.question, in, now)
		r.Cached = kept != nil
		if kept != nil && explained == nil {
			b.question.counts[hit].Add(1)
			b.take(r, &kept.result)
			continue // took less than the clock would
		}
		if !b.pure && !sharing {
			ctx, sharing = withShared(ctx), true
		}
		w := work{began: now, deadline: deadline, found: found, key: key}
		if explained != nil {
			w.explained = &explained[i]
		}
		e.evaluate(ctx, b, in, r, w)
		end := time.Now()
		r.Took, now = end.Sub(now), end
	}
	return records
}

// work is one evaluation.
type work struct {
	began, deadline time.Time
	// found is what the cache had, key where the result belongs.
	found outcome
	key   cacheKey
	// explained takes an explanation, if there is one; nil when none is wanted.
	explained **Explanation
}

// evaluate asks one binding. One that needs time has its own timeout, and no
// longer than till the deadline of the stage. Whatever goes wrong (an error, a
// panic, an answer that came too late) makes the binding count as its
// failure_result; negate does not turn that round, and what the policy said so
// far is dropped. What a binding with dry_run asks has no side effects.
func (e *Engine) evaluate(ctx context.Context, b *binding, in *Input, r *BindingRecord, w work) {
	if !b.pure {
		if own := w.began.Add(b.timeout); own.Before(w.deadline) {
			w.deadline = own
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.deadline)
		defer cancel()
	}
	if b.dryRun && w.found == uncacheable { // what has side effects is
		// Shared with nobody: others must not find that something was not called.
		ctx = withShared(WithoutEffects(ctx))
	}
	var result Result
	var err error
	switch {
	case w.explained != nil && b.question != nil:
		result, err = b.safely(ctx, in, b.question.explain(w.explained))
	case w.explained != nil && !b.pure:
		traced, calls := traceCalls(ctx)
		result, err = b.safely(traced, in, b.check)
		*w.explained = &Explanation{
			Result: result, Calls: *calls, Took: time.Since(w.began),
			Reads: Reads{Uncacheable: "scoped policies are asked anew each time"},
		}
	case b.question != nil && w.found != uncacheable:
		watched, sources := fresh.Watch(ctx)
		result, err = b.safely(watched, in, b.check)
		if err == nil && !e.cache.keep(ctx, w.key, result, sources, w.began) {
			w.found = uncacheable
		}
	default:
		result, err = b.safely(ctx, in, b.check)
	}
	if b.question != nil && w.explained == nil {
		b.question.counts[w.found].Add(1)
	}
	if err != nil {
		r.Err = fmt.Errorf("%s: %w", b.name, err)
		r.Passing = b.failed
		return
	}
	b.take(r, &result)
}

// take makes the record of a result.
func (b *binding) take(r *BindingRecord, result *Result) {
	r.Passing = result.Passing != b.negate
	r.Messages, r.Raw = result.Messages, result.Raw
	r.Notes, r.Events = result.Notes, result.Events
}

// explain asks a policy that can tell how it came to its result, and any other one
// just for the result.
func (q *question) explain(to **Explanation) check {
	return func(ctx context.Context, in *Input) (Result, error) {
		x, ok := q.Expression.(Explainer)
		if !ok {
			return q.Eval(ctx, in)
		}
		explanation, err := x.Explain(ctx, in)
		*to = &explanation
		return explanation.Result, err
	}
}

// safely runs a check, with panics and late answers as errors. Every error is an
// *Exception. Checks obey their context; nothing here can interrupt one that does
// not.
func (b *binding) safely(ctx context.Context, in *Input, ask check) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = Result{}, b.exception(ExceptionPanic, fmt.Errorf("panic: %v", p))
		}
	}()
	result, err = ask(ctx, in)
	late := ctx.Err()
	switch {
	case late != nil && !b.pure:
		return Result{}, b.late(late, err)
	case err != nil && b.question == nil && !b.pure:
		return Result{}, b.exception(ExceptionHelper, err)
	case err != nil:
		return Result{}, b.exception(ExceptionInternal, err)
	}
	return result, nil
}

// late is the exception of an answer that came too late, or not at all because of
// that.
func (b *binding) late(late, err error) *Exception {
	code := ExceptionTimeout
	if errors.Is(late, context.Canceled) {
		code = ExceptionCanceled
	}
	x := b.exception(code, err)
	x.Code = code
	if err == nil || errors.Is(err, late) {
		x.Err = late
	} else {
		x.Err = fmt.Errorf("%w: %w", late, x.Err)
	}
	x.Err = fmt.Errorf("no answer in time (the binding has %v, and all of them what policies.timeout says): %w", b.timeout, x.Err)
	return x
}

// exception makes an Exception of an error. One that is one keeps its code and its
// place.
func (b *binding) exception(code ExceptionCode, err error) *Exception {
	if own, ok := errors.AsType[*Exception](err); ok {
		x := *own
		return &x
	}
	return &Exception{Code: code, Policy: b.target, Err: err}
}
