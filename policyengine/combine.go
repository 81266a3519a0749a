package policyengine

import (
	"cmp"
	"reflect"
	"slices"
)

// combine makes one decision of what the bindings said. Bindings that are
// skipped or on a dry run do not count, and where none counts everybody comes in
// whose credentials were right, in either mode.
//
// The messages of all policies that count are delivered in binding order, also
// to somebody who is let in; the text that the configuration gives a binding for
// its refusal needs a refused login. A binding that failed has no text: where
// nobody else has one, the user reads the application's.
func combine(app *application, bindings []*binding, records []BindingRecord) Decision {
	d := Decision{Bindings: records, Allowed: true}
	decider, counted := decisive(app.mode, records)
	if counted == 0 {
		return d
	}
	d.Allowed = decider.Passing
	if !d.Allowed || app.mode == ModeAny || counted == 1 {
		d.Policy = decider.Name
	}
	d.Failed = !d.Allowed && decider.Err != nil
	for i, b := range bindings {
		r := &records[i]
		if !d.Allowed && !r.Passing && r.Skipped == "" && r.Err == nil && b.message != "" {
			r.Messages = append([]string{b.message}, r.Messages...)
		}
		if r.counts() {
			d.Messages = append(d.Messages, r.Messages...)
			d.Events = withEvents(d.Events, r.Events)
		}
	}
	if !d.Allowed && len(d.Messages) == 0 {
		d.Messages = []string{app.message}
	}
	return d
}

// withEvents adds the events of a policy, as far as there is room. Those of a
// policy that several called are in the results of all of them, with the very same
// context, and are told once.
func withEvents(all, more []Event) []Event {
	for _, e := range more {
		context := reflect.ValueOf(e.Context).Pointer()
		told := slices.ContainsFunc(all, func(known Event) bool {
			return context != 0 && reflect.ValueOf(known.Context).Pointer() == context
		})
		if !told && len(all) < MaxEvents {
			all = append(all, e)
		}
	}
	return all
}

// counts tells whether the binding has a say.
func (r *BindingRecord) counts() bool { return r.Skipped == "" && !r.DryRun }

// decisive finds the binding on which the decision stands, and how many count.
// With all, that is the first that said no, before any that merely failed: had
// the failed one passed, the answer would be the same. With any it is the first
// that passes; without one, a failed binding comes before those that said no,
// since it might have passed.
func decisive(mode Mode, records []BindingRecord) (decider *BindingRecord, counted int) {
	var passed, broke, refused *BindingRecord
	for i := range records {
		r := &records[i]
		if !r.counts() {
			continue
		}
		counted++
		switch {
		case r.Passing:
			passed = cmp.Or(passed, r)
		case r.Err != nil:
			broke = cmp.Or(broke, r)
		default:
			refused = cmp.Or(refused, r)
		}
	}
	if mode == ModeAny {
		return cmp.Or(passed, broke, refused), counted
	}
	return cmp.Or(refused, broke, passed), counted
}
