// Package e2e holds tests with the real program and its real peers: the built
// sallyport with its quick start, and the clients that administrators use. A
// test whose program is not installed is skipped, and fails where CI=true.
package e2e
