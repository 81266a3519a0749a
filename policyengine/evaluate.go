package policyengine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// evaluate asks one binding. One that needs time has its own timeout, and no
// longer than till the deadline of the stage. Whatever goes wrong (an error, a
// panic, an answer that came too late) makes the binding count as its
// failure_result; negate does not turn that round, and what the policy said so
// far is dropped.
func (e *Engine) evaluate(ctx context.Context, b *binding, in *Input, deadline time.Time) BindingRecord {
	r := BindingRecord{Name: b.name, DryRun: b.dryRun}
	if !b.enabled {
		r.Skipped = "not enabled"
		return r
	}
	start := time.Now()
	if !b.pure {
		if own := start.Add(b.timeout); own.Before(deadline) {
			deadline = own
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	result, cached, err := b.safely(ctx, in)
	r.Took, r.Cached = time.Since(start), cached
	if err != nil {
		r.Err = fmt.Errorf("%s: %w", b.name, err)
		r.Passing = b.failed
		return r
	}
	r.Passing = result.Passing != b.negate
	r.Messages, r.Raw = result.Messages, result.Raw
	return r
}

// safely runs the check, with panics and late answers as errors. Checks obey
// their context; nothing here can interrupt one that does not.
func (b *binding) safely(ctx context.Context, in *Input) (result Result, cached bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	result, cached, err = b.check(ctx, in)
	if late := ctx.Err(); late != nil && !cached && !b.pure {
		if err == nil || errors.Is(err, late) {
			err = late
		} else {
			err = fmt.Errorf("%w: %w", late, err)
		}
		return Result{}, false, fmt.Errorf("no answer in time (the binding has %v, and all of them what policies.timeout says): %w", b.timeout, err)
	}
	return result, cached, err
}
