package policyengine

// combine makes one decision of what the bindings said. Bindings that are
// skipped or on a dry run do not count, and where none counts everybody comes in
// whose credentials were right, in either mode.
//
// The messages of all policies that count are delivered in binding order, also
// to somebody who is let in; the text that the configuration gives a binding for
// its refusal needs a refused login. A binding that failed has no text: where
// nobody else has one, the user reads the application's.
func combine(app *application, bindings []*binding, records []BindingRecord) Decision {
	var counted []*BindingRecord
	for i := range records {
		if r := &records[i]; r.Skipped == "" && !r.DryRun {
			counted = append(counted, r)
		}
	}
	d := Decision{Bindings: records, Allowed: true}
	if len(counted) == 0 {
		return d
	}
	decider := decisive(app.mode, counted)
	d.Allowed = decider.Passing
	if !d.Allowed || app.mode == ModeAny || len(counted) == 1 {
		d.Policy = decider.Name
	}
	d.Failed = !d.Allowed && decider.Err != nil
	for i, b := range bindings {
		r := &records[i]
		if !d.Allowed && !r.Passing && r.Skipped == "" && r.Err == nil && b.message != "" {
			r.Messages = append([]string{b.message}, r.Messages...)
		}
		if r.Skipped == "" && !r.DryRun {
			d.Messages = append(d.Messages, r.Messages...)
		}
	}
	if !d.Allowed && len(d.Messages) == 0 {
		d.Messages = []string{app.message}
	}
	return d
}

// decisive finds the binding on which the decision stands. With all, that is the
// first that said no, before any that merely failed: had the failed one passed,
// the answer would be the same. With any it is the first that passes; without
// one, a failed binding comes before those that said no, since it might have
// passed.
func decisive(mode Mode, records []*BindingRecord) *BindingRecord {
	first := func(want func(r *BindingRecord) bool) *BindingRecord {
		for _, r := range records {
			if want(r) {
				return r
			}
		}
		return nil
	}
	passed := func(r *BindingRecord) bool { return r.Passing }
	broke := func(r *BindingRecord) bool { return !r.Passing && r.Err != nil }
	refused := func(r *BindingRecord) bool { return !r.Passing && r.Err == nil }
	order := []func(*BindingRecord) bool{refused, broke, passed}
	if mode == ModeAny {
		order = []func(*BindingRecord) bool{passed, broke, refused}
	}
	for _, want := range order {
		if r := first(want); r != nil {
			return r
		}
	}
	return records[0]
}
