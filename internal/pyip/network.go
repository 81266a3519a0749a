package pyip

import (
	"math/big"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Network is an IPv4 or IPv6 network. Networks are compared with ==, which counts
// the zone of the network address. The zero value is no network.
type Network struct {
	address Address // the first one, perhaps with a zone
	prefix  netip.Prefix
}

// ParseNetwork reads an address, a slash and a prefix length; for IPv4 a netmask
// or a host mask may stand for the length. An address alone is a network of one.
// With strict, an address with bits behind the prefix is an *Error of
// ClassHostBitsSet, otherwise they are cleared, and a zone with them. Whatever else
// is wrong is one of ClassBadNetwork.
func ParseNetwork(s string, strict bool) (Network, error) {
	addrText, lengthText, found := strings.Cut(s, "/")
	ip, ok := parse(addrText)
	length := ip.BitLen()
	if ok && found {
		length, ok = prefixLen(ip, lengthText)
	}
	if !ok {
		return Network{}, newError(ClassBadNetwork, "%.60q is no IP network", s)
	}
	n := Network{Address{ip}, netip.PrefixFrom(ip, length)}
	if masked := n.prefix.Masked(); masked != n.prefix {
		if strict {
			return Network{}, newError(ClassHostBitsSet, "%.60q has host bits set: the network is %s", s, masked)
		}
		n = Network{Address{masked.Addr()}, masked}
	}
	return n, nil
}

// prefixLen reads what follows the slash. Leading zeros are fine here, in Python
// as well.
func prefixLen(ip netip.Addr, s string) (int, bool) {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.Atoi(s)
		return n, err == nil && n <= ip.BitLen()
	}
	mask, ok := parse(s)
	if !ok || !mask.Is4() || !ip.Is4() {
		return 0, false
	}
	b := mask.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if n := bits.LeadingZeros32(^m); m == ones(n) { // ones, then zeros: a netmask
		return n, true
	}
	n := bits.LeadingZeros32(m) // zeros, then ones: a host mask
	return n, m == ^ones(n)
}

// ones returns n ones and then zeros.
func ones(n int) uint32 { return ^uint32(0) << (32 - n) }

// String returns the network address, a slash and the prefix length.
func (n Network) String() string {
	return n.address.String() + "/" + strconv.Itoa(n.PrefixLen())
}

// Version is 4 or 6.
func (n Network) Version() int { return n.address.Version() }

// PrefixLen returns the number of leading bits that are the same in all addresses.
func (n Network) PrefixLen() int { return n.prefix.Bits() }

// NetworkAddress returns the first address, with the zone that the network was
// written with.
func (n Network) NetworkAddress() Address { return n.address }

// BroadcastAddress returns the last address.
func (n Network) BroadcastAddress() Address {
	b := n.prefix.Addr().AsSlice()
	for i := n.PrefixLen(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return Address{ip}
}

// Netmask returns the mask as an address: as many ones as the prefix is long.
func (n Network) Netmask() Address {
	b := make([]byte, n.prefix.Addr().BitLen()/8)
	for i := range n.PrefixLen() {
		b[i/8] |= 0x80 >> (i % 8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return Address{ip}
}

// NumAddresses returns the number of addresses as a decimal number, for it may be
// larger than what JSON keeps.
func (n Network) NumAddresses() string {
	return new(big.Int).Lsh(big.NewInt(1), uint(n.prefix.Addr().BitLen()-n.PrefixLen())).String()
}

// IsPrivate reports whether one of the ranges that are not globally reachable
// holds the whole network, and neither end of it is an exception. IPv4-mapped
// networks are private, whatever their IPv4 addresses are.
func (n Network) IsPrivate() bool {
	first, last := n.address.ip, n.BroadcastAddress().ip
	return within(private, first, last) && !within(notPrivate, first) && !within(notPrivate, last)
}

// IsGlobal reports whether the network is neither private nor in 100.64.0.0/10.
func (n Network) IsGlobal() bool {
	return !n.IsPrivate() && !within(shared, n.address.ip, n.BroadcastAddress().ip)
}

// Contains reports whether the address is in the network. Those of the other
// version never are: an IPv4-mapped address is in no IPv4 network. Zones do not
// count.
func (n Network) Contains(a Address) bool { return n.prefix.Contains(a.ip.WithZone("")) }
