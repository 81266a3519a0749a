package scoped

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// clientList is a compiled list of client networks. Members that begin with - or
// ! exclude; a list of exclusions alone matches nobody.
type clientList struct {
	empty           bool
	found, excluded []netip.Prefix
}

// compileClients reads the members of a client attribute. Empty members are
// left out, and a list of nothing but those restricts nothing.
func compileClients(members []string) (clientList, error) {
	l := clientList{}
	if len(members) > maxMembers {
		return l, fmt.Errorf("%d members, at most %d are allowed", len(members), maxMembers)
	}
	var faults []error
	for i, m := range members {
		text := strings.TrimSpace(m)
		if text == "" {
			continue
		}
		rest, excludes := strings.CutPrefix(text, "-")
		if !excludes {
			rest, excludes = strings.CutPrefix(text, "!")
		}
		p, err := parseNetwork(rest)
		if err != nil {
			faults = append(faults, &memberError{i, m, err})
			continue
		}
		if excludes {
			l.excluded = append(l.excluded, p)
		} else {
			l.found = append(l.found, p)
		}
	}
	l.empty = len(l.found) == 0 && len(l.excluded) == 0
	return l, errors.Join(faults...)
}

// parseNetwork reads an address, a CIDR network or a network with an IPv4
// netmask. Host bits are allowed, IPv4-mapped networks become IPv4 ones.
func parseNetwork(text string) (netip.Prefix, error) {
	addrText, bitsText, isNet := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(addrText)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address: write it in full, octets without leading zeros", addrText)
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

func prefixLength(addr netip.Addr, text string) (int, error) {
	if strings.Contains(text, ".") && addr.Is4() {
		mask, err := netip.ParseAddr(text)
		if err == nil {
			for bits := range addr.BitLen() + 1 {
				if m, err := netip.MustParseAddr("255.255.255.255").Prefix(bits); err == nil && m.Addr() == mask {
					return bits, nil
				}
			}
		}
		return 0, fmt.Errorf("%q is no netmask: its ones must stand before its zeros", text)
	}
	p, err := netip.ParsePrefix(addr.String() + "/" + text)
	if err != nil {
		return 0, fmt.Errorf("%q is no prefix length of an address with %d bits", text, addr.BitLen())
	}
	return p.Bits(), nil
}

// match tells whether the list lets the address through; the address must be
// valid unless the list is empty.
func (l *clientList) match(client netip.Addr) bool {
	if l.empty {
		return true
	}
	client = client.Unmap().WithZone("")
	return contains(l.found, client) && !contains(l.excluded, client)
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
