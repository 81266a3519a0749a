// Package testenv holds fakes with a mind of their own, for tests only: a
// directory that is slow, down or lies, a decider that says what it is told to,
// a recorder that remembers.
package testenv
