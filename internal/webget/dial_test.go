package webget

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// TestSilentServers: a connection to a server that says nothing ends with the
// request that wanted it, and does not stand in the way of later ones.
func TestSilentServers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 2*maxConnections)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
				ended <- struct{}{}
			}()
		}
	}()
	defer l.Close()
	url := "https://" + l.Addr().String()
	c := client(t, config.Requests{Private: loopback, Timeout: 50 * time.Millisecond}, nil, url)
	for range maxConnections + 1 {
		_, err := c.Do(t.Context(), "GET", url, Options{})
		wants(t, err, Timeout, "")
	}
	for range maxConnections + 1 {
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Fatal("a connection stays open")
		}
	}
}
