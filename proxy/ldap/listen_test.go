package ldap

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

// faulty is a listener that fails with one error after another, and then waits
// to be closed.
type faulty struct {
	net.Listener
	errs  []error
	calls atomic.Int32
}

func (f *faulty) Accept() (net.Conn, error) {
	n := int(f.calls.Add(1)) - 1
	if n < len(f.errs) {
		return nil, f.errs[n]
	}
	return f.Listener.Accept()
}

func withFaults(t *testing.T, errs ...error) (*Server, *faulty) {
	t.Helper()
	table, err := NewTable(&config.Config{}, newFake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Listener: l, errs: errs}
	s := NewServer(table, Options{})
	s.listeners = append(s.listeners, listener{f, false})
	return s, f
}

// Out of file descriptors is no reason to end.
func TestAcceptGoesOn(t *testing.T) {
	s, f := withFaults(t, syscall.EMFILE, syscall.EMFILE, syscall.ECONNABORTED)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	eventually(t, "it accepts again", func() bool { return f.calls.Load() == 4 })
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestABrokenListenerEndsTheServer(t *testing.T) {
	s, _ := withFaults(t, net.ErrClosed)
	if err := s.Serve(t.Context()); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "accept on 127.0.0.1") {
		t.Errorf("got %v", err)
	}
}
