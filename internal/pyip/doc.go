// Package pyip reads IP addresses and networks as Python's ipaddress module
// does, and answers what it answers about them (version 3.13): policies that are
// brought along rely on its strictness and on its idea of "private".
//
// It knows no policies and no configuration. Addresses and networks are plain
// values; an IPv4-mapped IPv6 address is IPv6 everywhere, and only IsPrivate and
// IsLoopback look at the IPv4 address in it. Its invariant: what is not written
// in the one way that Python accepts is an error, never a guess.
package pyip
