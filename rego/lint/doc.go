// Package lint looks for mistakes in expression policies that the language
// allows: a policy without a default, a result that is always true taken for a
// condition, a "not" that lets the unknown in. It works on parsed modules and
// knows functions, data and policies only by what it is told; it reads no files
// and evaluates nothing.
//
// Its invariant: a finding has its place in the file, and what is an error can
// never be meant.
package lint
