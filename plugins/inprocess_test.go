package plugins

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// inProcess is a process that is none: a server inside of the test.
type inProcess struct {
	server *grpc.Server
	conn   *grpc.ClientConn
	over   chan struct{}
	once   sync.Once
	tasks  sync.WaitGroup
}

// serveInside begins "processes" that serve this.
func serveInside(helper proto.HelperServer) beginner {
	return func(ctx context.Context, _ *program) (*instance, error) {
		p := &inProcess{server: grpc.NewServer(), over: make(chan struct{})}
		proto.RegisterHelperServer(p.server, helper)
		alive := health.NewServer()
		alive.SetServingStatus("plugin", grpc_health_v1.HealthCheckResponse_SERVING)
		grpc_health_v1.RegisterHealthServer(p.server, alive)
		listener := bufconn.Listen(1 << 16)
		p.tasks.Go(func() { _ = p.server.Serve(listener) })
		var err error
		p.conn, err = grpc.NewClient("passthrough:inside", append(dialOptions(),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			return nil, err
		}
		p.conn.Connect()
		for s := p.conn.GetState(); s != connectivity.Ready; s = p.conn.GetState() {
			if !p.conn.WaitForStateChange(ctx, s) {
				return nil, errors.Join(ctx.Err(), p.conn.Close())
			}
		}
		return newInstance(p, p.conn), nil
	}
}

func (p *inProcess) pid() int                { return os.Getpid() }
func (p *inProcess) exited() <-chan struct{} { return p.over }
func (p *inProcess) reason() string          { return "" }

func (p *inProcess) kill() {
	p.once.Do(func() {
		p.server.Stop()
		close(p.over)
	})
}

func (p *inProcess) release() {
	p.kill()
	_ = p.conn.Close()
	p.tasks.Wait()
}

var _ process = (*inProcess)(nil)

// openInside opens a host for a server inside of the test. The program's file is
// there, and is not started.
func openInside(t *testing.T, helper proto.HelperServer, tm timing, change ...func(*config.Plugin)) (*Host, error) {
	t.Helper()
	listed := faulty()
	for _, c := range change {
		c(&listed)
	}
	log := &testenv.Log{}
	h, err := open(t.Context(), configFor(listed), Options{Log: log.Logger(slog.LevelInfo), begin: serveInside(helper)}, tm)
	if err == nil {
		t.Cleanup(h.Close)
	}
	return h, err
}

// inside is openInside for a plugin of the SDK that is fine.
func inside(t *testing.T, p sdk.Plugin, change ...func(*config.Plugin)) *Host {
	t.Helper()
	server, err := sdk.NewServer(p, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	h, err := openInside(t, server, quick(), change...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rawHelper serves whatever a test wants to be served.
type rawHelper struct {
	proto.UnimplementedHelperServer
	description *proto.DescribeResponse
	call        func(*proto.CallRequest) (*proto.CallResponse, error)
	configure   func(*proto.ConfigureRequest) (*proto.ConfigureResponse, error)
}

func (r *rawHelper) Describe(context.Context, *proto.DescribeRequest) (*proto.DescribeResponse, error) {
	return r.description, nil
}

func (r *rawHelper) Call(_ context.Context, req *proto.CallRequest) (*proto.CallResponse, error) {
	return r.call(req)
}

func (r *rawHelper) Configure(ctx context.Context, req *proto.ConfigureRequest) (*proto.ConfigureResponse, error) {
	if r.configure == nil {
		return r.UnimplementedHelperServer.Configure(ctx, req)
	}
	return r.configure(req)
}
