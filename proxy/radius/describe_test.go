package radius

import "testing"

func TestDescribeAttribute(t *testing.T) {
	for _, tt := range []struct {
		typ        byte
		value      string
		name, text string
		shown      bool
	}{
		{25, "\x01\xff", "Class", "0x01ff", true},
		{27, "\x00\x00\x0e\x10", "Session-Timeout", "3600", true},
		{11, "guests", "Filter-Id", "guests", true},
		{8, "\x0a\x00\x00\x01", "Framed-IP-Address", "10.0.0.1", true},
		{1, "alice", "User-Name", "alice", true},
		{26, "\x00\x00\x00\x09\x01\x03a", "Vendor-Specific", "0x00000009010361", true},
		{250, "x", "Attribute-250", "0x78", true},
		{80, "0123456789abcdef", "Message-Authenticator", "", false},
		{24, "secret state", "State", "", false},
		{69, "\x01salt-and-password", "Tunnel-Password", "", false},
	} {
		name, text, shown := DescribeAttribute(tt.typ, []byte(tt.value))
		if name != tt.name || text != tt.text || shown != tt.shown {
			t.Errorf("type %d: %q, %q, %v; want %q, %q, %v", tt.typ, name, text, shown, tt.name, tt.text, tt.shown)
		}
	}
}
