package ldap

import (
	"errors"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestDecodePasswordPolicy(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     passwordPolicy // with fault -2: malformed
	}{
		{"nothing to say", "3000", passwordPolicy{-1, -1, -1}},
		{"expires", "3006 a004 8002 0e10", passwordPolicy{3600, -1, -1}},
		{"grace", "3005 a003 8101 02", passwordPolicy{-1, 2, -1}},
		{"expired", "3003 8101 00", passwordPolicy{-1, -1, 0}},
		{"locked", "3003 8101 01", passwordPolicy{-1, -1, 1}},
		{"change after reset", "3003 8101 02", passwordPolicy{-1, -1, 2}},
		{"both", "3008 a003 8001 05 8101 02", passwordPolicy{5, -1, 2}},
		{"long length", "3084 00000003 8101 02", passwordPolicy{-1, -1, 2}},
		{"empty", "", passwordPolicy{fault: -2}},
		{"not a sequence", "0400", passwordPolicy{fault: -2}},
		{"more behind", "3000 00", passwordPolicy{fault: -2}},
		{"cut", "3003 8101", passwordPolicy{fault: -2}},
		{"empty warning", "3002 a000", passwordPolicy{fault: -2}},
		{"unknown warning", "3005 a003 8201 05", passwordPolicy{fault: -2}},
		{"two warnings in one", "3008 a006 8001 05 8101 05", passwordPolicy{fault: -2}},
		{"negative", "3005 a003 8001 ff", passwordPolicy{fault: -2}},
		{"five octets", "3009 a007 8005 0100000000", passwordPolicy{fault: -2}},
		{"unknown error", "3003 8101 09", passwordPolicy{fault: -2}},
		{"negative error", "3003 8101 ff", passwordPolicy{fault: -2}},
		{"empty error", "3002 8100", passwordPolicy{fault: -2}},
		{"error of another tag", "3003 0a01 02", passwordPolicy{fault: -2}},
		{"error twice", "3006 8101 02 8101 02", passwordPolicy{fault: -2}},
		{"wrong order", "3008 8101 02 a003 8001 05", passwordPolicy{fault: -2}},
		{"indefinite", "3080 8101 02 0000", passwordPolicy{fault: -2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodePasswordPolicy(testenv.Unhex(t, c.in))
			if c.want.fault == -2 {
				if !errors.Is(err, ber.ErrMalformed) {
					t.Errorf("taken as %+v", got)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func FuzzPasswordPolicy(f *testing.F) {
	for _, s := range []string{"3000", "3005a003800105", "3008a0038001058101 02", "3003810102", "3080", "30840000000381010200"} {
		f.Add(testenv.Unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePasswordPolicy(b)
		if err != nil {
			return
		}
		// What was understood must say the same when it is written again.
		var e ber.Encoder
		outer := e.Open(ber.TagSequence)
		if p.expires >= 0 || p.grace >= 0 {
			warning := e.Open(ber.ClassContext | ber.ConstructedBit)
			if p.grace >= 0 {
				e.Integer(ber.ClassContext|1, p.grace)
			} else {
				e.Integer(ber.ClassContext, p.expires)
			}
			e.Close(warning)
		}
		if p.fault >= 0 {
			e.Integer(ber.ClassContext|1, p.fault)
		}
		e.Close(outer)
		if again, err := decodePasswordPolicy(e.B); err != nil || again != p {
			t.Errorf("%x is %+v, and again %+v, %v", b, p, again, err)
		}
	})
}
