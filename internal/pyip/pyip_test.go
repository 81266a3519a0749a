package pyip

import (
	"errors"
	"math/big"
	"strings"
	"testing"
)

func address(t testing.TB, s string) Address {
	t.Helper()
	a, err := ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func network(t testing.TB, s string) Network {
	t.Helper()
	n, err := ParseNetwork(s, true)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRelation(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"10.0.0.0/8", "10.0.0.0/255.0.0.0", "equal"},
		{"10.1.0.0/16", "10.0.0.0/8", "subnet"},
		{"10.0.0.0/16", "10.0.0.0/8", "subnet"},
		{"10.0.0.0/8", "10.0.0.0/16", "supernet"},
		{"10.0.0.0/8", "11.0.0.0/8", "disjoint"},
		{"0.0.0.0/0", "::/0", "disjoint"},
		{"10.0.0.0/8", "::ffff:10.0.0.0/104", "disjoint"},
		{"fe80::/10", "fe80::%eth0/10", "overlap"},
		{"fe80::%eth0/10", "fe80::%eth0/10", "equal"},
		{"fe80::%eth0/10", "fe80::/9", "overlap"},
		{"fe81::%eth0/16", "fe80::/10", "subnet"},
	} {
		if got := Relation(network(t, tt.a), network(t, tt.b)); got != tt.want {
			t.Errorf("%s to %s: %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestErrorsSayWhat(t *testing.T) {
	_, badAddress := ParseAddress("10.0.0.01")
	_, badNetwork := ParseNetwork("10.0.0.0/33", true)
	_, hostBits := ParseNetwork("10.0.0.1/8", true)
	_, overflow := address(t, "255.255.255.255").Add(big.NewInt(1))
	_, underflow := address(t, "::1%eth0").Add(big.NewInt(-2))
	_, order := Compare(address(t, "10.0.0.1"), address(t, "::1"))
	_, subnet := network(t, "10.0.0.0/8").SubnetOf(network(t, "::/0"))
	_, exploded := address(t, "fe80::1%eth0").Exploded()
	for _, tt := range []struct {
		err         error
		class, text string
	}{
		{badAddress, ClassBadAddress, `"10.0.0.01" is no IP address`},
		{badNetwork, ClassBadNetwork, `"10.0.0.0/33" is no IP network`},
		{hostBits, ClassHostBitsSet, `"10.0.0.1/8" has host bits set: the network is 10.0.0.0/8`},
		{overflow, ClassOverflow, `255.255.255.255 + 1 leaves the addresses of IPv4`},
		{underflow, ClassOverflow, `::1 + -2 leaves the addresses of IPv6`},
		{order, ClassVersionMismatch, `10.0.0.1 and ::1 are of different versions of IP`},
		{subnet, ClassVersionMismatch, `10.0.0.0/8 and ::/0 are of different versions of IP`},
		{exploded, ClassBadAddress, `"fe80::1%eth0" has a zone: it has no spelling with all zeros`},
	} {
		var e *Error
		if !errors.As(tt.err, &e) || e.Class != tt.class || e.Error() != tt.text {
			t.Errorf("%v, want %s: %s", tt.err, tt.class, tt.text)
		}
	}
	if _, err := ParseAddress(strings.Repeat("1", 1<<20)); len(err.Error()) > 200 {
		t.Errorf("the error quotes all of a long text: %d bytes", len(err.Error()))
	}
}

func TestCompareZones(t *testing.T) {
	a, b := address(t, "fe80::1%eth0"), address(t, "fe80::1%eth1")
	for _, pair := range [][2]Address{{a, b}, {b, a}} {
		if order, err := Compare(pair[0], pair[1]); order != 1 || err != nil {
			t.Errorf("%v and %v: %d, %v", pair[0], pair[1], order, err)
		}
	}
}

// TestNoAllocations: what policies ask at each login makes no garbage.
func TestNoAllocations(t *testing.T) {
	n := network(t, "10.0.0.0/8")
	if got := testing.AllocsPerRun(100, func() {
		for _, s := range []string{"10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"} {
			a, err := ParseAddress(s)
			if err != nil || n.Contains(a) != (s == "10.1.2.3") {
				t.Errorf("%s: %v", s, err)
			}
			a.IsPrivate()
			a.IsGlobal()
		}
		if _, err := ParseNetwork("192.168.0.0/255.255.0.0", true); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "::ffff:1.2.3.4%1", "1:2:3:4:5:6:7::", "0177.0.0.1",
		"fe80::1%a%b", "fe80::1%a/64", "::1%", "192.0.2.1\n", "1::2::3", "2002:c000:201::",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a.String()); err != nil || again != a {
			t.Fatalf("%q is read as %v, that as %v, %v", s, a, again, err)
		}
		if a.IsPrivate() && a.IsGlobal() {
			t.Fatalf("%v is private and global", a)
		}
		zero, err := a.Add(new(big.Int))
		if err != nil || zero.ip != a.ip.WithZone("") {
			t.Fatalf("%v + 0 is %v, %v", a, zero, err)
		}
	})
}

func FuzzParseNetwork(f *testing.F) {
	for _, s := range []string{
		"10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "0.0.0.0/0", "0.0.0.0/0.0.0.0", "::/0",
		"fe80::%eth0/10", "::ffff:0:0/96", "192.0.2.0/024", "192.0.2.0/24/24", "192.0.2.0/", "/24", "192.0.2.0/99999999999999999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNetwork(s, false)
		strict, strictErr := ParseNetwork(s, true)
		if err != nil {
			if strictErr == nil {
				t.Fatalf("%q is %v when read strictly, else %v", s, strict, err)
			}
			return
		}
		if strictErr == nil && strict != n {
			t.Fatalf("%q is %v when read strictly, else %v", s, strict, n)
		}
		if again, err := ParseNetwork(n.String(), true); err != nil || again != n {
			t.Fatalf("%q is read as %v, that as %v, %v", s, n, again, err)
		}
		if !n.Contains(n.NetworkAddress()) || !n.Contains(n.BroadcastAddress()) || Relation(n, n) != "equal" {
			t.Fatalf("%v does not contain itself", n)
		}
		if n.NumAddresses() == "" || n.Netmask().Version() != n.Version() {
			t.Fatalf("%v has netmask %v", n, n.Netmask())
		}
	})
}

func BenchmarkParseAddress(b *testing.B) {
	for _, s := range []string{"10.20.30.40", "2001:db8:1:2::17"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseAddress(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseNetwork(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseNetwork("10.0.0.0/8", true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContains(b *testing.B) {
	n, a := network(b, "10.0.0.0/8"), address(b, "10.20.30.40")
	b.ReportAllocs()
	for b.Loop() {
		if !n.Contains(a) {
			b.Fatal("not in it")
		}
	}
}

func BenchmarkIsPrivate(b *testing.B) {
	a := address(b, "198.51.101.1")
	b.ReportAllocs()
	for b.Loop() {
		if a.IsPrivate() {
			b.Fatal("private")
		}
	}
}
