package fresh

import (
	"context"
	"testing"
)

type entry struct{ gone bool }

func (e *entry) Current() bool { return !e.gone }

func TestSources(t *testing.T) {
	a, b := &entry{}, &entry{}
	outer, all := Watch(t.Context())
	Note(outer, a)
	inner, part := Watch(outer)
	Note(inner, b)
	Note(inner, b)
	if !all.Current() || !part.Current() || len(part.list) != 1 {
		t.Fatalf("all %v, part %v of %d", all.Current(), part.Current(), len(part.list))
	}
	b.gone = true
	if !all.Current() || part.Current() {
		t.Error("an inner answer counts for the outer one before it was passed")
	}
	part.Pass(outer)
	if all.Current() {
		t.Error("the outer answer forgot what it was made from")
	}
	b.gone = false
	if !all.Current() {
		t.Error("not current, though all entries are")
	}
	Note(context.Background(), a) // nobody watches
}

func TestNever(t *testing.T) {
	outer, all := Watch(t.Context())
	inner, part := Watch(outer)
	Never(inner, "reads the clock")
	Never(inner, "something else")
	if ok, why := part.Keep(); ok || why != "reads the clock" || part.Current() {
		t.Errorf("kept %v, %q, current %v", ok, why, part.Current())
	}
	part.Pass(outer)
	if ok, why := all.Keep(); ok || why != "reads the clock" {
		t.Errorf("outer: kept %v, %q", ok, why)
	}
}

func TestTooManySources(t *testing.T) {
	ctx, all := Watch(t.Context())
	for range maxSources {
		Note(ctx, &entry{})
	}
	if ok, _ := all.Keep(); !ok || !all.Current() {
		t.Fatal("as many as are allowed are not kept")
	}
	Note(ctx, &entry{})
	if ok, _ := all.Keep(); ok || all.Current() {
		t.Error("more than are allowed are kept")
	}
}
