package radius

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"syscall"
	"testing"
)

// control makes a control message of one kind.
func control(level, typ uint32, data []byte) []byte {
	b := make([]byte, syscall.SizeofCmsghdr)
	binary.NativeEndian.PutUint32(b[syscall.SizeofCmsghdr-8:], level)
	binary.NativeEndian.PutUint32(b[syscall.SizeofCmsghdr-4:], typ)
	return append(b, data...)
}

func TestDestination(t *testing.T) {
	v4 := []byte{3, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	global := append(netip.MustParseAddr("2001:db8::1").AsSlice(), 3, 0, 0, 0)
	local := append(netip.MustParseAddr("fe80::1").AsSlice(), 3, 0, 0, 0)
	for name, tt := range map[string]struct {
		oob  []byte
		want string
		data []byte // what the answer's message carries
	}{
		"IPv4":        {control(syscall.IPPROTO_IP, syscall.IP_PKTINFO, v4), "10.0.0.1", []byte{0, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}},
		"IPv6":        {control(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, global), "2001:db8::1", append(bytes.Clone(global[:16]), 0, 0, 0, 0)},
		"link-local":  {control(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, local), "fe80::1", bytes.Clone(local)},
		"cut":         {control(syscall.IPPROTO_IP, syscall.IP_PKTINFO, v4[:8]), "", nil},
		"cut IPv6":    {control(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, global[:16]), "", nil},
		"another":     {control(syscall.SOL_SOCKET, syscall.SCM_RIGHTS, v4), "", nil},
		"half a head": {make([]byte, 7), "", nil},
		"nothing":     {nil, "", nil},
	} {
		addr, answer := destination(tt.oob)
		if got := addr.String(); addr.IsValid() && got != tt.want || !addr.IsValid() && tt.want != "" {
			t.Errorf("%s: %s instead of %q", name, got, tt.want)
		}
		if tt.data != nil && !bytes.Equal(answer[syscall.SizeofCmsghdr:], tt.data) || tt.data == nil && answer != nil {
			t.Errorf("%s: the answer carries % x", name, answer)
		}
	}
}
