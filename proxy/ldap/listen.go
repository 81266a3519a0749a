package ldap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// listener is an open TCP port.
type listener struct {
	net.Listener
	tls bool
}

// Listen opens a port for LDAP with StartTLS. An optional address that the
// machine does not have is skipped.
func (s *Server) Listen(addr config.ListenAddr) error {
	return s.listen(addr, "listen.ldap", false)
}

// ListenTLS opens a port for LDAP inside TLS. The table in use must have a
// certificate.
func (s *Server) ListenTLS(addr config.ListenAddr) error {
	if s.table.Load().tls == nil {
		return fmt.Errorf("listen on %s: no certificate: set tls.certificate and tls.key", addr.AddrPort)
	}
	return s.listen(addr, "listen.ldaps", true)
}

func (s *Server) listen(addr config.ListenAddr, setting string, secure bool) error {
	l, err := net.ListenTCP(addr.Network("tcp"), net.TCPAddrFromAddrPort(addr.AddrPort))
	switch {
	case err == nil:
		s.listeners = append(s.listeners, listener{l, secure})
		return nil
	case addr.Optional && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)):
		s.log.Info("optional address skipped: this machine does not have it", "setting", setting, "address", addr.String())
		return nil
	}
	return err // of package net: names the address
}

// Addrs returns the addresses that are listened on, in the order in which they
// were opened.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, 0, len(s.listeners))
	for _, l := range s.listeners {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			addrs = append(addrs, tcp.AddrPort())
		}
	}
	return addrs
}

// Close closes the listeners. Serve does it at its end; it is for a server that
// is not going to serve.
func (s *Server) Close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// accept takes connections from l until ctx ends or the listener breaks. When
// the process is out of file descriptors it waits a little and goes on.
func (s *Server) accept(ctx, logins context.Context, l listener, conns *sync.WaitGroup) error {
	const longest = time.Second
	pause := 5 * time.Millisecond
	for {
		raw, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = raw.Close()
			}
			return nil
		}
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			s.start(logins, raw, l.tls, conns)
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		default:
			s.log.Error("ldap: cannot accept a connection; trying again", "address", l.Addr().String(), "error", err)
			select {
			case <-time.After(pause):
				pause = min(2*pause, longest)
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// start serves a connection in a goroutine of its own, or closes it.
func (s *Server) start(logins context.Context, raw net.Conn, secure bool, conns *sync.WaitGroup) {
	c, why, ok := s.admit(raw)
	if !ok {
		s.stats.refused[why].Add(1)
		_ = raw.Close()
		return
	}
	conns.Go(func() {
		defer s.leave(c)
		c.serve(logins, secure)
	})
}
