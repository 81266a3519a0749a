package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ListenAddr is an address to listen on. The zero value listens nowhere.
type ListenAddr struct {
	netip.AddrPort
	// Optional addresses are skipped on a machine that does not have them.
	Optional bool
}

// UnmarshalText reads "ADDRESS:PORT", with a "?" behind it for an optional
// address, or "off". Port 0 means any free port, which is of use in tests.
// Names, "localhost" too, are refused: which addresses they stand for depends on
// the machine.
func (a *ListenAddr) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "off" {
		*a = ListenAddr{}
		return nil
	}
	s, optional := strings.CutSuffix(s, "?")
	addr, err := netip.ParseAddrPort(s)
	switch {
	case err != nil:
		return listenHelp(s)
	case addr.Addr().Is4In6():
		return fmt.Errorf("%q is an IPv4 address written as IPv6; write %s", s, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
	case addr.Addr().IsMulticast():
		return fmt.Errorf("%q is a multicast address; write an address of this machine", s)
	}
	*a = ListenAddr{addr, optional}
	return nil
}

// listenHelp says what is wrong with an address.
func listenHelp(s string) error {
	if _, err := netip.ParseAddr(s); err == nil {
		return fmt.Errorf("%q has no port; write ADDRESS:PORT (an IPv6 address in brackets)", s)
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return fmt.Errorf("%q is not ADDRESS:PORT", s)
	}
	host, port := s[:i], s[i+1:]
	if _, err := netip.ParseAddrPort("127.0.0.1:" + port); err != nil {
		return fmt.Errorf("%q: the port must be a number from 1 to 65535", s)
	}
	switch host {
	case "":
		return fmt.Errorf("%q has no address; write 0.0.0.0:%s or [::]:%s for all addresses of the machine", s, port, port)
	case "localhost":
		return fmt.Errorf("%q is a name; write 127.0.0.1:%s or [::1]:%s", s, port, port)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return fmt.Errorf("%q: write an IPv6 address in brackets, [%s]:%s", s, host, port)
	}
	return fmt.Errorf("%q is a name or not an address; write an IP address", s)
}

// Network is the name that package net has for a protocol ("tcp", "udp") at this
// address: with one IP version, so that "[::]" is IPv6 alone and "0.0.0.0" may
// stand beside it.
func (a ListenAddr) Network(protocol string) string {
	if a.Addr().Is6() && !a.Addr().Is4In6() {
		return protocol + "6"
	}
	return protocol + "4"
}

// Exposed reports whether a RADIUS or LDAP listener can be reached from other
// machines.
func (l Listen) Exposed() bool {
	for _, list := range [][]ListenAddr{l.RADIUS, l.LDAP, l.LDAPS} {
		if slices.ContainsFunc(list, exposed) {
			return true
		}
	}
	return false
}

// exposed reports whether other machines can reach an address.
func exposed(a ListenAddr) bool {
	return a.IsValid() && !a.Addr().IsLoopback()
}

// parsePrefix reads a network, or an address as a network of one.
func parsePrefix(s string) (netip.Prefix, error) {
	host, _, network := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not an IP address or network such as 10.0.0.0/24", s)
	case addr.Zone() != "":
		return netip.Prefix{}, fmt.Errorf("%q has a zone; write the address without it", s)
	case addr.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address written as IPv6; write %s", s, addr.Unmap())
	case !network:
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q: the number after the slash must be from 0 to %d", s, addr.BitLen())
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind the slash's %d, did you mean %q or the single address %q?",
			s, p.Bits(), p.Masked(), addr)
	}
	return p, nil
}

// parseAddr reads an IP address.
func parseAddr(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", s)
	}
	if addr.Is4In6() {
		return netip.Addr{}, fmt.Errorf("%q is an IPv4 address written as IPv6; write %s", s, addr.Unmap())
	}
	return addr, nil
}

var errEmpty = errors.New("must not be empty")
