package ldap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestParseMessage(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"unbind", "020101 4200", nil},
		{"largest id", "02047fffffff 4200", nil},
		{"padded id", "020400000001 4200", nil},
		{"with controls", "020101 4200 a000", nil},
		{"nothing", "", ber.ErrMalformed},
		{"id alone", "020101", ber.ErrMalformed},
		{"id of no octets", "0200 4200", ber.ErrMalformed},
		{"id of five octets", "02050000000001 4200", ber.ErrMalformed},
		{"id is an octet string", "040101 4200", ber.ErrMalformed},
		{"id 0", "020100 4200", errMessageID},
		{"id negative", "0201ff 4200", errMessageID},
		{"id 2^31", "020480000000 4200", errMessageID},
		{"unknown operation", "020101 5f00", ber.ErrMalformed},
		{"unknown application tag", "020101 7300", errOperation},
		{"a response", "020101 6100", errOperation},
		{"universal tag", "020101 3000", errOperation},
		{"unbind, constructed", "020101 6200", errOperation},
		{"bind, primitive", "020101 4000", errOperation},
		{"trailing after operation", "020101 4200 0000", ber.ErrMalformed},
		{"trailing after controls", "020101 4200 a000 00", ber.ErrMalformed},
		{"controls, primitive", "020101 4200 8000", ber.ErrMalformed},
		{"operation longer than message", "020101 4205", ber.ErrMalformed},
		{"multi-octet tag", "020101 7f2000", ber.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseMessage(testenv.Unhex(t, c.in)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestCheckControls(t *testing.T) {
	control := func(parts ...string) string {
		var e encoder
		start := e.Open(ber.TagSequence)
		e.B = append(e.B, testenv.Unhex(t, strings.Join(parts, ""))...)
		e.Close(start)
		return hex.EncodeToString(e.B)
	}
	const oid, critical, soft, value = "0403 312e32", "0101ff", "010100", "040100"
	for _, c := range []struct {
		name, in string
		code     int
		err      error
	}{
		{"none", "", success, nil},
		{"not critical by default", control(oid), success, nil},
		{"not critical", control(oid, soft, value), success, nil},
		{"value without criticality", control(oid, value), success, nil},
		{"critical", control(oid, critical), unavailableCriticalExtension, nil},
		{"critical as 01", control(oid, "010101"), unavailableCriticalExtension, nil},
		{"critical with value", control(oid, critical, value), unavailableCriticalExtension, nil},
		{"second is critical", control(oid) + control(oid, critical), unavailableCriticalExtension, nil},
		{"type is no identifier", control("0403 61 2e 32"), protocolError, nil},
		{"type is empty", control("0400"), protocolError, nil},
		{"no type", control(), 0, ber.ErrMalformed},
		{"type of another tag", control("0201 01"), 0, ber.ErrMalformed},
		{"criticality of two octets", control(oid, "0102ffff"), 0, ber.ErrMalformed},
		{"value before criticality", control(oid, value, critical), 0, ber.ErrMalformed},
		{"value, constructed", control(oid, "2400"), 0, ber.ErrMalformed},
		{"not a sequence", "0400", 0, ber.ErrMalformed},
		{"cut", "3005 0403", 0, ber.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := checkControls(testenv.Unhex(t, c.in))
			if r.code != c.code || !errors.Is(err, c.err) {
				t.Errorf("got %d, %v; want %d, %v", r.code, err, c.code, c.err)
			}
		})
	}
}

// A notice must be byte for byte what clients look for.
func TestNotice(t *testing.T) {
	var e encoder
	e.notice(result{protocolError, "no"})
	want := testenv.Unhex(t, "3027 020100 7822 0a0102 0400 0402 6e6f 8a16") // then the name
	want = append(want, noticeOfDisconnection...)
	want[1] = byte(len(want) - 2)
	want[6] = byte(len(want) - 7)
	if !bytes.Equal(e.B, want) {
		t.Errorf("got  %x\nwant %x", e.B, want)
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"300c 020101 6007 020103 0400 8000", "3084 0000000c 020101 6007 020103 0400 8000",
		"3005 020101 4200", "3080", "30820100", "16030100", "3006 020101 500102",
		"3025 020102 6320 0400 0a0100 0a0100 020100 020100 010100 870b 6f626a656374436c617373 3000",
	} {
		f.Add(testenv.Unhex(f, s), 3)
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		p := new(pool)
		nc := &chunks{rest: stream, piece: piece}
		r := reader{nc: nc, pool: p, deadline: func() error { return nil }}
		for r.buffered() || r.fill() == nil {
			m, err := r.message()
			if err != nil {
				break
			}
			// What follows must not panic, whatever it says.
			_, _ = checkControls(m.controls)
			_, _ = parseBind(m.body)
			_, _ = parseSearch(m.body)
			_, _ = parseExtended(m.body)
			_ = ber.WellFormed(m.body, 1)
			p.put(m)
		}
		if held := p.large.Load(); held != 0 {
			t.Errorf("%d bytes of large buffers were not given back", held)
		}
		if nc.asked > len(stream)+maxMessage {
			t.Errorf("%d bytes asked for, %d sent", nc.asked, len(stream))
		}
	})
}

// Nothing of a message stays in our buffers once it was dealt with: it may have
// held a password.
func TestBuffersAreWiped(t *testing.T) {
	const secret = "correct horse battery staple"
	for _, size := range []int{1, 200, 8000} {
		p := new(pool)
		send := simpleBind(1, aliceDN, strings.Repeat(secret, size))
		r := reader{nc: &chunks{rest: send}, pool: p, deadline: func() error { return nil }}
		if err := r.fill(); err != nil {
			t.Fatal(err)
		}
		m, err := r.message()
		if err != nil {
			t.Fatal(err)
		}
		seen := m.buf
		if !bytes.Contains(seen, []byte(secret)) {
			t.Fatal("the password was not read")
		}
		p.put(m)
		if bytes.Contains(seen, []byte("horse")) || bytes.Contains(r.buf[:], []byte("horse")) {
			t.Errorf("a password of %d octets is still there", size*len(secret))
		}
		if held := p.large.Load(); held != 0 {
			t.Errorf("%d octets of the budget are not given back", held)
		}
	}
}
