package pyregex

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// cached is how many patterns a Cache remembers.
const cached = 1024

// Cache compiles patterns and remembers the last 1024 of them, also those that
// were refused. It is safe for concurrent use.
type Cache struct {
	lru *lru.Cache[cacheKey, cacheEntry]
}

type cacheKey struct {
	pattern string
	engine  Engine
}

type cacheEntry struct {
	pattern *Pattern
	err     error
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	c, err := lru.New[cacheKey, cacheEntry](cached)
	if err != nil {
		panic("pyregex: " + err.Error()) // for a size below one only
	}
	return &Cache{c}
}

// Compile returns a pattern of Python's re, which can have 1 KiB, for an engine.
// The error is an *Error.
func (c *Cache) Compile(pattern string, e Engine) (*Pattern, error) {
	if entry, ok := c.lru.Get(cacheKey{pattern, e}); ok {
		return entry.pattern, entry.err
	}
	p, err := compile(pattern, e)
	if err != nil {
		p = nil
	}
	if len(pattern) <= maxPattern {
		c.lru.Add(cacheKey{strings.Clone(pattern), e}, cacheEntry{p, err})
	}
	return p, err
}
