// Package ldap is the LDAP front-end: it reads operations from TCP connections,
// makes an Attempt of each simple bind, and turns the Outcome into a result
// code. It serves simple binds, StartTLS, who-am-i, abandon, unbind and the root
// DSE; everything else is refused with the response that belongs to it.
//
// Who the user is and whether they may come in is left to the Handler; this
// package knows neither users nor policies. Its invariants: a bind with a name
// and an empty password never succeeds (RFC 4513 section 5.1.2); a bind that did
// not succeed leaves the connection anonymous (RFC 4511 section 4.2.1); nothing
// is allocated because a length octet says so; every read, write and wait ends.
package ldap
