package plugins

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// instance is one running process and the connection to it.
type instance struct {
	runner      *processRunner
	client      *plugin.Client
	conns       connections
	conn        *grpc.ClientConn
	lost        chan struct{} // closed when the connection is; nil before connect
	helper      proto.HelperClient
	health      grpc_health_v1.HealthClient
	description *proto.DescribeResponse
}

// launch starts a process and returns when it has described itself. On an error,
// which comes when ctx ends or the start takes too long, nothing of it is left.
func (p *program) launch(ctx context.Context) (*instance, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timing.start)
	defer cancel()
	inst := &instance{
		runner: newRunner(p.launcher, p.binary, p.cfg.Args, p.dir, p.stdout, p.stderr),
	}
	inst.client = plugin.NewClient(p.clientConfig(inst))
	// go-plugin takes no context, but notices when the process is gone.
	unblocked := context.AfterFunc(ctx, inst.runner.kill)
	err := inst.connect(ctx)
	unblocked()
	if err == nil {
		return inst, nil
	}
	inst.kill()
	reason := inst.runner.exitReason()
	switch {
	case reason != "":
		return nil, fmt.Errorf("it ended by itself: %s", reason)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it did not answer within %s: %w", p.timing.start, err)
	}
	return nil, err
}

func (p *program) clientConfig(inst *instance) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  proto.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{proto.Version: {proto.Service: dispenser{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     p.timing.start,
		Logger:           newBridge(p.log),
		SyncStdout:       p.stdout,
		SyncStderr:       p.stderr,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.sockets},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(proto.MaxMessage), grpc.MaxCallSendMsgSize(proto.MaxMessage)),
			grpc.WithIdleTimeout(0), // a connection that is not there is a broken one
			grpc.WithStreamInterceptor(inst.conns.intercept),
		},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			inst.runner.cmd.Env = slices.Concat(spec.Env, p.env)
			return inst.runner, nil
		},
	}
}

// connect starts the process, connects to it and asks for its description.
func (i *instance) connect(ctx context.Context) error {
	protocol, err := i.client.Client()
	if err != nil { // its texts have several lines
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	raw, err := protocol.Dispense(proto.Service)
	if err != nil {
		return err
	}
	i.conn = raw.(*grpc.ClientConn)
	i.helper, i.health = proto.NewHelperClient(i.conn), grpc_health_v1.NewHealthClient(i.conn)
	if i.description, err = i.helper.Describe(ctx, &proto.DescribeRequest{}); err != nil {
		return fmt.Errorf("ask for its functions: %w", err)
	}
	i.lost = make(chan struct{})
	go func() { // ends when the connection is closed, for which kill and shutdown wait
		defer close(i.lost)
		i.conn.WaitForStateChange(context.WithoutCancel(ctx), connectivity.Ready)
	}()
	return nil
}

// ping asks the health service, within the timeout.
func (i *instance) ping(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := i.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if s := answer.GetStatus(); s != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("health check: %s", s)
	}
	return nil
}

// dead reports whether the process has ended or is about to: the connection
// breaks first.
func (i *instance) dead() bool { return i.conn.GetState() != connectivity.Ready }

// kill ends the process at once and waits till nothing of it is left.
func (i *instance) kill() {
	i.runner.kill()
	i.release()
}

// shutdown asks the process to end, and ends it after the grace period.
func (i *instance) shutdown(grace time.Duration) {
	impatient := time.AfterFunc(grace, i.runner.kill)
	defer impatient.Stop()
	i.release()
}

// end cleans up after an instance whose connection broke, and says why it did:
// mostly because the process is ending, which takes a moment.
func (i *instance) end() error {
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case <-i.runner.exited:
	case <-moment.C:
	}
	i.kill()
	if reason := i.runner.exitReason(); reason != "" {
		return fmt.Errorf("it ended: %s", reason)
	}
	return errors.New("it closed its connection")
}

// release waits for the end of the process and closes what led to it.
func (i *instance) release() {
	i.client.Kill()
	i.conns.close()
	if i.lost != nil {
		<-i.lost
	}
}

// connections remembers what go-plugin dialed: when the process dies while it
// connects, it forgets the connection without closing it. The broker, by which a
// helper could open sockets to us, is refused.
type connections struct {
	mu  sync.Mutex
	all []*grpc.ClientConn
}

func (c *connections) intercept(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c.mu.Lock()
	c.all = append(c.all, conn)
	c.mu.Unlock()
	if strings.HasPrefix(method, "/plugin.GRPCBroker/") {
		return nil, status.Error(codes.Unimplemented, "no broker in this contract")
	}
	return next(ctx, desc, conn, method, opts...)
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		_ = conn.Close() // closing twice is an error that says so, and harmless
	}
	c.all = nil
}

// dispenser is the host's side of the service in go-plugin's terms: it hands out
// the bare connection.
type dispenser struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCServer implements plugin.GRPCPlugin; the host serves nothing.
func (dispenser) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

// GRPCClient implements plugin.GRPCPlugin.
func (dispenser) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

var _ plugin.GRPCPlugin = dispenser{}
