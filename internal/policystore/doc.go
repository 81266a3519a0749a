// Package policystore keeps scoped policies in the store: it reads them from
// there, and changes them.
//
// Its invariants: what is read is what was written, attribute by attribute; and
// nothing is added or changed unless all of it compiles together with the policies
// of the files. What cannot be read can be deleted, and is never left out when
// logins are decided: Read fails then.
package policystore
