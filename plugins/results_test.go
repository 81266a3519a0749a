package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newResults()
		always, brief := c.keep([]byte("a"), 1, 0), c.keep([]byte("b"), 2, time.Second)
		if got := c.keep([]byte("b"), 3, time.Second); got != brief {
			t.Error("of two answers at the same time the second counts")
		}
		time.Sleep(time.Second)
		if brief.Current() || c.get([]byte("b")) != nil {
			t.Error("an answer outlives its time")
		}
		second := c.keep([]byte("b"), 4, time.Second)
		if second == brief || c.get([]byte("b")) != second || !second.Current() {
			t.Error("an answer that has ended is not replaced")
		}
		time.Sleep(1000 * time.Hour)
		if c.get([]byte("a")) != always || !always.Current() {
			t.Error("an answer without end has one")
		}
		for i := range maxResults {
			c.keep(fmt.Appendf(nil, "more %d", i), i, 0)
		}
		if c.len() != maxResults || always.Current() || c.get([]byte("a")) != nil {
			t.Errorf("%d are kept, the oldest still counts: %v", c.len(), always.Current())
		}
	})
}

func TestKey(t *testing.T) {
	values := []any{
		nil, true, false, 0.0, 1.0, -1.0, "", "a", "ab", "n", "1",
		[]any{},
		[]any{nil},
		[]any{"a"},
		[]any{"a", "b"},
		[]any{"ab"},
		[]any{[]any{"a"}, "b"},
		[]any{[]any{"a", "b"}},
		map[string]any{},
		map[string]any{"a": nil},
		map[string]any{"a": "b"},
		map[string]any{"a": "b", "c": "d"},
		map[string]any{"ab": "c"},
		map[string]any{"a": map[string]any{"b": "c"}},
	}
	for i, a := range values {
		for j, b := range values {
			ka, _ := appendKey(nil, a)
			kb, _ := appendKey(nil, b)
			if bytes.Equal(ka, kb) != (i == j) || i != j && bytes.HasPrefix(kb, ka) {
				t.Errorf("%#v and %#v have the keys %q and %q", a, b, ka, kb)
			}
		}
	}
	for _, same := range [][2]any{
		{[]string{"a", "b"}, []any{"a", "b"}},
		{map[string][]string{"b": {"x"}, "a": nil}, map[string]any{"a": []any{}, "b": []any{"x"}}},
	} {
		one, _ := appendKey(nil, same[0])
		two, _ := appendKey(nil, same[1])
		if !bytes.Equal(one, two) {
			t.Errorf("%#v: %q, %q", same[0], one, two)
		}
	}
	for _, none := range []any{1, []any{1}, map[string]any{"a": struct{}{}}} {
		if key, ok := appendKey(nil, none); ok {
			t.Errorf("%#v has the key %q", none, key)
		}
	}
}

// FuzzKey: two values of JSON have one key only if they are equal.
func FuzzKey(f *testing.F) {
	for _, seed := range []string{`null`, `true`, `1.5`, `"a"`, `["a",["b"]]`, `{"a":{"b":[null]}}`, `[]`, `{}`, `["s"]`} {
		f.Add(seed, `["a"]`)
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		var a, b any
		if json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(two), &b) != nil {
			return
		}
		ka, okA := appendKey(nil, a)
		kb, okB := appendKey(nil, b)
		if !okA || !okB {
			t.Fatalf("no key for %s or %s", one, two)
		}
		if bytes.Equal(ka, kb) && !reflect.DeepEqual(a, b) { // 0 and -0 are equal, and have two
			t.Errorf("%s and %s have the key %q", one, two, ka)
		}
	})
}

func TestHistogram(t *testing.T) {
	c := newCounters()
	for _, took := range []time.Duration{0, 50 * time.Microsecond, time.Millisecond, 3 * time.Millisecond, time.Hour} {
		c.call(took, nil)
	}
	h := c.latency()
	want := map[float64]uint64{0.00005: 2, 0.0005: 2, 0.001: 3, 0.0025: 3, 0.005: 4, 5: 4}
	for bound, n := range want {
		if h.Buckets[bound] != n {
			t.Errorf("%d up to %v, want %d", h.Buckets[bound], bound, n)
		}
	}
	if h.Count != 5 || h.Sum < 3600 || !slices.IsSorted(latencyBounds()) {
		t.Errorf("%+v", h)
	}
}
