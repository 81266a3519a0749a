package proxy

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// ending is what a stage hands back: with a reason the login ends as a refusal,
// without one it goes on.
type ending struct {
	reason   Reason
	note     string // for the trace
	policy   string
	messages []string
	bindings []policyengine.BindingRecord
	events   []policyengine.Event
	err      error
	// unverified: a directory could not be asked about the credential.
	unverified bool
}

// none is the value of a stage that has nothing to hand on.
type none struct{}

func goOn(note string) ending { return ending{note: note} }

func refuse(r Reason, note string) ending { return ending{reason: r, note: note} }

// with keeps what the bindings said in an earlier part of the same stage.
func (e ending) with(earlier ending) ending {
	e.bindings, e.events = earlier.bindings, earlier.events
	return e
}

// failed is the ending when a directory could not find out.
func failed(ctx context.Context, err error) ending {
	reason := ReasonUpstreamUnavailable
	var busy interface{ Overloaded() bool }
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		reason = ReasonTimeout
	case errors.Is(ctx.Err(), context.Canceled):
		reason = ReasonCanceled
	case errors.As(err, &busy) && busy.Overloaded():
		reason = ReasonOverloaded
	}
	return ending{reason: reason, note: "could not find out", err: err}
}

// broken is the ending when there is no decision. It refuses like a policy,
// unless the login ran out of time or its client left.
func broken(ctx context.Context, err error) ending {
	if ctx.Err() != nil {
		return failed(ctx, err)
	}
	return ending{reason: ReasonPolicyFailed, note: "no decision", err: err}
}

// trace collects the records of the stages of one login.
type trace struct {
	now     func() time.Time
	start   time.Time
	last    time.Time // when the last stage ended
	records []StageRecord
	// events are those of all stages.
	events []policyengine.Event
}

// stageCount is how many stages a login has. A trace has more records only when
// another directory had to be asked (Realm.NextOnOutage).
const stageCount = 5

func newTrace(now func() time.Time) *trace {
	start := now()
	return &trace{now: now, start: start, last: start, records: make([]StageRecord, 0, stageCount)}
}

// run runs one stage and records it. A panic ends the login and not the
// process.
func run[T any](t *trace, stage string, f func() (T, ending)) (value T, end ending) {
	defer func() {
		if r := recover(); r != nil {
			end = ending{
				reason: ReasonInternalError, note: "panic",
				err: fmt.Errorf("stage %s: panic: %v\n%s", stage, r, debug.Stack()),
			}
		}
		now := t.now()
		t.records = append(t.records, StageRecord{
			Stage: stage, Result: end.note, Reason: end.reason,
			Bindings: end.bindings, Err: end.err, Took: now.Sub(t.last),
		})
		t.events = append(t.events, end.events...)
		t.last = now
	}()
	return f()
}

// finish adds the last record and returns all, with the time since the start.
func (t *trace) finish(stage, note string) ([]StageRecord, time.Duration) {
	t.records = append(t.records, StageRecord{Stage: stage, Result: note})
	return t.records, t.now().Sub(t.start)
}
