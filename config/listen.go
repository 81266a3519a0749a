package config

import "net/netip"

// ListenAddr is an address to listen on. The zero value listens nowhere.
type ListenAddr struct {
	netip.AddrPort
	// Optional addresses are skipped on a machine that does not have them.
	Optional bool
}
