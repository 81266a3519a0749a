// Package dns answers the questions that policies ask the domain name system, and
// remembers the answers for a while.
//
// A look-up that fails is an empty answer and is counted; an error means that the
// question makes no sense, or that whoever asked has no time left. Its invariants:
// every look-up ends by its deadline, and equal ones at the same time are one.
package dns
