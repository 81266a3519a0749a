package radius

import (
	"fmt"
	"math/rand/v2"
)

// proxyStateCases are about the echo of Proxy-State; checkAnswer compares.
func proxyStateCases() (cases []hostile) {
	for _, verdict := range []struct {
		password string
		want     class
	}{{"alice-pw", accept}, {"wrong", reject}} {
		add := func(name string, states ...[]byte) {
			cases = append(cases, hostile{name, verdict.want, func(k kit) []byte {
				return k.signed(append([][]byte{str(1, "alice"), k.pap(verdict.password)}, states...)...)
			}})
		}
		add("one", str(33, "a"))
		add("an empty one", str(33, ""))
		add("three", str(33, "a"), str(33, "b"), str(33, "c"))
		add("the same again", str(33, "a"), str(33, "a"))
		add("not sorted", str(33, "z"), str(33, "a"), str(33, ""), str(33, "m"))
		add("of 253 octets", tlv(33, seq(253)...))
		add("with NULs", tlv(33, 0, 0, 0))
		add("that looks like attributes", tlv(33, str(80, "0123456789abcdef")...))
		add("others in between", str(33, "a"), num(5, 1), str(33, "b"), str(32, "nas"), str(33, "c"))
		add("190 small ones", make33(190))
		add("the packet full", fill(4096-20-18-7-18))
		add("the packet nearly full", fill(4096-20-18-7-18-10))
		add("one octet too long for its packet", []byte{33, 255, 1})
		cases[len(cases)-1].want = silent
	}
	return cases
}

func make33(n int) (b []byte) {
	for i := range n {
		b = append(b, tlv(33, byte(i))...)
	}
	return b
}

// vendorCases break Vendor-Specific attributes (RFC 2865 section 5.26).
func vendorCases() (cases []hostile) {
	add := func(name string, want class, tlvs ...[]byte) {
		cases = append(cases, hostile{name, want, func(k kit) []byte {
			return k.signed(append([][]byte{str(1, "alice"), k.pap("alice-pw")}, tlvs...)...)
		}})
	}
	for n := range 5 {
		add(fmt.Sprintf("of %d octets", n), silent, tlv(26, seq(n)...))
	}
	vendors := []uint32{9, 429, 2636, 3076, 8164, 12356, 14122, 14823, 14988, 25461, 0, 0xffffff, 0xffffffff}
	for _, v := range vendors {
		add(fmt.Sprintf("vendor %d, well formed", v), accept, vsa(v, str(1, "x")...))
		add(fmt.Sprintf("vendor %d, two inside", v), accept, vsa(v, append(str(1, "x"), str(2, "y")...)...))
		add(fmt.Sprintf("vendor %d, its own format", v), accept, vsa(v, seq(9)...))
		add(fmt.Sprintf("vendor %d, full", v), accept, vsa(v, seq(249)...))
		add(fmt.Sprintf("vendor %d, one octet", v), accept, vsa(v, 1))
		add(fmt.Sprintf("vendor %d, inner length 0", v), accept, vsa(v, 1, 0, 5))
	}
	for typ := range byte(40) {
		add(fmt.Sprintf("microsoft %d, inner length 0", typ), silent, vsa(311, typ, 0))
		add(fmt.Sprintf("microsoft %d, inner length 1", typ), silent, vsa(311, typ, 1))
		add(fmt.Sprintf("microsoft %d, overrun", typ), silent, vsa(311, typ, 9, 1))
		add(fmt.Sprintf("microsoft %d, cut", typ), silent, vsa(311, typ))
	}
	for _, typ := range []byte{1, 3, 4, 25, 27} {
		add(fmt.Sprintf("microsoft %d of a wrong length", typ), silent, vsa(311, tlv(typ, seq(7)...)...))
	}
	add("microsoft, harmless", accept, vsa(311, str(10, "CORP")...))
	add("microsoft, torn behind a whole one", silent, vsa(311, append(str(10, "CORP"), 11)...))
	add("many", accept, vsa(9, str(1, "a")...), vsa(311, str(10, "CORP")...), vsa(9, str(1, "b")...))
	return cases
}

