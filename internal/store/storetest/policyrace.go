package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/store"
)

// testPolicyRace lets two openings change the policies at the same time, and
// others look on. Policy "count" says how many changes there were, and each of
// them adds a policy.
func testPolicyRace(t *testing.T, open Opener) {
	const changers, changes = 4, 10
	stores := []*store.Store{open(t), open(t)}
	done := make(chan struct{})
	var changing, looking sync.WaitGroup
	for i := range changers {
		changing.Go(func() {
			var last int64
			for n := range changes {
				revision, err := stores[i%2].ChangePolicies(t.Context(), noon(), count(fmt.Sprintf("%d/%d", i, n)))
				if err != nil || revision <= last {
					t.Errorf("revision %d after %d, %v", revision, last, err)
					return
				}
				last = revision
			}
		})
	}
	for _, s := range stores {
		looking.Go(func() { watch(t, s, done) })
	}
	changing.Wait()
	close(done)
	looking.Wait()
	got, revision, err := stores[0].Policies(t.Context())
	if err != nil || revision != changers*changes || len(got) != changers*changes+1 {
		t.Errorf("%d policies of revision %d, %v", len(got), revision, err)
	}
}

// count decides to add a policy and to count it.
func count(name string) func([]store.Policy) (store.PolicyChange, error) {
	return func(current []store.Policy) (store.PolicyChange, error) {
		n := 0
		if len(current) > 0 {
			var err error
			if n, err = strconv.Atoi(current[0].Text); err != nil {
				return store.PolicyChange{}, err
			}
		}
		return store.PolicyChange{Put: []store.Policy{policy("count", strconv.Itoa(n+1)), policy(name, `{}`)}}, nil
	}
}

// watch reads the policies until done, and holds each answer against the one
// before.
func watch(t *testing.T, s *store.Store, done <-chan struct{}) {
	var before []store.Policy
	var last int64
	for {
		polled, err := s.PoliciesRevision(t.Context())
		if err != nil || polled < last {
			t.Errorf("revision %d after %d, %v", polled, last, err)
			return
		}
		list, revision, err := s.Policies(t.Context())
		switch {
		case err != nil || revision < polled:
			t.Errorf("policies of revision %d after %d, %v", revision, polled, err)
			return
		case revision > 0 && (list[0].Text != strconv.FormatInt(revision, 10) || int64(len(list)) != revision+1):
			t.Errorf("revision %d with count %s and %d policies", revision, list[0].Text, len(list))
			return
		}
		for i, p := range before {
			if list[i].Name != p.Name || list[i].Position != p.Position {
				t.Errorf("policy %d was %s at %d, is %s at %d", i, p.Name, p.Position, list[i].Name, list[i].Position)
				return
			}
		}
		before, last = list, revision
		select {
		case <-done:
			return
		default:
		}
	}
}
