// Package plugins runs condition helpers: programs, written by others, whose
// functions policies can call. It verifies each program before it runs, starts
// it apart from everything else (own process group, empty environment, mutual
// TLS over a socket that only we can reach), starts it again when it dies, and
// offers its functions as policyengine.Helper.
//
// What a helper says about a login is for the policies to judge. The invariant
// kept here: a helper that is dead, slow, hung or wrong about its types is an
// error within the caller's deadline, never a value; and no process, socket or
// goroutine outlives the Host.
package plugins