// eapCases are about EAP-Message (RFC 3579): refused with an EAP-Failure, which
// checkAnswer compares, or discarded.
func eapCases() (cases []hostile) {
	add := func(name string, want class, tlvs ...[]byte) {
		cases = append(cases,
			hostile{name, want, func(k kit) []byte { return k.signed(append([][]byte{str(1, "alice")}, tlvs...)...) }},
			hostile{name + ", unsigned", silent, func(k kit) []byte { return k.access(append([][]byte{str(1, "alice")}, tlvs...)...) }})
	}
	identity := []byte{2, 77, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'}
	add("identity", reject, tlv(79, identity...))
	add("start", reject, tlv(79))
	add("one octet", reject, tlv(79, 2))
	add("the identifier in the second fragment", reject, tlv(79, 2), tlv(79, identity[1:]...))
	add("empty fragments before", reject, tlv(79), tlv(79), tlv(79, identity...))
	add("two fragments", reject, tlv(79, seq(253)...), tlv(79, seq(100)...))
	add("with State", reject, tlv(79, identity...), str(24, "state"))
	add("with Proxy-State", reject, tlv(79, identity...), str(33, "p"))
	add("with Service-Type", reject, num(6, 2), tlv(79, identity...))
	add("too many fragments", silent, make79(220))
	add("many fragments", reject, make79(150))
	for id := range 16 {
		add(fmt.Sprintf("identifier %d", id*17), reject, tlv(79, 2, byte(id*17), 0, 5, 3))
	}
	for _, code := range []byte{0, 1, 3, 4, 5, 255} {
		add(fmt.Sprintf("EAP code %d", code), reject, tlv(79, code, 9, 0, 4))
	}
	for _, length := range []byte{0, 1, 4, 200} {
		add(fmt.Sprintf("EAP length %d", length), reject, tlv(79, 2, 9, 0, length, 1))
	}
	both := func(name string, build func(k kit) []byte) {
		cases = append(cases, hostile{name, silent, func(k kit) []byte {
			return k.signed(str(1, "alice"), tlv(79, identity...), build(k))
		}})
	}
	both("and the right password", func(k kit) []byte { return k.pap("alice-pw") })
	both("and CHAP", func(kit) []byte { return tlv(3, seq(17)...) })
	both("and ARAP", func(kit) []byte { return tlv(70, seq(16)...) })
	both("and MS-CHAP", func(kit) []byte { return vsa(311, tlv(25, seq(50)...)...) })
	cases = append(cases,
		hostile{"without a name", reject, func(k kit) []byte { return k.signed(tlv(79, identity...)) }},
		hostile{"start without a name in a full packet", reject, func(k kit) []byte {
			return k.signed(tlv(79), fill(4096-20-18-2))
		}},
		hostile{"wrong signature", silent, func(k kit) []byte {
			b := k.signed(str(1, "alice"), tlv(79, identity...))
			b[25] ^= 1
			return b
		}})
	return cases
}

func make79(n int) (b []byte) {
	for i := range n {
		b = append(b, tlv(79, byte(i))...)
	}
	return b
}

// validCases are what real clients send.
func validCases() []hostile {
	with := func(name string, build func(k kit) []byte) hostile { return hostile{name, accept, build} }
	login := func(k kit, tlvs ...[]byte) [][]byte {
		return append([][]byte{str(1, "alice"), k.pap("alice-pw")}, tlvs...)
	}
	return []hostile{
		with("PostgreSQL", func(k kit) []byte {
			return k.access(num(6, 8), str(1, "alice"), str(32, "postgresql"), k.pap("alice-pw"))
		}),
		with("pam_radius_auth", func(k kit) []byte {
			return k.access(login(k, tlv(4, 127, 0, 0, 1), str(32, "sshd"), num(5, 4711), num(61, 5), num(6, 8), str(31, "192.0.2.7"))...)
		}),
		with("openvpn-auth-radius", func(k kit) []byte {
			return k.access(login(k, tlv(4, 127, 0, 0, 1), num(5, 1), num(6, 5), str(31, "192.0.2.7"), str(32, "OpenVpn"),
				str(44, "0123456789ABCDEF"), num(61, 5))...)
		}),
		with("ocserv", func(k kit) []byte {
			return k.access(login(k, tlv(4, 192, 0, 2, 1), str(31, "192.0.2.7"), str(77, "Open AnyConnect VPN Agent v9.01-3"),
				num(6, 8), num(61, 0), str(32, "ocserv"))...)
		}),
		with("Squid", func(k kit) []byte { return k.access(login(k, num(5, 111), num(61, 5), str(32, "squid"))...) }),
		with("radtest", func(k kit) []byte {
			return sign(k.access(login(k, tlv(4, 127, 0, 1, 1), num(5, 0), noSignature())...))
		}),
		with("an answer to a challenge", func(k kit) []byte { return k.access(login(k, str(24, "state"))...) }),
		with("IPv6", func(k kit) []byte { return k.signed(login(k, tlv(95, seq(16)...), tlv(168, seq(16)...))...) }),
		with("Wi-Fi", func(k kit) []byte {
			return k.signed(login(k, num(61, 19), str(30, "00-10-A4-23-19-C0:Office"), str(31, "00-0C-29-11-22-33"), num(12, 1400),
				num(64, 13), num(65, 6), str(81, "42"))...)
		}),
	}
}

// flipCases flip each bit of a signed login.
func flipCases(want class) (cases []hostile) {
	size := len(kit{}.good())
	for bit := range size * 8 {
		cases = append(cases, hostile{fmt.Sprintf("bit %d", bit), want, func(k kit) []byte {
			b := k.good()
			b[bit/8] ^= 1 << (bit % 8)
			return b
		}})
	}
	return cases
}

// editCases change a login at random and sign it anew, as somebody would who
// knows the secret and not the password; and change unsigned ones.
func editCases() (cases []hostile) {
	for i := range 400 {
		cases = append(cases, hostile{fmt.Sprintf("edit %d", i), intact, func(k kit) []byte {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			b := k.signed(str(1, "alice"), k.pap("alice-pw"), num(5, 7), str(32, "nas"), vsa(311, str(10, "CORP")...), str(33, "p"))
			if i%4 == 0 {
				b = k.plainGood()
			}
			for range 1 + rng.IntN(4) {
				b[20+rng.IntN(len(b)-20)] = byte(rng.UintN(256))
			}
			return sign(b)
		}})
	}
	return cases
}

// garbageCases are random octets, some behind the header of a request.
func garbageCases() (cases []hostile) {
	for i := range 200 {
		cases = append(cases, hostile{fmt.Sprintf("garbage %d", i), silent, func(k kit) []byte {
			rng := rand.New(rand.NewPCG(2, uint64(i)))
			b := garbage(rng, 1+rng.IntN(1000))
			if i%2 == 0 {
				b = k.access(b)
			}
			return b
		}})
	}
	return cases
}

func garbage(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.UintN(256))
	}
	return b
}
