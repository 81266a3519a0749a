// Package userimport brings users and groups from a file into the local store:
// from CSV (RFC 4180) or from LDIF content records (RFC 2849), as slapcat,
// ldapsearch and the exports of other directories write them.
//
// Reading says what a file holds and what is wrong in it, by line; Run stores it
// and reports what became of each line. Which hashes are taken is the business of
// the local directory, what a login may look like also of the caller.
//
// Its invariants: nothing of a password or a hash is in an error or in a report;
// what is reported as good can be logged in with; a file at fault leaves nothing
// behind, unless that was asked for.
package userimport
