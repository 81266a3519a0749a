// Package directory wraps directories: it remembers users that were looked up,
// for a bounded time and number, and makes one look-up of many equal ones. For
// policies it finds other users than the one who logs in, in all directories of a
// configuration, and notes for how long each answer stands (see package fresh).
//
// It never keeps a credential, and never joins two checks of one. Its invariants: a
// user who was remembered is one that the directory has answered at most the
// configured time ago, to this very question, or since when nothing in it has
// changed; an answer that stands is the one that the same question would get now.
package directory
