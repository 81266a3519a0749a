package radius

import (
	"context"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/proxy"
)

// yes accepts everybody.
type yes struct{}

func (yes) Login(context.Context, *proxy.Attempt) proxy.Outcome {
	return proxy.Outcome{Verdict: proxy.Accept, Reason: proxy.ReasonOK}
}

func (yes) Refuse(context.Context, *proxy.Attempt, proxy.Reason) proxy.Outcome {
	return proxy.Outcome{}
}

// radtest is a request as radtest sends it.
func radtest(k kit) []byte {
	return sign(k.access(str(1, "alice"), k.pap("alice-pw"), tlv(4, 127, 0, 1, 1), num(5, 0), noSignature()))
}

// BenchmarkLogin is one login without the network: inspect, recognize, decide,
// answer.
func BenchmarkLogin(b *testing.B) {
	s := NewServer(mustTable(b, app("127.0.0.0/8", "", ""), yes{}), Options{})
	r := received(b, s.table.Load(), radtest(kit{1}))
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		r.client = r.table.lookup(r.src.Addr())
		if why := r.inspect(); why != kept {
			b.Fatal(why)
		}
		e, _ := s.seen.admit(key{r.src, r.dst, r.identifier(), 1}, [32]byte(r.buf[:32]), r.received)
		o, _ := s.decide(b.Context(), r)
		s.seen.finish(e, s.encode(r, buf, &o), time.Time{})
		s.seen.answered.Purge()
	}
}

// BenchmarkInspect is what a packet costs before it is worth a login.
func BenchmarkInspect(b *testing.B) {
	table := mustTable(b, app("127.0.0.0/8", "", ""), yes{})
	r := received(b, table, radtest(kit{1}))
	b.ReportAllocs()
	for b.Loop() {
		if why := r.inspect(); why != kept {
			b.Fatal(why)
		}
	}
}

// BenchmarkExchange is one login over the loopback, 32 in flight.
func BenchmarkExchange(b *testing.B) {
	s := start(b, mustTable(b, app("127.0.0.0/8", "", ""), yes{}), Options{})
	requests := make([][]byte, 256)
	for n := range requests {
		requests[n] = radtest(kit{n})
	}
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := dial(b, s)
		buf := make([]byte, 4096)
		for n := 0; pb.Next(); n++ {
			request := append([]byte(nil), requests[n%256]...)
			request = append(request, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)) // padding: never a retransmission
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
