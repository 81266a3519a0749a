package rego

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// What an address or a network can be refused for. The rules are those of
// Python's ipaddress, whose strictness policies rely on.
var (
	errAddress  = errors.New("no IP address")
	errNetwork  = errors.New("no IP network")
	errHostBits = errors.New("has host bits set")
)

// networkBuiltin is ip_in_network(address, network).
func networkBuiltin() *builtin {
	return &builtin{
		name: "ip_in_network", args: []types.Type{types.S, types.S}, result: types.B,
		literal: func(args []*ast.Term) []error {
			faults := make([]error, 2)
			if s, ok := args[0].Value.(ast.String); ok {
				_, faults[0] = parseAddress(string(s))
			}
			if s, ok := args[1].Value.(ast.String); ok {
				_, faults[1] = parseNetwork(string(s))
			}
			return faults
		},
		call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
			addrText, err := stringArg(args, 0, "the address")
			if err != nil {
				return nil, err
			}
			netText, err := stringArg(args, 1, "the network")
			if err != nil {
				return nil, err
			}
			in, err := inNetwork(addrText, netText)
			return ast.Boolean(in), err
		},
	}
}

// inNetwork tells whether an address is in a network. Addresses of the other
// version never are, an IPv4-mapped one is IPv6, and zones do not matter.
func inNetwork(addrText, netText string) (bool, error) {
	addr, err := parseAddress(addrText)
	if err != nil {
		return false, err
	}
	network, err := parseNetwork(netText)
	if err != nil {
		return false, err
	}
	return network.Contains(addr.WithZone("")), nil
}

// parseAddress reads an address: no leading zeros, no blanks, a zone allowed on
// IPv6.
func parseAddress(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || strings.Contains(addr.Zone(), "%") {
		return netip.Addr{}, fmt.Errorf("%.60q is %w", text, errAddress)
	}
	return addr, nil
}

// parseNetwork reads a network strictly: an address alone is a network of one,
// the rest is a prefix length or, for IPv4, a netmask or host mask, and the bits
// behind it must be zero.
func parseNetwork(text string) (netip.Prefix, error) {
	addrText, lengthText, found := strings.Cut(text, "/")
	addr, err := parseAddress(addrText)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%.60q is %w", text, errNetwork)
	}
	addr = addr.WithZone("")
	bits := addr.BitLen()
	if found {
		var ok bool
		if bits, ok = prefixLength(addr, lengthText); !ok {
			return netip.Prefix{}, fmt.Errorf("%.60q is %w", text, errNetwork)
		}
	}
	p := netip.PrefixFrom(addr, bits)
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%.60q %w: the network is %s", text, errHostBits, p.Masked())
	}
	return p, nil
}

func prefixLength(addr netip.Addr, text string) (int, bool) {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		bits, err := strconv.Atoi(text)
		return bits, err == nil && bits <= addr.BitLen()
	}
	mask, err := netip.ParseAddr(text)
	if err != nil || !mask.Is4() || !addr.Is4() {
		return 0, false
	}
	b := mask.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	for _, hostMask := range []bool{false, true} { // the ambiguous ones are netmasks
		for bits := range 33 {
			ones := ^uint32(0) << (32 - bits) // 0 for no bits: Go shifts everything out
			if hostMask {
				ones = ^ones
			}
			if m == ones {
				return bits, true
			}
		}
	}
	return 0, false
}
