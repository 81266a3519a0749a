package bench

import (
	"slices"
	"testing"
	"time"
)

// sample is what the load saw.
type sample struct {
	// latencies are those of accepted logins, in no order.
	latencies []time.Duration
	// refused were answered, but not with an acceptance; lost were not answered.
	refused, lost int
}

// add joins what several senders saw.
func (s *sample) add(other sample) {
	s.latencies = append(s.latencies, other.latencies...)
	s.refused += other.refused
	s.lost += other.lost
}

// quantile returns the latency that a share q of the accepted logins had at
// most, in microseconds. The latencies are sorted.
func (s *sample) quantile(q float64) float64 {
	if len(s.latencies) == 0 {
		return 0
	}
	at := min(int(q*float64(len(s.latencies))), len(s.latencies)-1)
	return float64(s.latencies[at].Nanoseconds()) / 1e3
}

// measure runs b.N logins and reports them. Only a server that hashes passwords
// may refuse or drop some of them: that is how it sheds load.
func measure(b *testing.B, s *server, width int, run load) {
	before := s.stats(b)
	b.ResetTimer()
	got, err := run(s, width, b.N)
	b.StopTimer()
	after := s.stats(b)
	if err != nil {
		b.Fatal(err)
	}
	if got.refused+got.lost > 0 && !s.loses {
		b.Fatalf("of %d logins %d were refused and %d got no answer", b.N, got.refused, got.lost)
	}
	slices.Sort(got.latencies)
	accepted := float64(len(got.latencies))
	b.ReportMetric(0, "ns/op") // the load generator's; says nothing that logins/s does not
	b.ReportMetric(accepted/b.Elapsed().Seconds(), "logins/s")
	b.ReportMetric(got.quantile(0.50), "p50-µs")
	b.ReportMetric(got.quantile(0.99), "p99-µs")
	b.ReportMetric(float64(after.CPU-before.CPU)/accepted, "cpu-µs/login")
	if after.Mallocs > 0 { // not of a program that is not ours
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/accepted, "allocs/login")
	}
	b.ReportMetric(float64(got.refused+got.lost), "lost")
	b.ReportMetric(float64(after.PeakRSS)/(1<<20), "peak-MiB")
}

func TestQuantile(t *testing.T) {
	var s sample
	if s.quantile(0.5) != 0 {
		t.Error("nothing measured is not 0")
	}
	for n := range 100 {
		s.latencies = append(s.latencies, time.Duration(n+1)*time.Microsecond)
	}
	if s.quantile(0.5) != 51 || s.quantile(0.99) != 100 || s.quantile(1) != 100 {
		t.Errorf("p50 %v, p99 %v, p100 %v", s.quantile(0.5), s.quantile(0.99), s.quantile(1))
	}
}
