package policyengine

import (
	"context"
	"sync"
)

type sharedKey struct{}

// shared holds what the expressions of one decision have in common.
type shared struct {
	mu     sync.Mutex
	values map[any]any
}

// withShared begins a decision.
func withShared(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, &shared{values: map[any]any{}})
}

// Share returns what build made the first time that it was asked for this key in
// the decision that ctx belongs to, so that the expressions of one decision
// build what they have in common (the input document) once. Outside a decision
// it builds anew each time. The key should be of a type of the caller's own.
func Share[T any](ctx context.Context, key any, build func() T) T {
	s, ok := ctx.Value(sharedKey{}).(*shared)
	if !ok {
		return build()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[key].(T); ok {
		return v
	}
	v := build()
	s.values[key] = v
	return v
}
