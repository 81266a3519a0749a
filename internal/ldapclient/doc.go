// Package ldapclient is the small LDAP client behind "sallyport login ldap": one
// bind, and what the server says of it.
//
// It leaves printing and exit codes to the command. Its invariant: a server's
// refusal is a Result, and an error means that we could not find out.
package ldapclient
