// Package upstream keeps the connections to the servers of one LDAP directory.
//
// It searches as the service account and binds users, on connections of their
// own kinds: many searches share a connection, a bind has one to itself while it
// lasts. It watches each server, leaves out the ones that are down and asks the
// next one inside the caller's deadline. What entries and result codes mean is
// left to the caller.
//
// Two things always hold. An answer of the directory and the lack of one are
// never mixed up: a [*ldap.Error] from here was said by a server, an [*Outage]
// says that none could be asked. And a connection on which something went wrong
// is closed: it never carries another request.
package upstream
