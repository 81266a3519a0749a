package radius

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"github.com/sallyport-auth/sallyport/config"
)

// bufferSize is what we ask the kernel for in each direction: with its usual
// default, a burst of some hundred requests loses most of them.
const bufferSize = 4 << 20

// socket is one listening UDP socket.
type socket struct {
	conn  *net.UDPConn
	local netip.AddrPort
	// wildcard sockets learn with each datagram which address it was sent to,
	// so that the answer can leave from there.
	wildcard bool
}

// listen binds a socket. An address that the machine does not have is nil when
// it is optional.
func listen(ctx context.Context, addr config.ListenAddr, log *slog.Logger) (*socket, error) {
	at := addr.AddrPort
	where := at.String()
	s := &socket{wildcard: at.Addr().IsUnspecified()}
	lc := net.ListenConfig{}
	if s.wildcard {
		lc.Control = askDestination
	}
	conn, err := lc.ListenPacket(ctx, addr.Network("udp"), where)
	switch {
	case err == nil:
	case addr.Optional && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)):
		log.Info("radius address skipped", "address", where, "reason", "this machine does not have it")
		return nil, nil //nolint:nilnil // nothing to listen on is what optional means
	default:
		return nil, err // of package net: names protocol and address
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("listen on %s: got a %T", where, conn)
	}
	s.conn = udp
	if local, ok := udp.LocalAddr().(*net.UDPAddr); ok {
		s.local = plain(local.AddrPort())
	}
	s.enlarge(log)
	return s, nil
}

// enlarge asks for large buffers. Smaller ones are no fault, but worth a line.
func (s *socket) enlarge(log *slog.Logger) {
	err := errors.Join(s.conn.SetReadBuffer(bufferSize), s.conn.SetWriteBuffer(bufferSize))
	if err != nil {
		log.Debug("radius socket buffers not set", "address", s.local.String(), "error", err)
		return
	}
	if read, write, ok := grantedBuffers(s.conn); ok && min(read, write) < bufferSize {
		log.Debug("radius socket buffers are smaller than asked for; raise net.core.rmem_max and net.core.wmem_max",
			"address", s.local.String(), "asked", bufferSize, "read", read, "write", write)
	}
}

// receive reads a datagram into a request.
func (s *socket) receive(r *request) error {
	r.socket, r.dst, r.control = s, s.local, nil
	if !s.wildcard {
		n, src, err := s.conn.ReadFromUDPAddrPort(r.buf[:])
		if err != nil {
			return err
		}
		r.raw, r.src = r.buf[:n], plain(src)
		return nil
	}
	n, oobn, _, src, err := s.conn.ReadMsgUDPAddrPort(r.buf[:], r.oob[:])
	if err != nil {
		return err
	}
	r.raw, r.src = r.buf[:n], plain(src)
	if addr, control := destination(r.oob[:oobn]); addr.IsValid() {
		r.dst, r.control = netip.AddrPortFrom(addr, s.local.Port()), control
	}
	return nil
}

// send writes an answer to where a request came from, from where it went to.
func (s *socket) send(r *request, answer []byte) error {
	if len(r.control) == 0 {
		_, err := s.conn.WriteToUDPAddrPort(answer, r.src)
		return err
	}
	_, _, err := s.conn.WriteMsgUDPAddrPort(answer, r.control, r.src)
	return err
}

// plain unmaps an IPv4-mapped address.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
