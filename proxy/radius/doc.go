// Package radius is the RADIUS front-end (RFC 2865): it turns datagrams into
// login attempts and outcomes into answers.
//
// It owns its UDP sockets, knows its clients by the longest matching prefix,
// validates every packet before anything is spent on it, and recognizes
// retransmissions, so that one login is never run twice. What a login is worth
// is decided behind Handler; the codec's constants and names come from
// layeh.com/radius, its server is not used.
//
// Its invariants: what is malformed, unsigned where a signature is due, or
// from a stranger is never answered; every answer carries a
// Message-Authenticator as its first attribute and at most 4096 octets; every
// queue, cache and number of goroutines has a bound; no secret and no password
// is ever logged.
package radius
