package upstream

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// cpu is what this process has used so far, user and system.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// answerAll answers every request on a connection with the same octets, but for
// the message id; it is as cheap as a server in this process can be.
func answerAll(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		_, body, _, err := ber.Element(buf[:n])
		if err != nil {
			return
		}
		id, _, err := ber.Integer(body, ber.TagInteger)
		if err != nil {
			return
		}
		if _, err := c.Write(encodeResult(id, opBindResponse, 0, "")); err != nil {
			return
		}
	}
}

// BenchmarkBind measures binds on kept connections. cpu-us/op has the share of
// the fake server in it, which reads and writes as often as we do; with
// SALLYPORT_BENCH_LDAP set to the address of another process' server (plain, and
// anybody may bind) it is ours alone.
func BenchmarkBind(b *testing.B) {
	addr := os.Getenv("SALLYPORT_BENCH_LDAP")
	if addr == "" {
		f := newFake(b, func(f *fake) { f.greet = func(c net.Conn) bool { answerAll(c); return false } })
		addr = f.addr
	}
	for _, parallel := range []int{1, 16} {
		b.Run(map[int]string{1: "alone", 16: "16 in parallel"}[parallel], func(b *testing.B) {
			cfg := settingsOf("ldap://" + addr)
			cfg.BindDN, cfg.Pool.Binds = "", 32
			c := openNow(b, cfg, Options{})
			if _, err := bindAlice(b, c, "right"); err != nil {
				b.Fatal(err)
			}
			var failed atomic.Int64
			ctx := b.Context()
			b.ReportAllocs()
			before := cpu(b)
			if parallel == 1 {
				for b.Loop() {
					if _, err := c.Bind(ctx, aliceDN, "right"); err != nil {
						failed.Add(1)
					}
				}
			} else {
				b.SetParallelism(parallel / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := c.Bind(ctx, aliceDN, "right"); err != nil {
							failed.Add(1)
						}
					}
				})
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
			if n := failed.Load(); n > 0 {
				b.Errorf("%d binds failed", n)
			}
		})
	}
}
