package webget

import (
	"net/netip"
	"slices"
	"syscall"
)

// special are networks that are not of the public internet beside those that
// netip knows (IANA registries of special-purpose addresses), and the one address
// of it that belongs to a cloud's inside.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("168.63.129.16/32"), // the host of an Azure machine
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
}

// assigned is the part of IPv6 that the public internet has its addresses from (RFC
// 4291 section 2.4). What is outside of it stands for something else.
var assigned = netip.MustParsePrefix("2000::/3")

// nat64 has an IPv4 address in its last four octets (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// effective is the address that is reached in the end.
func effective(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// public reports whether an address is one of the public internet.
func public(addr netip.Addr) bool {
	addr = effective(addr)
	return (addr.Is4() || assigned.Contains(addr)) && addr.IsGlobalUnicast() && !addr.IsPrivate() &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// mayConnect is the control function of the dialer, which is asked when the
// address is final.
func (c *Client) mayConnect(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return faultf(NotAllowed, "the address %s is not understood", address)
	}
	addr := effective(at.Addr())
	if public(addr) || slices.ContainsFunc(c.cfg.Private, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	return faultf(NotAllowed, "its address %s is not public; policies.requests.private does not list it", addr)
}
