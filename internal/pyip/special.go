package pyip

import "net/netip"

// The special ranges of Python's ipaddress, from IANA's registries of special
// purpose addresses for IPv4 and IPv6 (RFC 6890).
var (
	private = prefixes("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"::1/128", "::/128", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
		"2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10")
	// notPrivate are the exceptions inside of private.
	notPrivate = prefixes("192.0.0.9/32", "192.0.0.10/32",
		"2001:1::1/128", "2001:1::2/128", "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28")
	// shared is neither private nor global (RFC 6598).
	shared    = prefixes("100.64.0.0/10")
	multicast = prefixes("224.0.0.0/4", "ff00::/8")
	linkLocal = prefixes("169.254.0.0/16", "fe80::/10")
	siteLocal = prefixes("fec0::/10")
	loopback  = prefixes("127.0.0.0/8", "::1/128")
	// reserved4 and assigned6 are the ranges that are reserved, and those that
	// are not.
	reserved4 = prefixes("240.0.0.0/4")
	assigned6 = prefixes("2000::/3", "fc00::/7", "fe80::/9", "ff00::/8")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// within reports whether one of the ranges holds all the addresses.
func within(ranges []netip.Prefix, ips ...netip.Addr) bool {
next:
	for _, p := range ranges {
		for _, ip := range ips {
			if !p.Contains(ip.WithZone("")) {
				continue next
			}
		}
		return true
	}
	return false
}

// IsPrivate reports whether the address is not globally reachable: far more than
// the private networks of RFC 1918, but not 100.64.0.0/10. An IPv4-mapped address
// is what its IPv4 address is.
func (a Address) IsPrivate() bool {
	ip := a.ip.Unmap()
	return within(private, ip) && !within(notPrivate, ip)
}

// IsGlobal reports whether the address is neither private nor in 100.64.0.0/10.
func (a Address) IsGlobal() bool { return !a.IsPrivate() && !within(shared, a.ip) }

// IsLoopback reports whether the address is in 127.0.0.0/8, also IPv4-mapped, or
// ::1.
func (a Address) IsLoopback() bool { return within(loopback, a.ip.Unmap()) }

// IsMulticast reports whether the address is in 224.0.0.0/4 or ff00::/8.
func (a Address) IsMulticast() bool { return within(multicast, a.ip) }

// IsLinkLocal reports whether the address is in 169.254.0.0/16 or fe80::/10.
func (a Address) IsLinkLocal() bool { return within(linkLocal, a.ip) }

// IsSiteLocal reports whether the address is in fec0::/10, which RFC 3879 gave up.
func (a Address) IsSiteLocal() bool { return within(siteLocal, a.ip) }

// IsReserved reports whether the IETF keeps the range of the address for later:
// 240.0.0.0/4, and of IPv6 all but the ranges of RFC 4291 section 2.4 for global
// unicast, unique local, link local, site local and multicast addresses.
func (a Address) IsReserved() bool {
	if a.ip.Is4() {
		return within(reserved4, a.ip)
	}
	return !within(assigned6, a.ip)
}

// IsUnspecified reports whether the address is 0.0.0.0 or ::.
func (a Address) IsUnspecified() bool { return a.ip.WithZone("").IsUnspecified() }
