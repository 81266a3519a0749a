// Package local is the directory of users who live in Sallyport's own store.
//
// It finds users by login, without regard to case, and checks their passwords
// against argon2id hashes (RFC 9106), or against hashes that were made elsewhere,
// which it replaces by its own at the first login. Where users are kept is the store's
// business; what a login means is the proxy's.
//
// Its invariants: a wrong password is a verdict and everything else that goes
// wrong is an error; the hash is read anew for each check, so that a changed
// password counts at the next login; no more hashes are computed at once than
// there are processors; nothing of a password or of a verdict outlives the
// checks that are in flight.
package local
