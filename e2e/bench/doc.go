// Package bench measures logins per second, latency, and the processor time and
// allocations that a login costs the server, beside a RADIUS server that does
// nothing but accept. It holds nothing but tests; docs/performance.md says how
// to run it and how to read it.
//
// The server under test runs in a process of its own, which is this test binary
// started again: what it spends is the server's alone. The load comes from the
// test process and every answer is verified there.
package bench
