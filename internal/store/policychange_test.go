package store

import (
	"context"
	"database/sql"
	"strconv"
	"testing"
	"time"
)

// discard takes the place of a transaction in which nothing fails.
type discard struct{ querier }

func (discard) ExecContext(context.Context, string, ...any) (sql.Result, error) { return nil, nil }

func TestTooManyPolicies(t *testing.T) {
	current := make([]Policy, maxPolicies-1)
	for i := range current {
		current[i] = Policy{Name: strconv.Itoa(i), Text: `{}`, Position: int64(i)}
	}
	w := newPolicyWriter(nil, current, time.Now())
	w.tx = discard{}
	put := func(name, text string) PolicyChange {
		return PolicyChange{Put: []Policy{{Name: name, Text: text}}}
	}
	for _, c := range []struct {
		name   string
		change PolicyChange
		want   string
	}{
		{"the last", put("last", `{}`), ""},
		{"one more", put("more", `{}`), `policy "more": at most 100000 policies can be stored`},
		{"update", put("last", `[]`), ""},
		{"another in the place of one", PolicyChange{Delete: []string{"last"}, Put: put("more", `{}`).Put}, ""},
		{"one more again", put("last", `{}`), `policy "last": at most 100000 policies can be stored`},
	} {
		got := ""
		if err := w.write(t.Context(), c.change); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: error %q, want %q", c.name, got, c.want)
		}
	}
}
