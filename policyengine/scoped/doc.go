// Package scoped matches scoped policies: rules that say for which realms,
// users and clients an action of a scope has which value.
//
// A list of policies is compiled once into an immutable Set; everything that can
// be wrong with a policy is found then, with its name, attribute and offset. The
// package is pure: no files, no clock, no network, so the same Set and Query
// always give the same answer. Its invariant: a policy whose restrictions cannot
// be told is never silently left out, it is an error.
package scoped
