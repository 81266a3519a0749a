package scoped

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// parseClientCompat reads the address of a client as the C library does: IPv4 in
// one to four parts, decimal, octal with a leading zero or hexadecimal, the last
// part filling the octets that are left. IPv4-mapped IPv6 stays IPv6.
func parseClientCompat(text string) (netip.Addr, error) {
	if addr, ok := parseOldIPv4(text); ok {
		return addr, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.Is4() {
		return netip.Addr{}, failf(ErrBroken, "%q is no address", text)
	}
	return addr, nil
}

// parseOldIPv4 is inet_aton: whatever stands behind white space is not read.
func parseOldIPv4(text string) (netip.Addr, bool) {
	if i := strings.IndexAny(text, " \t\n\v\f\r"); i >= 0 {
		text = text[:i]
	}
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var addr uint64
	for i, part := range parts {
		n, ok := parseOldNumber(part)
		width := 8
		if i == len(parts)-1 {
			width = 8 * (4 - i)
		}
		if !ok || n>>width != 0 {
			return netip.Addr{}, false
		}
		addr = addr<<width | n
	}
	return netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}), true
}

func parseOldNumber(text string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, "0X"):
		text, base = text[2:], 16
	case len(text) > 1 && text[0] == '0':
		text, base = text[1:], 8
	}
	n, err := strconv.ParseUint(text, base, 32)
	return n, err == nil
}

// parseNetworkCompat reads a network as the original does: an address in full or
// the first octets of one, leading zeros being decimal; behind the slash a
// number, a netmask or a host mask.
func parseNetworkCompat(text string) (netip.Prefix, error) {
	addrText, bitsText, isNet := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(addrText)
	if err != nil || addr.Zone() != "" {
		if addr, err = shortIPv4(addrText, true); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is no address", addrText)
		}
	}
	bits := addr.BitLen()
	if isNet {
		n, err := pythonInt(bitsText)
		if err == nil {
			if !n.IsInt64() || n.Int64() < 0 || n.Int64() > int64(addr.BitLen()) {
				return netip.Prefix{}, fmt.Errorf("%q is no prefix length of an address with %d bits", bitsText, addr.BitLen())
			}
			bits = int(n.Int64())
		} else if b, ok := maskLength(addr, bitsText); ok {
			bits = b
		} else {
			return netip.Prefix{}, fmt.Errorf("%q is no netmask", bitsText)
		}
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

// maxNumber is how many digits of a number are read.
const maxNumber = 4300

// pythonInt reads a whole number as Python's int() does: white space around it, a
// sign, decimal digits of any script, single underscores between digits.
func pythonInt(text string) (*big.Int, error) {
	trimmed := trim(text)
	if len(trimmed) > maxNumber {
		return nil, fmt.Errorf("a number of more than %d octets", maxNumber)
	}
	body := strings.TrimPrefix(trimmed, "-")
	negative := body != trimmed
	if !negative {
		body = strings.TrimPrefix(trimmed, "+")
	}
	var b strings.Builder
	last := rune('_')
	for _, r := range body {
		switch d := digitOf(r); {
		case d >= 0:
			b.WriteByte(byte('0' + d))
		case r != '_' || last == '_':
			return nil, fmt.Errorf("%.60q is no whole number", text)
		}
		last = r
	}
	n, ok := new(big.Int).SetString(b.String(), 10)
	if !ok || last == '_' {
		return nil, fmt.Errorf("%.60q is no whole number", text)
	}
	if negative {
		n.Neg(n)
	}
	return n, nil
}

// digitOf is the value of a decimal digit of any script, -1 for anything else.
// Unicode keeps the ten digits of a script together, beginning with zero.
func digitOf(r rune) int {
	if r >= '0' && r <= '9' {
		return int(r - '0')
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return -1
	}
	// Where scripts follow one another without a gap, their zeros are a multiple of
	// ten apart from the first one.
	zero := r
	for unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return int(r-zero) % 10
}
