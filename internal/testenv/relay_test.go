package testenv

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func open(t *testing.T, r *Relay) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends a text and returns what comes back within the limit.
func exchange(conn net.Conn, text string, limit time.Duration) (string, error) {
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	return string(got[:n]), err
}

func set(t *testing.T, r *Relay, mode RelayMode) {
	t.Helper()
	if err := r.Set(mode); err != nil {
		t.Fatal(err)
	}
}

func none(t *testing.T, r *Relay) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); r.Open() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are open", r.Open())
		}
	}
}

const line = "0123456789abcdef"

func TestRelayModes(t *testing.T) {
	t.Parallel()
	target := echo(t)
	for mode, check := range map[RelayMode]func(got string, err error) bool{
		Pass:        func(got string, err error) bool { return got == line && err == nil },
		Half:        func(got string, err error) bool { return got == line[:8] && errors.Is(err, io.ErrUnexpectedEOF) },
		ResetAnswer: func(_ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) },
		Reset: func(_ string, err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		},
		Refuse:  func(_ string, err error) bool { return err != nil },
		Stall:   func(got string, err error) bool { return got == "" && isTimeout(err) },
		Trickle: func(got string, err error) bool { return len(got) >= 1 && len(got) <= 5 && isTimeout(err) },
		Garbage: func(got string, err error) bool { return err == nil && got != line && len(got) == len(line) },
	} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			r := StartRelay(t, target)
			conn := open(t, r)
			if got, err := exchange(conn, line, 5*time.Second); got != line {
				t.Fatalf("before: %q, %v", got, err)
			}
			set(t, r, mode)
			got, err := exchange(conn, line, 400*time.Millisecond)
			if !check(got, err) {
				t.Errorf("an open connection: %q, %v", got, err)
			}
			conn.Close()
			none(t, r)
			if conn, err := net.Dial("tcp", r.Addr); err == nil {
				got, err = exchange(conn, line, 400*time.Millisecond)
				if !check(got, err) || mode == Refuse {
					t.Errorf("a new connection: %q, %v", got, err)
				}
				conn.Close()
				none(t, r)
			} else if mode != Refuse && mode != Reset {
				t.Error(err)
			}
			set(t, r, Pass)
			if got, err := exchange(open(t, r), line, 5*time.Second); got != line {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		})
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// TestRelayHoldsBack: what came during a stall goes through after it.
func TestRelayHoldsBack(t *testing.T) {
	t.Parallel()
	r := StartRelay(t, echo(t))
	set(t, r, Stall)
	conn := open(t, r)
	if got, err := exchange(conn, line, 100*time.Millisecond); !isTimeout(err) {
		t.Fatalf("%q, %v", got, err)
	}
	set(t, r, Pass)
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, len(line))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, []byte(line)) {
		t.Errorf("%q, %v", got, err)
	}
	if r.Accepted() != 1 {
		t.Errorf("%d connections", r.Accepted())
	}
}

// TestRelayBounds: a flood is bounded, and the end of the relay ends it all.
func TestRelayBounds(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("flood", func(t *testing.T) {
		r := StartRelay(t, "127.0.0.1:9") // nobody there
		set(t, r, Stall)
		for range relayLimit + 50 {
			if conn, err := net.Dial("tcp", r.Addr); err == nil { // too many are reset
				t.Cleanup(func() { conn.Close() })
			}
		}
		if n := r.Open(); n > relayLimit {
			t.Errorf("%d connections are open", n)
		}
	})
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
