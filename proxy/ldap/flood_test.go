package ldap

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/ber"
)

func TestFloods(t *testing.T) {
	r := newRig(t, nil)
	before := heap()
	good, bad := simpleBind(1, aliceDN, "good"), simpleBind(1, aliceDN, "bad")
	for name, send := range map[string][]byte{
		"binds":     bytes.Repeat(bad, 1000),
		"abandons":  bytes.Repeat(request(1, abandonOp(1)), 10000),
		"searches":  bytes.Repeat(request(1, searchOp("", 0, anyObject, "*", "+")), 1000),
		"anonymous": bytes.Repeat(simpleBind(1, "", ""), 5000),
		"writes":    bytes.Repeat(request(1, str(opDelete, aliceDN)), 5000),
	} {
		t.Run(name, func(t *testing.T) {
			var clients sync.WaitGroup
			for range 4 {
				w := r.dial(t)
				done := make(chan struct{})
				clients.Go(func() { defer close(done); _, _ = io.Copy(io.Discard, w) })
				clients.Go(func() {
					w.send(send, request(2, []byte{opUnbind, 0}))
					<-done
				})
			}
			r.works(t)
			clients.Wait()
		})
	}
	t.Run("connections", func(t *testing.T) {
		for range 300 {
			w := r.dial(t)
			w.send(good)
			w.Close()
		}
		r.works(t)
	})
	eventually(t, "all connections are gone", func() bool { return r.Stats().Open == 0 })
	if after := heap(); after > before+16<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
}

// Whatever arrives: no panic, no bind that should not have succeeded, and the
// next client is served.
func TestSeededMutations(t *testing.T) {
	r := newRig(t, func(_ *config.Config, _ *Options, l *limits) { l.linger = time.Millisecond })
	random := rand.New(rand.NewPCG(1, 2))
	var seeds [][]byte
	for _, s := range samples() {
		seeds = append(seeds, bytes.ReplaceAll(request(testID, s.send, control("1.2.3", false, str(ber.TagOctetString, "v"))), []byte("good"), []byte("evil")))
	}
	for i := range 1500 {
		b := bytes.Clone(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(4) {
			switch at := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b[at] = byte(random.Uint32())
			case 1:
				b[at] ^= 1 << random.IntN(8)
			case 2:
				b = append(b[:at], b[min(len(b), at+1+random.IntN(4)):]...)
			case 3:
				b = append(b[:at], append([]byte{byte(random.Uint32())}, b[at:]...)...)
			}
			if len(b) == 0 {
				b = []byte{0}
			}
		}
		w := r.dial(t)
		w.send(b)
		_ = w.Conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, w)
		w.Close()
		if i%250 == 0 {
			r.works(t)
		}
	}
	r.works(t)
	if n := r.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

func TestManyIdleConnections(t *testing.T) {
	r := newRig(t, nil)
	const n = 1200
	before := heap() + stacks()
	for range n {
		w := r.dial(t)
		w.send(simpleBind(1, aliceDN, "good"))
		w.expect(1, respBind, success)
	}
	// The clients of the test live in the same heap, so this is an upper bound.
	perConn := (heap() + stacks() - before) / n
	t.Logf("%d bytes of memory per connection, both ends", perConn)
	if perConn > 12<<10 {
		t.Errorf("%d bytes per idle connection", perConn)
	}
	r.works(t)
	begin := time.Now()
	r.end(t)
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("idle connections held up the end for %s", took)
	}
}

// stacks is what the stacks of all goroutines take.
func stacks() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}
