//go:build !linux

package radius

import (
	"net"
	"net/netip"
	"syscall"
)

// controlLength is zero: without control messages, an answer of a wildcard
// socket leaves from the address that the kernel chooses. On a machine with
// several addresses, list them in listen.radius.
const controlLength = 0

func askDestination(string, string, syscall.RawConn) error { return nil }

func destination([]byte) (netip.Addr, []byte) { return netip.Addr{}, nil }

func grantedBuffers(*net.UDPConn) (read, write int, ok bool) { return 0, 0, false }
