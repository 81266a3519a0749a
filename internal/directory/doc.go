// Package directory wraps directories: it remembers users that were looked up,
// for a bounded time and number, and makes one look-up of many equal ones.
//
// It never keeps a credential, and never joins two checks of one. Its invariant:
// a user who was remembered is one that the directory has answered at most the
// configured time ago, to this very login.
package directory
