package radius

import "fmt"

// fixed are the attributes with values of one length, from the RFCs, not from
// the server's dictionary.
var fixed = []struct {
	length int
	types  []byte
}{
	{4, []byte{
		4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 23, 27, 28, 29, 37, 38, 61, 62, // RFC 2865
		40, 41, 42, 43, 45, 46, 47, 48, 49, 51, // RFC 2866
		64, 65, 83, // RFC 2868
		52, 53, 55, 72, 73, 75, 76, 85, // RFC 2869
	}},
	{8, []byte{84, 96}},
	{14, []byte{71}},
	{16, []byte{95, 98, 168, 169}},
	{32, []byte{36}},
}

// attributeCases break the attributes' framing and their values' lengths (RFC
// 2865 section 5). All are signed: what is wrong is the attribute alone.
func attributeCases() (cases []hostile) {
	with := func(name string, want class, tlvs ...[]byte) {
		cases = append(cases, hostile{name, want, func(k kit) []byte {
			return k.signed(append([][]byte{str(1, "alice"), k.pap("alice-pw")}, tlvs...)...)
		}})
	}
	for _, f := range fixed {
		for _, typ := range f.types {
			for _, wrong := range []int{0, f.length - 1, f.length + 1, 253} {
				with(fmt.Sprintf("type %d of %d octets", typ, wrong), silent, tlv(typ, seq(wrong)...))
			}
			with(fmt.Sprintf("type %d as it should be", typ), accept, tlv(typ, make([]byte, f.length)...))
		}
	}
	for _, typ := range []byte{97, 123, 170} {
		with(fmt.Sprintf("prefix %d too short", typ), silent, tlv(typ, 0))
		with(fmt.Sprintf("prefix %d too long", typ), silent, tlv(typ, seq(19)...))
	}
	for _, typ := range []byte{0, 1, 2, 5, 26, 33, 80, 200, 255} {
		with(fmt.Sprintf("type %d of length 0", typ), silent, []byte{typ, 0})
		with(fmt.Sprintf("type %d of length 1", typ), silent, []byte{typ, 1})
		with(fmt.Sprintf("type %d that overruns by one", typ), silent, []byte{typ, 4, 'x'})
		with(fmt.Sprintf("type %d that overruns far", typ), silent, []byte{typ, 255, 'x'})
		with(fmt.Sprintf("type %d cut in its header", typ), silent, []byte{typ})
	}
	with("attribute 0", silent, tlv(0, 'x'))
	with("attribute 0, empty", silent, tlv(0))
	for _, typ := range []byte{17, 21, 54, 93, 94, 122, 191, 192, 223, 224, 240, 241, 255} {
		with(fmt.Sprintf("unknown type %d", typ), accept, tlv(typ, seq(7)...))
		with(fmt.Sprintf("unknown type %d, empty", typ), accept, tlv(typ))
		with(fmt.Sprintf("unknown type %d, full", typ), accept, tlv(typ, seq(253)...))
	}
	many := func(n int) []byte {
		var b []byte
		for range n {
			b = append(b, tlv(25, 'x')...)
		}
		return b
	}
	with("200 attributes", accept, many(197))
	with("201 attributes", silent, many(198))
	with("1300 attributes", silent, many(1300))
	with("2000 empty attributes", silent, make2(2000))
	return cases
}

// make2 returns n attributes without value.
func make2(n int) (b []byte) {
	for range n {
		b = append(b, 25, 2)
	}
	return b
}
