package radius

import "fmt"

// signatureCases break the Message-Authenticator (RFC 3579 section 3.2) where
// the client need not send one.
func signatureCases() (cases []hostile) {
	add := func(name string, want class, build func(k kit) []byte) {
		cases = append(cases, hostile{name, want, build})
	}
	login := func(k kit) [][]byte { return [][]byte{str(1, "alice"), k.pap("alice-pw")} }
	for at := range 16 {
		add(fmt.Sprintf("octet %d wrong", at), silent, func(k kit) []byte { b := k.good(); b[22+at] ^= 0x80; return b })
	}
	for _, n := range []int{0, 1, 8, 15, 17, 32} {
		add(fmt.Sprintf("a signature of %d octets", n), silent, func(k kit) []byte {
			return k.access(append(login(k), tlv(80, seq(n)...))...)
		})
	}
	add("zeros as signature", silent, func(k kit) []byte { return k.access(append(login(k), noSignature())...) })
	add("two right ones", silent, func(k kit) []byte { return k.signed(append(login(k), noSignature())...) })
	add("a wrong one appended", silent, func(k kit) []byte {
		return k.signed(append(login(k), tlv(80, seq(16)...))...)
	})
	add("a short one appended", silent, func(k kit) []byte { return k.signed(append(login(k), tlv(80, 1))...) })
	add("attribute appended after signing", silent, func(k kit) []byte {
		b := append(k.good(), num(5, 1)...)
		b[3] += 6
		return b
	})
	add("signed for another identifier", silent, func(k kit) []byte { b := k.good(); b[1] ^= 1; return b })
	add("last", accept, func(k kit) []byte { return sign(k.access(append(login(k), noSignature())...)) })
	add("in the middle", accept, func(k kit) []byte {
		return sign(k.access(str(1, "alice"), noSignature(), k.pap("alice-pw")))
	})
	add("none", accept, kit.plainGood)
	add("none, with Proxy-State", silent, func(k kit) []byte { return k.access(append(login(k), str(33, "x"))...) })
	add("none, with an empty Proxy-State", silent, func(k kit) []byte { return k.access(append(login(k), str(33, ""))...) })
	add("none, with EAP-Message", silent, func(k kit) []byte { return k.access(str(1, "alice"), tlv(79, 2, 1, 0, 5, 1)) })
	return cases
}

// requiredCases are sent where the client must sign.
func requiredCases() []hostile {
	return []hostile{
		{"unsigned", silent, kit.plainGood},
		{"unsigned, wrong password", silent, func(k kit) []byte { return k.access(str(1, "alice"), k.pap("x")) }},
		{"unsigned chap", silent, func(k kit) []byte { return k.access(str(1, "alice"), tlv(3, seq(17)...)) }},
		{"signed", accept, kit.good},
		{"signed, wrong password", reject, func(k kit) []byte { return k.signed(str(1, "alice"), k.pap("x")) }},
		{"signed wrongly", silent, func(k kit) []byte { b := k.good(); b[30] ^= 1; return b }},
		{"signed, with Proxy-State", accept, func(k kit) []byte {
			return k.signed(str(1, "alice"), k.pap("alice-pw"), str(33, "x"))
		}},
	}
}

// offCases are sent where nothing is asked of the client.
func offCases() []hostile {
	return []hostile{
		{"unsigned with Proxy-State", accept, func(k kit) []byte {
			return k.access(str(1, "alice"), k.pap("alice-pw"), str(33, "x"), str(33, "y"))
		}},
		{"unsigned EAP", silent, func(k kit) []byte { return k.access(str(1, "alice"), tlv(79, 2, 1, 0, 5, 1)) }},
		{"signed wrongly", silent, func(k kit) []byte { b := k.good(); b[30] ^= 1; return b }},
		{"two signatures", silent, func(k kit) []byte { return k.signed(noSignature(), str(1, "alice"), k.pap("alice-pw")) }},
		{"a full unsigned packet of Proxy-State", accept, func(k kit) []byte {
			return k.access(fullOfProxyState(k)[0], fullOfProxyState(k)[1], fill(4096-20-7-18))
		}},
		{"unsigned MS-CHAP and no room", reject, func(k kit) []byte {
			response := vsa(311, tlv(25, seq(50)...)...)
			return k.access(tlv(1), response, fill(4096-20-2-len(response)))
		}},
	}
}

// fill returns Proxy-States of n octets in all.
func fill(n int) (b []byte) {
	for n > 0 {
		size := min(n, 255)
		if n-size == 1 {
			size-- // the last attribute needs two octets
		}
		b = append(b, tlv(33, seq(size-2)...)...)
		n -= size
	}
	return b
}

// fullOfProxyState returns the attributes of the good login and Proxy-States
// that fill a signed packet to the last octet.
func fullOfProxyState(k kit) [][]byte {
	return [][]byte{str(1, "alice"), k.pap("alice-pw"), fill(4096 - 20 - 18 - 7 - 18)}
}
