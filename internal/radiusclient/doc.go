// Package radiusclient sends one Access-Request and judges the answer: what
// the test client of the command line and end-to-end tests need.
//
// It is one conversation over one socket, not a pool for production traffic.
// Its invariant: an answer that is not authentic is never returned.
package radiusclient
