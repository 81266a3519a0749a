package radius

import (
	"encoding/binary"
	"fmt"
)

// headerCases break code, identifier and length (RFC 2865 section 3).
func headerCases() (cases []hostile) {
	add := func(name string, want class, build func(k kit) []byte) {
		cases = append(cases, hostile{name, want, build})
	}
	whole := len(kit{}.good())
	for n := range whole {
		add(fmt.Sprintf("cut after %d octets", n), silent, func(k kit) []byte { return k.good()[:n] })
	}
	for n := range whole - 20 {
		// The packet ends early by its own account, and says so rightly: what is
		// left is unsigned and without a credential, or torn.
		add(fmt.Sprintf("length %d of %d", 20+n, whole), silent, func(k kit) []byte {
			b := k.good()
			binary.BigEndian.PutUint16(b[2:], uint16(20+n))
			return b
		})
	}
	for _, length := range []int{0, 1, 19, whole + 1, 4095, 4096, 4097, 0x7fff, 0xffff} {
		add(fmt.Sprintf("claims a length of %d", length), silent, func(k kit) []byte {
			b := k.good()
			binary.BigEndian.PutUint16(b[2:], uint16(length))
			return sign(b)
		})
	}
	for _, n := range []int{1, 2, 20, 1000, 4096 - whole} {
		add(fmt.Sprintf("padding of %d octets", n), accept, func(k kit) []byte { return append(k.good(), seq(n)...) })
	}
	add("padding far beyond 4096", accept, func(k kit) []byte { return append(k.good(), make([]byte, 30000)...) })
	add("padding that looks like attributes", accept, func(k kit) []byte { return append(k.good(), str(1, "bob")...) })
	add("a packet of 5000 octets", silent, func(k kit) []byte {
		b := k.good()
		for len(b) < 5000 {
			b = append(b, tlv(25, seq(200)...)...)
		}
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		return sign(b)
	})
	add("length in the other byte order", silent, func(k kit) []byte {
		b := k.good()
		b[2], b[3] = b[3], b[2]
		return sign(b)
	})
	add("a header alone", silent, func(k kit) []byte { return k.access() })
	add("zeros", silent, func(kit) []byte { return make([]byte, 20) })
	add("4096 zeros", silent, func(kit) []byte { return make([]byte, 4096) })
	return cases
}

// codeCases send everything that is neither an Access-Request nor a
// Status-Server, signed as if it were right, and Status-Server in its forms.
func codeCases() (cases []hostile) {
	for code := range 256 {
		if code == 1 || code == 12 {
			continue
		}
		cases = append(cases, hostile{fmt.Sprintf("code %d", code), silent, func(k kit) []byte {
			b := k.good()
			b[0] = byte(code)
			return sign(b)
		}})
	}
	return append(cases,
		hostile{"status-server", accept, func(k kit) []byte { return sign(k.packet(12, noSignature())) }},
		hostile{"status-server of a proxy", accept, func(k kit) []byte {
			return sign(k.packet(12, str(33, "one"), noSignature(), str(33, "two")))
		}},
		hostile{"status-server, unsigned", silent, func(k kit) []byte { return k.packet(12) }},
		hostile{"status-server, unsigned, with attributes", silent, func(k kit) []byte { return k.packet(12, str(32, "nas")) }},
		hostile{"status-server, wrong signature", silent, func(k kit) []byte { return k.packet(12, tlv(80, seq(16)...)) }},
		hostile{"status-server, signed twice", silent, func(k kit) []byte {
			return sign(k.packet(12, noSignature(), noSignature()))
		}},
		hostile{"status-server with a broken attribute", silent, func(k kit) []byte {
			return sign(k.packet(12, noSignature(), []byte{32, 1}))
		}},
	)
}
