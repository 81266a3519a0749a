// Package regotest runs the tests of expression policies, ordinary Rego tests
// (_test.rego) with all helper functions, in a world that a fixture describes:
// users, groups, the clock, and what name servers, web servers and plugins answer.
//
// It leaves loading and evaluating policies to package rego. Its invariant:
// nothing leaves the process, and what the fixture does not answer is an error and
// never a guess.
package regotest
