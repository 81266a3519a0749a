package policyengine

import (
	"testing"
)

func TestShare(t *testing.T) {
	type key struct{}
	calls := 0
	build := func() int { calls++; return calls }
	if Share(t.Context(), key{}, build) != 1 || Share(t.Context(), key{}, build) != 2 {
		t.Error("outside of a decision nothing is kept")
	}
	ctx := withShared(t.Context())
	for range 2 {
		if Share(ctx, key{}, build) != 3 {
			t.Error("inside of a decision it is built once")
		}
	}
	if Share(withShared(t.Context()), key{}, build) != 4 {
		t.Error("another decision builds anew")
	}
}
