package scoped

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// longList is how many networks are worth a table; below it, looking at each is
// faster.
const longList = 32

// networks is a set of networks.
type networks struct {
	list  []netip.Prefix
	table *bart.Lite // instead of list, when that is long
}

func (n *networks) contains(a netip.Addr) bool {
	if n.table != nil {
		return n.table.Contains(a)
	}
	for _, p := range n.list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// close builds the table, once all networks are in.
func (n *networks) close() {
	if len(n.list) < longList {
		return
	}
	n.table = &bart.Lite{}
	for _, p := range n.list {
		n.table.Insert(p)
	}
}

// clientList is a compiled list of client networks. Members that begin with - or
// ! exclude; a list of exclusions alone matches nobody, and one of empty members
// alone neither.
type clientList struct {
	empty           bool
	blank           bool // nothing but empty members
	found, excluded networks
	err             error // of a member, in Compat
	texts           []string
}

// compileClients reads the members of a client attribute; empty members are left
// out. In Compat a member that is no network is kept and fails when it is asked.
func compileClients(members []string, compat bool) (clientList, error) {
	l := clientList{empty: len(members) == 0, texts: members}
	if len(members) > maxMembers {
		return l, fmt.Errorf("%d members, at most %d are allowed", len(members), maxMembers)
	}
	var faults []error
	l.blank = true
	for i, m := range members {
		text := trim(m)
		if text == "" {
			continue
		}
		l.blank = false
		p, excludes, err := parseMember(text, compat)
		switch {
		case err != nil:
			faults = append(faults, &memberError{i, m, err})
		case excludes:
			l.excluded.list = append(l.excluded.list, p)
		default:
			l.found.list = append(l.found.list, p)
		}
	}
	l.found.close()
	l.excluded.close()
	if compat && len(faults) > 0 {
		l.err = failf(ErrBroken, "client: %w", faults[0])
		return l, nil
	}
	return l, errors.Join(faults...)
}

func parseMember(text string, compat bool) (p netip.Prefix, excludes bool, err error) {
	if isExclusion(text) {
		text, excludes = text[1:], true
	}
	if compat {
		p, err = parseNetworkCompat(text)
	} else {
		p, err = parseNetwork(text)
	}
	return p, excludes, err
}

// search tells whether a positive and whether a negative member contains the
// address.
func (l *clientList) search(client netip.Addr) (found, excluded bool) {
	return l.found.contains(client), l.excluded.contains(client)
}

// parseClient reads the address of a client: IPv4-mapped addresses become IPv4
// ones, and a zone is dropped.
func parseClient(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is no address", text)
	}
	return addr.Unmap().WithZone(""), nil
}

// parseNetwork reads an address, or a network in one of the forms 10.0.0.0/8,
// 10/8, 10.0.0.0/255.0.0.0 and 10.0.0.0/0.255.255.255. Host bits are allowed,
// IPv4-mapped networks become IPv4 ones, and octets have no leading zeros.
func parseNetwork(text string) (netip.Prefix, error) {
	addrText, bitsText, isNet := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(addrText)
	if err != nil {
		if addr, err = shortIPv4(addrText, false); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is no address: write it in full, octets without leading zeros", addrText)
		}
	}
	addr = addr.WithZone("")
	bits := addr.BitLen()
	if isNet {
		if bits, err = prefixLength(addr, bitsText); err != nil {
			return netip.Prefix{}, err
		}
	}
	if addr.Is4In6() {
		if bits < 96 {
			return netip.Prefix{}, fmt.Errorf("/%d of an IPv4-mapped address holds more than IPv4: write an IPv4 network, or an IPv6 one", bits)
		}
		addr, bits = addr.Unmap(), bits-96
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

// shortIPv4 reads one to four octets, the missing ones are 0.
func shortIPv4(text string, leadingZeros bool) (netip.Addr, error) {
	var octets [4]byte
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, errors.New("more than four octets")
	}
	for i, part := range parts {
		n, err := pythonInt(part)
		if err != nil || !n.IsInt64() || n.Int64() < 0 || n.Int64() > 255 {
			return netip.Addr{}, fmt.Errorf("%q is no octet", part)
		}
		if !leadingZeros && (!digits(part) || len(part) > 1 && part[0] == '0') {
			return netip.Addr{}, fmt.Errorf("%q has a leading zero", part)
		}
		octets[i] = byte(n.Int64())
	}
	return netip.AddrFrom4(octets), nil
}

// prefixLength reads a number of bits, a netmask or a host mask.
func prefixLength(addr netip.Addr, text string) (int, error) {
	if strings.ContainsAny(text, ".:") {
		if bits, ok := maskLength(addr, text); ok {
			return bits, nil
		}
		return 0, fmt.Errorf("%q is no netmask: its ones must stand before its zeros", text)
	}
	p, err := netip.ParsePrefix(addr.WithZone("").String() + "/" + text)
	if err != nil {
		return 0, fmt.Errorf("%q is no prefix length of an address with %d bits", text, addr.BitLen())
	}
	return p.Bits(), nil
}

// maskLength reads a netmask (ones before zeros) or a host mask (the opposite) of
// the address's family.
func maskLength(addr netip.Addr, text string) (int, bool) {
	mask, err := netip.ParseAddr(text)
	if err != nil || mask.Zone() != "" || mask.BitLen() != addr.BitLen() {
		return 0, false
	}
	octets := mask.AsSlice()
	if bits, ok := leadingOnes(octets); ok {
		return bits, true
	}
	for i := range octets {
		octets[i] = ^octets[i]
	}
	return leadingOnes(octets)
}

// leadingOnes counts the ones in front; false when there are others.
func leadingOnes(octets []byte) (int, bool) {
	bits, ended := 0, false
	for _, o := range octets {
		for shift := 7; shift >= 0; shift-- {
			one := o>>shift&1 == 1
			if one && ended {
				return 0, false
			}
			ended = ended || !one
			if one {
				bits++
			}
		}
	}
	return bits, true
}
