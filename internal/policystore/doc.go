// Package policystore keeps scoped policies in the store: it reads them from
// there, and changes them.
//
// Its invariants: what is read is what was written, attribute by attribute; and
// nothing is stored that does not compile together with the policies of the
// files. So a running server that takes a change over cannot fail because of a
// policy's own faults.
package policystore
