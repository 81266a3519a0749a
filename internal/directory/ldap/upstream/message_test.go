package upstream

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func configSecret(s string) config.Secret { return config.NewSecret(s) }

func TestAppendBind(t *testing.T) {
	got := appendBind(nil, 5, "cn=x", "pw")
	want := "3031 020105 600d 020103 0404 636e3d78 8002 7077" +
		"a01d 301b 0419 312e332e362e312e342e312e34322e322e32372e382e352e31"
	if hex.EncodeToString(got) != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %x", got)
	}
	for _, n := range []int{1, 100, 127, 128, 1000, maxName} {
		room := make([]byte, 0, n+maxPassword+requestRoom)
		dn, password := strings.Repeat("n", n), strings.Repeat("p", min(n, maxPassword))
		b := appendBind(room, math.MaxInt32, dn, password)
		if &b[0] != &room[:1][0] {
			t.Errorf("%d: the buffer grew, and left a password behind", n)
		}
		m, err := (&peer{Conn: nopConn{bytes.NewReader(b)}}).read()
		if err != nil || m.name != dn || m.secret != password || m.id != math.MaxInt32 {
			t.Errorf("%d: comes back as %d, %d octets: %v", n, len(m.name), len(m.secret), err)
		}
	}
	if nextID(math.MaxInt32) != 1 || nextID(0) != 1 {
		t.Error("message ids leave their range")
	}
}

func TestParseResult(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ok       bool
	}{
		{"success", "300c 020107 6107 0a0100 0400 0400", true},
		{"long lengths", "30840000001a 02840000000107 61840000000d 0a840000000100 0400 0400", false},
		{"as Windows writes it", "308400000010 020107 618400000007 0a0100 0400 0400", true},
		{"with a referral", "3010 020107 610b 0a010a 0400 0400 a302 0400", true},
		{"with credentials", "300e 020107 6109 0a0100 0400 0400 8700", true},
		{"with a control", "3015 020107 6107 0a0100 0400 0400 a007 3005 0403 312e33", true},
		{"a control with criticality and value", "301a 020107 6107 0a0100 0400 0400 a00c 300a 0403 312e33 0101ff 0400", true},
		{"a control without an OID", "3014 020107 6107 0a0100 0400 0400 a006 3004 0402 7878", false},
		{"controls cut off", "3015 020107 6107 0a0100 0400 0400 a007 3006 0403 312e33", false},
		{"something behind the control's value", "301c 020107 6107 0a0100 0400 0400 a00e 300c 0403 312e33 0400 0203020101", false},
		{"no diagnostic message", "300a 020107 6105 0a0100 0400", false},
		{"a code of five octets", "3010 020107 610b 0a050000000000 0400 0400", false},
		{"a negative code", "300c 020107 6107 0a01ff 0400 0400", false},
		{"an empty code", "300b 020107 6106 0a00 0400 0400", false},
		{"something behind", "300c 020107 6107 0a0100 0400 0400 00", false},
		{"broken trailer", "300e 020107 6109 0a0100 0400 0400 8705", false},
		{"wrong id", "300c 020108 6107 0a0100 0400 0400", false},
		{"wrong operation", "300c 020107 6507 0a0100 0400 0400", false},
		{"a request", "300c 020107 6007 0a0100 0400 0400", false},
		{"nothing", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := parseResult(testenv.Unhex(t, c.in), 7, opBindResponse)
			if (err == nil) != c.ok {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	many := bytes.Repeat(testenv.Unhex(t, "3005 0403 312e33"), maxControls+1)
	if _, err := parseControls(append([]byte{tagControls, byte(len(many))}, many...)); err == nil {
		t.Error("too many controls are taken")
	}
	var note *notice
	if _, err := parseResult(noticeOf(52, "bye"), 7, opBindResponse); !errors.As(err, &note) || note.code != 52 || note.text != "bye" {
		t.Errorf("notice: %v", err)
	}
}

func TestReadMessage(t *testing.T) {
	answer := encodeResult(7, opBindResponse, 49, strings.Repeat("x", 3000))
	both := append(bytes.Clone(answer), 1, 2, 3)
	for name, r := range map[string]io.Reader{
		"at once":     bytes.NewReader(both),
		"in halves":   iotest.HalfReader(bytes.NewReader(both)),
		"octets":      iotest.OneByteReader(bytes.NewReader(both)),
		"with an EOF": iotest.DataErrReader(bytes.NewReader(both)),
	} {
		message, _, _, err := readMessage(r, nil)
		if err != nil || !bytes.Equal(message, answer) {
			t.Errorf("%s: %d octets, %v", name, len(message), err)
		}
	}
	_, behind, _, err := readMessage(bytes.NewReader(both), make([]byte, 0, len(both)))
	if err != nil || !bytes.Equal(behind, []byte{1, 2, 3}) {
		t.Errorf("behind: %v, %v", behind, err)
	}
	if _, _, got, err := readMessage(bytes.NewReader(answer[:9]), nil); !errors.Is(err, io.EOF) || got != 9 {
		t.Errorf("cut off: %d, %v", got, err)
	}
}

// FuzzBindAnswer: whatever comes is an answer or an error, and an answer is one
// to this request.
func FuzzBindAnswer(f *testing.F) {
	f.Add(encodeResult(7, opBindResponse, 0, ""))
	f.Add(encodeResult(7, opBindResponse, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1"))
	f.Add(encodeResult(7, opBindResponse, 0, "", Control{ControlPasswordPolicy, []byte{0x30, 0x03, 0x81, 0x01, 0x02}}))
	f.Add(noticeOf(52, "bye"))
	f.Add([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff})
	f.Add([]byte{0x30, 0x80, 0x02, 0x01, 0x07})
	f.Fuzz(func(t *testing.T, b []byte) {
		message, behind, got, err := readMessage(bytes.NewReader(b), make([]byte, 0, 64))
		if err != nil {
			return
		}
		if len(message)+len(behind) > got || got > len(b) || !bytes.HasPrefix(b, message) {
			t.Fatalf("%d and %d octets of %d, %d came", len(message), len(behind), len(b), got)
		}
		r, err := parseResult(message, 7, opBindResponse)
		if err != nil {
			return
		}
		if r.code < 0 || len(r.controls) > maxControls {
			t.Errorf("got %+v", r)
		}
		advisePolicy(r.controls)
		if back, err := parseResult(encodeResult(7, opBindResponse, int32(r.code), r.text, r.controls...), 7, opBindResponse); err != nil || back.code != r.code || back.text != r.text {
			t.Errorf("%+v comes back as %+v, %v", r, back, err)
		}
	})
}

// FuzzStartTLSAnswer: TLS begins after success only.
func FuzzStartTLSAnswer(f *testing.F) {
	f.Add(encodeResult(1, opExtendedResponse, 0, ""))
	f.Add(encodeResult(1, opExtendedResponse, 2, "unsupported extended operation"))
	f.Add(noticeOf(0, ""))
	f.Add(append(encodeResult(1, opExtendedResponse, 0, ""), encodeResult(2, opBindResponse, 0, "")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if parseStartTLS(b, 1) != nil {
			return
		}
		r, err := parseResult(b, 1, opExtendedResponse)
		if err != nil || r.code != 0 {
			t.Errorf("%x passes for success: %+v, %v", b, r, err)
		}
	})
}
