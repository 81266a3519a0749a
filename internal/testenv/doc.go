// Package testenv holds what tests talk to, for tests only: fakes with a mind of
// their own (a directory that is slow, down or lies, a decider that says what it
// is told to, a recorder that remembers), real directory servers (OpenLDAP's
// slapd, a Samba domain controller) that end with the test, and a relay that
// disturbs the connections to them.
package testenv
