package userimport

import (
	"context"
	"runtime"
	"sync"
)

// parallel calls work for 0 to total-1 on all processors, and progress after each.
// The first error, or the end of the context, ends it.
func parallel(ctx context.Context, total int, progress func(done, total int), work func(n int) error) error {
	var (
		mu         sync.Mutex
		next, done int
		failed     error
		workers    sync.WaitGroup
	)
	take := func() (n int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = ctx.Err()
		}
		if failed != nil || next == total {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && failed == nil {
			failed = err
		}
		done++
		if progress != nil {
			progress(done, total)
		}
	}
	for range min(runtime.GOMAXPROCS(0), total) {
		workers.Go(func() {
			for n, ok := take(); ok; n, ok = take() {
				finish(work(n))
			}
		})
	}
	workers.Wait()
	return failed
}
