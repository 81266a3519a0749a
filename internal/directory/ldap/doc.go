// Package ldap makes users of an LDAP server or of Active Directory known to the
// login: it finds them, reads what policies ask for, resolves their groups and
// has the server check their passwords.
//
// Connections, pools and failover belong to package upstream. The invariants
// kept here: what a user typed never changes the structure of a filter or of a
// name; a list of groups is whole or it is an error; what the server says of a
// password is a verdict, and everything else is an error.
package ldap
