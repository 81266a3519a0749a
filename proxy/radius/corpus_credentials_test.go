package radius

import (
	"fmt"
	"strings"
)

// credentialCases are about what is shown: nothing, too much, malformed, wrong.
func credentialCases() (cases []hostile) {
	// Each is sent signed and, where the outcome differs or might, unsigned.
	add := func(name string, signed, unsigned class, tlvs func(k kit) [][]byte) {
		cases = append(cases,
			hostile{name + ", signed", signed, func(k kit) []byte { return k.signed(tlvs(k)...) }},
			hostile{name + ", unsigned", unsigned, func(k kit) []byte { return k.access(tlvs(k)...) }})
	}
	alice := str(1, "alice")
	pass := func(k kit) []byte { return k.pap("alice-pw") }
	chap := tlv(3, seq(17)...)

	add("no credential", reject, silent, func(kit) [][]byte { return [][]byte{alice} })
	add("no name", reject, silent, func(k kit) [][]byte { return [][]byte{pass(k)} })
	add("nothing", reject, silent, func(kit) [][]byte { return nil })
	add("a State alone", reject, silent, func(kit) [][]byte { return [][]byte{alice, str(24, "state")} })
	add("a CHAP-Challenge alone", reject, silent, func(kit) [][]byte { return [][]byte{alice, tlv(60, seq(16)...)} })
	add("call check", reject, silent, func(kit) [][]byte { return [][]byte{alice, num(6, 10)} })
	add("authorize only", reject, silent, func(kit) [][]byte { return [][]byte{alice, num(6, 17)} })
	add("authorize only with a State", reject, silent, func(kit) [][]byte { return [][]byte{alice, num(6, 17), str(24, "x")} })
	add("authorize only with a password", reject, silent, func(k kit) [][]byte { return [][]byte{alice, pass(k), num(6, 17)} })

	add("two passwords, both right", reject, reject, func(k kit) [][]byte { return [][]byte{alice, pass(k), pass(k)} })
	add("two passwords, one right", reject, reject, func(k kit) [][]byte { return [][]byte{alice, k.pap("x"), pass(k)} })
	add("three passwords", reject, reject, func(k kit) [][]byte { return [][]byte{alice, pass(k), pass(k), pass(k)} })
	add("password and CHAP", reject, reject, func(k kit) [][]byte { return [][]byte{alice, pass(k), chap} })
	add("CHAP and password", reject, reject, func(k kit) [][]byte { return [][]byte{alice, chap, pass(k)} })
	add("password and ARAP", reject, reject, func(k kit) [][]byte { return [][]byte{alice, pass(k), tlv(70, seq(16)...)} })
	add("password and MS-CHAP", reject, reject, func(k kit) [][]byte {
		return [][]byte{alice, pass(k), vsa(311, tlv(25, seq(50)...)...)}
	})
	add("password and MS-CHAP in one with others", reject, reject, func(k kit) [][]byte {
		return [][]byte{alice, pass(k), vsa(311, append(tlv(11, seq(16)...), tlv(1, seq(50)...)...)...)}
	})
	add("two CHAP", reject, reject, func(kit) [][]byte { return [][]byte{alice, chap, chap} })
	add("CHAP", reject, reject, func(kit) [][]byte { return [][]byte{alice, chap} })
	add("CHAP with challenge", reject, reject, func(kit) [][]byte { return [][]byte{alice, chap, tlv(60, seq(16)...)} })
	add("ARAP", reject, reject, func(kit) [][]byte { return [][]byte{alice, tlv(70, seq(16)...)} })
	for _, m := range []struct{ typ, length byte }{{1, 50}, {25, 50}, {3, 70}, {4, 84}, {27, 68}} {
		add(fmt.Sprintf("MS-CHAP type %d", m.typ), reject, reject, func(kit) [][]byte {
			return [][]byte{alice, vsa(311, tlv(m.typ, seq(int(m.length))...)...)}
		})
	}
	for _, n := range []int{0, 1, 16, 18, 32} {
		add(fmt.Sprintf("CHAP of %d octets", n), silent, silent, func(kit) [][]byte { return [][]byte{alice, tlv(3, seq(n)...)} })
	}
	for _, n := range []int{0, 4} {
		add(fmt.Sprintf("CHAP-Challenge of %d octets", n), silent, silent, func(kit) [][]byte {
			return [][]byte{alice, chap, tlv(60, seq(n)...)}
		})
	}
	for _, n := range []int{0, 1, 8, 15, 17, 31, 33, 127, 129, 144, 253} {
		add(fmt.Sprintf("a password of %d octets", n), silent, silent, func(k kit) [][]byte {
			return [][]byte{alice, tlv(2, k.cipher([]byte(strings.Repeat("x", n)))...)}
		})
	}
	for _, n := range []int{16, 32, 112, 128} {
		add(fmt.Sprintf("a wrong password of %d octets", n), reject, reject, func(k kit) [][]byte {
			return [][]byte{alice, k.pap(strings.Repeat("x", n))}
		})
		add(fmt.Sprintf("the password padded to %d octets", n), accept, accept, func(k kit) [][]byte {
			return [][]byte{alice, k.pap("alice-pw" + strings.Repeat("\x00", n-8))}
		})
	}
	for name, password := range map[string]string{
		"an empty password":           "",
		"a password of NULs":          strings.Repeat("\x00", 64),
		"NUL and the password":        "\x00alice-pw",
		"a NUL inside":                "alice\x00-pw",
		"something after the padding": "alice-pw\x00\x00x",
		"not UTF-8":                   "\xff\xfe\xfd",
		"half a character at the end": "alice-pw\xc3",
		"an overlong slash":           "\xc0\xaf",
		"a surrogate":                 "\xed\xa0\x80",
		"in other case":               "ALICE-PW",
		"with a blank":                "alice-pw ",
		"with a newline":              "alice-pw\n",
		"a prefix of the right one":   "alice-p",
		"of another user":             "bob-pw",
	} {
		add(name, reject, reject, func(k kit) [][]byte { return [][]byte{alice, k.pap(password)} })
	}
	add("two States", reject, reject, func(k kit) [][]byte { return [][]byte{alice, pass(k), str(24, "a"), str(24, "b")} })
	add("an empty State", silent, silent, func(k kit) [][]byte { return [][]byte{alice, pass(k), str(24, "")} })
	return cases
}

