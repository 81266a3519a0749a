// Package store keeps what must survive a restart: the local users, their
// groups and who is a member of what, and scoped policies.
//
// A Store is one SQLite file, read by several connections and written by one.
// What a method returns is what stood in the file when it was called, whichever
// process wrote it: nothing is cached here. When another file takes its place,
// or none, logins and changes are refused until the Store is opened anew. What a
// record means (whether a password is right, who may log in, what a policy says)
// is left to the rooms that ask.
//
// Its invariants: a change is on the disk when its method returns, and happens
// as a whole or not at all; no two users and no two groups differ only in case;
// a group never contains itself, not even through other groups; each change of
// policies gives them the next revision, and each change of users and groups theirs,
// so that whoever knows one can ask whether there is a newer one.
package store
