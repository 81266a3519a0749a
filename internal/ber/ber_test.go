package ber

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestLengthOctets(t *testing.T) {
	for _, c := range []struct {
		name, in  string
		length, n int
		malformed bool
	}{
		{"empty", "", 0, 0, false},
		{"short", "05", 5, 1, false},
		{"short, largest", "7f", 127, 1, false},
		{"long", "81 80", 128, 2, false},
		{"long, not minimal", "84 00 00 00 05", 5, 5, false},
		{"long, not complete", "84 00 00 00", 0, 0, false},
		{"indefinite", "80", 0, 0, true},
		{"five octets", "85 00 00 00 00 01", 0, 0, true},
		{"reserved", "ff", 0, 0, true},
		{"31 bits", "84 7f ff ff ff", 1<<31 - 1, 5, false},
		{"32 bits", "84 80 00 00 00", 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			length, n, err := LengthOctets(testenv.Unhex(t, c.in))
			if length != c.length || n != c.n || (err != nil) != c.malformed {
				t.Errorf("got %d, %d, %v", length, n, err)
			}
		})
	}
}

func TestNumericOID(t *testing.T) {
	for s, want := range map[string]bool{
		"1.3.6.1.4.1.1466.20037": true, "2.5": true, "0.9.2342.19200300.100.1.1": true, "1.10": true,
		"": false, "1": false, ".": false, "1.": false, ".1": false, "1..2": false, "1.02": false,
		"1.a": false, "1. 2": false, "-1.2": false, "1." + strings.Repeat("1", 300): false,
	} {
		if got := NumericOID(s); got != want {
			t.Errorf("NumericOID(%q) = %v", s, got)
		}
	}
}

func TestEncoder(t *testing.T) {
	for v, want := range map[int32]string{
		0: "020100", 1: "020101", 127: "02017f", 128: "02020080", 255: "020200ff", 256: "02020100",
		32767: "02027fff", 32768: "0203008000", 1<<31 - 1: "02047fffffff",
	} {
		var e Encoder
		e.Integer(TagInteger, v)
		if got := hex.EncodeToString(e.B); got != want {
			t.Errorf("integer %d: got %s, want %s", v, got, want)
		}
		if back, _, err := Integer(e.B, TagInteger); err != nil || back != v {
			t.Errorf("integer %d: read back as %d, %v", v, back, err)
		}
	}
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 20} {
		var e Encoder
		start := e.Open(TagSequence)
		e.Text(TagOctetString, strings.Repeat("x", n))
		e.Close(start)
		outer, rest, err := Expect(e.B, TagSequence)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%d octets: %v", n, err)
		}
		inner, rest, err := Expect(outer, TagOctetString)
		if err != nil || len(rest) > 0 || !bytes.Equal(inner, bytes.Repeat([]byte("x"), n)) {
			t.Fatalf("%d octets come back as %d: %v", n, len(inner), err)
		}
	}
}

func FuzzElements(f *testing.F) {
	for _, s := range []string{"020101 4200", "3084 0000000c 020101 6007 020103 0400 8000", "3080", "30820100", "a003 0a0105"} {
		f.Add(testenv.Unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for rest := b; len(rest) > 0; {
			_, body, after, err := Element(rest)
			if err != nil {
				if WellFormed(b, 0) == nil {
					t.Errorf("%x is well-formed and has a malformed element", b)
				}
				return
			}
			total += len(rest) - len(after)
			if len(body) > len(rest)-len(after)-2 {
				t.Fatalf("an element of %d octets has a body of %d", len(rest)-len(after), len(body))
			}
			rest = after
		}
		if total != len(b) {
			t.Errorf("the elements of %d octets have %d", len(b), total)
		}
	})
}
