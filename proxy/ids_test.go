package proxy_test

import (
	"regexp"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/proxy"
)

func TestIDsAreUnique(t *testing.T) {
	ids, shape := proxy.NewIDs(), regexp.MustCompile(`^[0-9a-f]{16}$`)
	var mu sync.Mutex
	seen := map[string]bool{}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 500 {
				id := ids.Next()
				mu.Lock()
				if seen[id] || !shape.MatchString(id) {
					t.Errorf("id %q", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	if len(seen) != 2000 {
		t.Errorf("%d ids", len(seen))
	}
}
