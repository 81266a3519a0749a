// Package webget asks web servers on behalf of policies.
//
// A policy may have been written by somebody who must not reach what this machine
// reaches. So only servers that the configuration lists are asked, redirects
// included, and only at public addresses unless it lists others: the address is
// looked at when the connection is made, whatever a name resolved to before. Its
// invariants: every request ends by its deadline, and nothing of an answer beyond
// the limits is kept. There are no cookies and no proxy.
package webget
