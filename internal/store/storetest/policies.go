package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
)

// always decides without looking.
func always(c store.PolicyChange) func([]store.Policy) (store.PolicyChange, error) {
	return func([]store.Policy) (store.PolicyChange, error) { return c, nil }
}

// policy is one to put.
func policy(name, text string) store.Policy { return store.Policy{Name: name, Text: text} }

// wantPolicies checks what is stored, by every way to ask.
func wantPolicies(t *testing.T, s *store.Store, what string, revision int64, want ...store.Policy) {
	t.Helper()
	got, r, err := s.Policies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	diff(t, what, got, want)
	polled, err := s.PoliciesRevision(t.Context())
	if r != revision || polled != revision || err != nil {
		t.Errorf("%s: revision %d with the policies, %d and %v alone; want %d", what, r, polled, err, revision)
	}
}

func testPolicies(t *testing.T, open Opener) {
	server, cli := open(t), open(t)
	wantPolicies(t, server, "new store", 0)
	later := noon().Add(time.Hour)
	at := func(p store.Policy, position int64, created, updated time.Time) store.Policy {
		p.Position, p.Created, p.Updated = position, created, updated
		return p
	}
	// Neither the order of names nor that of updates is the one that counts.
	z, a, upper := policy("z", `{}`), policy("a", `{"b": "ü\u0000"}`), policy("Z", `[1]`)
	z2, a2 := policy("z", `{"active":false}`), policy("a", `{}`)
	for _, step := range []struct {
		name     string
		change   store.PolicyChange
		now      time.Time
		revision int64
		want     []store.Policy
	}{
		{"nothing", store.PolicyChange{}, noon(), 0, nil},
		{
			"add",
			store.PolicyChange{Put: []store.Policy{z, at(a, 77, later, later)}},
			noon(), 1,
			[]store.Policy{at(z, 1, noon(), noon()), at(a, 2, noon(), noon())},
		},
		{
			"the same",
			store.PolicyChange{Put: []store.Policy{a, z}},
			later, 1,
			[]store.Policy{at(z, 1, noon(), noon()), at(a, 2, noon(), noon())},
		},
		{
			"update, and add a name in another case",
			store.PolicyChange{Put: []store.Policy{upper, z2, a}},
			later, 2,
			[]store.Policy{at(z2, 1, noon(), later), at(a, 2, noon(), noon()), at(upper, 3, later, later)},
		},
		{
			"delete",
			store.PolicyChange{Delete: []string{"z", "z"}},
			later, 3,
			[]store.Policy{at(a, 2, noon(), noon()), at(upper, 3, later, later)},
		},
		{
			"replace all",
			store.PolicyChange{Delete: []string{"Z", "a"}, Put: []store.Policy{z, a2, upper}},
			later, 4,
			[]store.Policy{at(z, 4, later, later), at(a2, 5, later, later), at(upper, 6, later, later)},
		},
	} {
		revision, err := cli.ChangePolicies(t.Context(), step.now, always(step.change))
		if err != nil || revision != step.revision {
			t.Fatalf("%s: revision %d, %v; want %d", step.name, revision, err, step.revision)
		}
		wantPolicies(t, server, step.name, step.revision, step.want...)
	}
}

func testPolicyNames(t *testing.T, open Opener) {
	s := open(t)
	full := `"` + long(64*1024-2) + `"`
	good := []store.Policy{policy(long(64), full), policy("a b, 'c' [ü]", `true`), policy(" x", `0`)}
	if _, err := s.ChangePolicies(t.Context(), noon(), always(store.PolicyChange{Put: good})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"", `{}`, `change policies: policy name "" is blank`},
		{" \t", `{}`, `change policies: policy name " \t" is blank`},
		{long(65), `{}`, `change policies: policy name "` + long(64) + `…" has 65 octets, at most 64 are allowed`},
		{"a\xff", `{}`, `change policies: policy name "a\xff" is not valid UTF-8`},
		{"a\nb", `{}`, `change policies: policy name "a\nb" has a control character`},
		{"p", full + " ", `change policies: policy "p": its text has 65537 octets, at most 65536 are allowed`},
		{"p", "\"\xff\"", `change policies: policy "p": its text is not valid UTF-8`},
		{"p", ``, `change policies: policy "p": its text is not JSON`},
		{"p", `{} {}`, `change policies: policy "p": its text is not JSON`},
	} {
		_, err := s.ChangePolicies(t.Context(), noon(), always(store.PolicyChange{Put: []store.Policy{policy("ok", `{}`), policy(c.name, c.text)}}))
		if err == nil || err.Error() != c.want {
			t.Errorf("name %q, text of %d octets: error %v, want %s", c.name, len(c.text), err, c.want)
		}
	}
	got, revision, err := s.Policies(t.Context())
	if err != nil || revision != 1 || len(got) != len(good) {
		t.Errorf("%d policies of revision %d, %v", len(got), revision, err)
	}
}

func testPolicyFaults(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	if _, err := s.ChangePolicies(ctx, noon(), always(store.PolicyChange{Put: []store.Policy{policy("a", `1`)}})); err != nil {
		t.Fatal(err)
	}
	a := store.Policy{Name: "a", Text: `1`, Position: 1, Created: noon(), Updated: noon()}

	refusal := errors.New("the set does not compile")
	_, err := s.ChangePolicies(ctx, noon(), func(current []store.Policy) (store.PolicyChange, error) {
		diff(t, "what decide gets", current, []store.Policy{a})
		return store.PolicyChange{Delete: []string{"a"}, Put: []store.Policy{policy("b", `2`)}}, refusal
	})
	wantIs(t, "refused by decide", err, refusal)
	wantPolicies(t, s, "refused by decide", 1, a)

	_, err = s.ChangePolicies(ctx, noon(), always(store.PolicyChange{
		Delete: []string{"a", "A", "nobody"},
		Put:    []store.Policy{policy("b", `2`), policy("b", `3`), policy("c", `{`)},
	}))
	wantIs(t, "several faults", err, store.ErrNoPolicy)
	const want = `change policies: delete policy "A": no such policy in the store
delete policy "nobody": no such policy in the store
policy "b" is given twice
policy "c": its text is not JSON`
	if err != nil {
		diff(t, "several faults", err.Error(), want)
	}
	wantPolicies(t, s, "several faults", 1, a)
}

func testPolicyPanic(t *testing.T, open Opener) {
	s := open(t)
	func() {
		defer func() { _ = recover() }()
		_, err := s.ChangePolicies(t.Context(), noon(), func([]store.Policy) (store.PolicyChange, error) { panic("decide") })
		t.Errorf("went on after a panic: %v", err)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.AddGroup(ctx, "staff", noon()); err != nil {
		t.Errorf("the transaction is still open: %v", err)
	}
}
