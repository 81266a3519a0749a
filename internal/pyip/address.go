package pyip

import (
	"math/big"
	"net/netip"
	"strings"
)

// Address is an IPv4 or IPv6 address, perhaps with a zone. Addresses are compared
// with ==, which counts the zone. The zero value is no address; only what Parse
// and the methods of this package return is one.
type Address struct{ ip netip.Addr }

// ParseAddress reads an address: four decimal octets without leading zeros, or
// RFC 4291 text with up to four digits in a group, where a zone may follow a
// percent sign. Nothing may surround it. The error is an *Error of ClassBadAddress.
func ParseAddress(s string) (Address, error) {
	ip, ok := parse(s)
	if !ok {
		return Address{}, newError(ClassBadAddress, "%.60q is no IP address", s)
	}
	return Address{ip}, nil
}

// parse is what Python accepts, which is what netip accepts but for some zones: a
// slash always separates a prefix length.
func parse(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(s)
	if err != nil || strings.ContainsAny(ip.Zone(), "%/") {
		return netip.Addr{}, false
	}
	return ip, true
}

// String returns the shortest spelling (RFC 5952), in lower case, with the zone.
// The last part of an IPv4-mapped address is in IPv4 spelling.
func (a Address) String() string { return a.ip.String() }

// Exploded returns the spelling with all zeros. As in Python, an address with a
// zone has none: that is an *Error of ClassBadAddress.
func (a Address) Exploded() (string, error) {
	if zone := a.ip.Zone(); zone != "" {
		return "", newError(ClassBadAddress, "%.60q has a zone: it has no spelling with all zeros", a)
	}
	if v4, ok := a.IPv4Mapped(); ok {
		return "0000:0000:0000:0000:0000:ffff:" + v4.String(), nil
	}
	return a.ip.StringExpanded(), nil
}

// Version is 4 or 6.
func (a Address) Version() int {
	if a.ip.Is4() {
		return 4
	}
	return 6
}

// Int returns the address as a decimal number, for it may be larger than what
// JSON keeps. The zone does not count.
func (a Address) Int() string { return a.number().String() }

// ScopeID returns the zone, which is never empty.
func (a Address) ScopeID() (zone string, ok bool) {
	zone = a.ip.Zone()
	return zone, zone != ""
}

// IPv4Mapped returns the IPv4 address in ::ffff:0:0/96.
func (a Address) IPv4Mapped() (Address, bool) {
	if !a.ip.Is4In6() {
		return Address{}, false
	}
	return Address{a.ip.Unmap()}, true
}

// SixToFour returns the IPv4 address that a 6to4 address of 2002::/16 belongs to
// (RFC 3056).
func (a Address) SixToFour() (Address, bool) {
	b := a.ip.As16()
	if a.ip.Is4() || b[0] != 0x20 || b[1] != 0x02 {
		return Address{}, false
	}
	return Address{netip.AddrFrom4([4]byte(b[2:6]))}, true
}

// Add returns the address n places on, or back for a negative n, without a zone.
// Leaving the range of the version is an *Error of ClassOverflow.
func (a Address) Add(n *big.Int) (Address, error) {
	sum := a.number()
	sum.Add(sum, n)
	if sum.Sign() < 0 || sum.BitLen() > a.ip.BitLen() {
		return Address{}, newError(ClassOverflow, "%v + %.60s leaves the addresses of IPv%d", a.ip.WithZone(""), n.String(), a.Version())
	}
	var b [16]byte
	sum.FillBytes(b[:])
	if a.ip.Is4() {
		return Address{netip.AddrFrom4([4]byte(b[12:]))}, nil
	}
	return Address{netip.AddrFrom16(b)}, nil
}

func (a Address) number() *big.Int {
	return new(big.Int).SetBytes(a.ip.AsSlice())
}

// Compare returns -1 for a below b, 0 for the same address, else 1. Two addresses
// that differ in the zone alone are neither the same nor one below the other:
// their answer is 1 both ways, as in Python, so don't sort by it. Addresses of
// different versions cannot be compared: that is an *Error of
// ClassVersionMismatch.
func Compare(a, b Address) (int, error) {
	if a.Version() != b.Version() {
		return 0, newError(ClassVersionMismatch, "%.60s and %.60s are of different versions of IP", a, b)
	}
	if a == b {
		return 0, nil
	}
	if a.ip.WithZone("").Less(b.ip.WithZone("")) {
		return -1, nil
	}
	return 1, nil
}
