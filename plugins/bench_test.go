package plugins

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// BenchmarkCall compares a call through the host with the same message over a bare
// connection of go-plugin, and with an answer that is kept. p50 and p99 are those
// of single calls, calls/s those of 8 callers at once.
func BenchmarkCall(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		client := bareClient(b)
		h, _ := openHost(b, configFor(config.Plugin{Name: "sampled"}), quick())
		who := h.helper(b, "sampled.who").Condition.(*function)
		request, err := who.request(erin(), nil)
		if err != nil {
			b.Fatal(err)
		}
		measure(b, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := client.Call(ctx, request)
			return err
		})
	})
	b.Run("host", func(b *testing.B) {
		h, _ := openHost(b, configFor(config.Plugin{Name: "sampled"}), quick())
		measure(b, asks(h.helper(b, "sampled.who")))
	})
	b.Run("cached", func(b *testing.B) {
		h, _ := openHost(b, configFor(config.Plugin{Name: "sampled"}), quick())
		measure(b, asks(h.helper(b, "sampled.recent")))
	})
}

func asks(h policyengine.Helper) func(context.Context) error {
	in := erin()
	return func(ctx context.Context) error {
		_, err := h.Check(ctx, in, nil)
		return err
	}
}

// measure times single calls, and then many at once.
func measure(b *testing.B, call func(context.Context) error) {
	b.Helper()
	for range 100 { // connections and caches are warm
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for range b.N {
		begin := time.Now()
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	begin, done := time.Now(), make(chan error, 8)
	for range cap(done) {
		go func() {
			for range b.N/cap(done) + 1 {
				if err := call(b.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((b.N/cap(done)+1)*cap(done))/time.Since(begin).Seconds(), "calls/s")
}

// bareClient starts the sample with nothing but go-plugin.
func bareClient(b *testing.B) proto.HelperClient {
	b.Helper()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  proto.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{proto.Version: {proto.Service: dispenser{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Cmd:              exec.Command(filepath.Join(programs, "sampled")),
		Logger:           hclog.NewNullLogger(),
	})
	b.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := protocol.Dispense(proto.Service)
	if err != nil {
		b.Fatal(err)
	}
	return proto.NewHelperClient(raw.(*grpc.ClientConn))
}
