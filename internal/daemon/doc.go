// Package daemon builds everything that runs from a configuration and keeps it
// running: the Snapshot (building it without listening is the check), the
// listeners, the reload, readiness, metrics, and the orderly end.
//
// Its invariant: a configuration that does not load changes nothing. A new
// Snapshot is built beside the old one and takes over as a whole; a login ends
// in the Snapshot in which it began.
package daemon