// nameCases are about User-Name: what is no name, and what only looks
// dangerous and must arrive as it is.
func nameCases() (cases []hostile) {
	add := func(name string, want class, names ...string) {
		for _, signed := range []bool{true, false} {
			cases = append(cases, hostile{fmt.Sprintf("%s, signed %t", name, signed), want, func(k kit) []byte {
				var tlvs [][]byte
				for _, n := range names {
					tlvs = append(tlvs, str(1, n))
				}
				if tlvs = append(tlvs, k.pap("alice-pw")); signed {
					return k.signed(tlvs...)
				}
				return k.access(tlvs...)
			}})
		}
	}
	add("right", accept, "alice")
	add("empty", reject, "")
	for _, n := range []string{
		"\x00", "alice\x00", "\x00alice", "ali\x00ce", "alice\x00\x00\x00",
		"\xff", "alice\xff", "\xc0\x80", "\xed\xa0\x80", "alice\xc3",
	} {
		add(fmt.Sprintf("%q", n), reject, n)
	}
	for _, n := range []string{
		" alice", "alice ", "ALICE", "alice\n", "alice\r\nlevel=error", "alice\t", "*", "alice)(uid=*", "(|(uid=*))",
		"alice,ou=admins", "uid=alice", "' OR '1'='1", "alice';--", "%s%s%s%n", "${jndi:ldap://x}", "{{7*7}}", "%{User-Password}",
		"../../etc/passwd", "alice@", "@", "\\", "CORP\\", "\\alice", "a@b@c", "\u202eecila", "\ufeffalice", "alice\u0301",
		"аlice", "\x1b[31malice", "<script>", strings.Repeat("a", 253), strings.Repeat("ä", 126), strings.Repeat("@", 253),
	} {
		add(fmt.Sprintf("%q", n), reject, n)
	}
	add("twice the same", reject, "alice", "alice")
	add("two names", reject, "alice", "bob")
	add("two names, the other first", reject, "bob", "alice")
	add("an empty one first", reject, "", "alice")
	add("an empty one last", reject, "alice", "")
	return cases
}
