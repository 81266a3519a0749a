// Package fresh lets an answer that is kept know what it was made from, so that
// whoever keeps it can tell whether making it now would give the same.
//
// A look-up cache calls Note with the entry that it answered from, whoever makes
// an answer of several look-ups collects them with Watch, and a cache of such
// answers uses one only while Current says so. Nothing here needs a clock or a
// timer: each Source asks its own cache. Its invariant: what was not noted was not
// read.
package fresh

import (
	"context"
	"slices"
	"sync"
)

// Source is an entry of a look-up cache that an answer was made from. Sources are
// compared with ==; use a pointer.
type Source interface {
	// Current reports whether the same look-up now would be answered from the same
	// entry: it is still in its cache, and not too old. It must be quick, and safe
	// for concurrent use.
	Current() bool
}

// maxSources bounds what one answer may be made from. Beyond, it is not kept.
const maxSources = 64

// Sources are what an answer was made from. All methods are safe for concurrent
// use.
type Sources struct {
	mu    sync.Mutex
	list  []Source
	never string
}

type sourcesKey struct{}

// Watch returns a context under which Note and Never add to the Sources. They do
// not add to those of an outer Watch: see Pass.
func Watch(ctx context.Context) (context.Context, *Sources) {
	s := &Sources{}
	return context.WithValue(ctx, sourcesKey{}, s), s
}

// Note says that the answer that is being made comes from s. Without Watch
// nobody wants to know.
func Note(ctx context.Context, s Source) {
	if all, ok := ctx.Value(sourcesKey{}).(*Sources); ok {
		all.add(s)
	}
}

// Never says that the answer that is being made cannot be kept, and why: it read
// something that has no Source.
func Never(ctx context.Context, why string) {
	if all, ok := ctx.Value(sourcesKey{}).(*Sources); ok {
		all.forbid(why)
	}
}

func (s *Sources) add(src Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.list, src) {
		return
	}
	if len(s.list) == maxSources {
		s.list, s.never = nil, "made from too many look-ups"
	}
	if s.never == "" {
		s.list = append(s.list, src)
	}
}

func (s *Sources) forbid(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.never == "" {
		s.list, s.never = nil, why
	}
}

// Pass notes all of s under ctx too: the answer that they made becomes part of
// another one.
func (s *Sources) Pass(ctx context.Context) {
	all, ok := ctx.Value(sourcesKey{}).(*Sources)
	if !ok || all == s {
		return
	}
	s.mu.Lock()
	list, never := s.list, s.never // add only appends: the slice stays as it is
	s.mu.Unlock()
	if never != "" {
		all.forbid(never)
		return
	}
	for _, src := range list {
		all.add(src)
	}
}

// Keep reports whether the answer may be kept; if not, why.
func (s *Sources) Keep() (ok bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.never == "", s.never
}

// Current reports whether the answer would be made from the same sources now.
func (s *Sources) Current() bool {
	s.mu.Lock()
	list, never := s.list, s.never
	s.mu.Unlock()
	if never != "" {
		return false
	}
	for _, src := range list {
		if !src.Current() {
			return false
		}
	}
	return true
}

var _ Source = (*Sources)(nil)
