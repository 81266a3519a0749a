package radius

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

// controlLength holds a control message with an in6_pktinfo, the longer of the
// two.
const controlLength = syscall.SizeofCmsghdr + 24

// askDestination makes the kernel tell with each datagram the address that it
// was sent to (ip(7), ipv6(7)).
func askDestination(network, _ string, c syscall.RawConn) error {
	var err error
	ctlErr := c.Control(func(fd uintptr) {
		if network == "udp6" {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
			return
		}
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
	})
	if ctlErr != nil {
		return ctlErr
	}
	return err
}

// destination reads the address from the control message of a datagram, and
// turns the message into the one that makes an answer leave from there. It
// returns the zero Addr when the message holds none.
func destination(oob []byte) (netip.Addr, []byte) {
	if len(oob) < syscall.SizeofCmsghdr {
		return netip.Addr{}, nil
	}
	// struct cmsghdr: a length of the machine's word size, level, type.
	header := oob[syscall.SizeofCmsghdr-8:]
	level, typ := binary.NativeEndian.Uint32(header), binary.NativeEndian.Uint32(header[4:])
	data := oob[syscall.SizeofCmsghdr:]
	switch {
	case level == syscall.IPPROTO_IP && typ == syscall.IP_PKTINFO && len(data) >= syscall.SizeofInet4Pktinfo:
		// struct in_pktinfo: interface, local address, destination. The routing
		// chooses the interface of the answer, not the request.
		clear(data[0:4])
		return netip.AddrFrom4([4]byte(data[4:8])), oob
	case level == syscall.IPPROTO_IPV6 && typ == syscall.IPV6_PKTINFO && len(data) >= syscall.SizeofInet6Pktinfo:
		// struct in6_pktinfo: address, interface, which a link-local address needs.
		addr := netip.AddrFrom16([16]byte(data[0:16]))
		if !addr.IsLinkLocalUnicast() {
			clear(data[16:20])
		}
		return addr, oob
	}
	return netip.Addr{}, nil
}

// grantedBuffers returns the sizes of a socket's buffers. Linux doubles what
// was asked for, for its own use (socket(7)).
func grantedBuffers(conn *net.UDPConn) (read, write int, ok bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	var readErr, writeErr error
	err = raw.Control(func(fd uintptr) {
		read, readErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		write, writeErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	})
	return read / 2, write / 2, err == nil && readErr == nil && writeErr == nil
}
