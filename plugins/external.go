package plugins

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// external is a process of a program's file, with what go-plugin knows of it.
type external struct {
	runner *processRunner
	client *plugin.Client
	conns  connections
}

// beginProcess is the beginner of the program's file.
func beginProcess(ctx context.Context, p *program) (*instance, error) {
	e := &external{runner: newRunner(p)}
	e.client = plugin.NewClient(e.config(p))
	// go-plugin takes no context, but notices when the process is gone.
	unblocked := context.AfterFunc(ctx, e.runner.kill)
	conn, err := e.connect()
	unblocked()
	if err != nil {
		e.kill()
		e.release()
		return nil, p.whyNot(ctx, e, err)
	}
	return newInstance(e, conn), nil
}

func (e *external) config(p *program) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  proto.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{proto.Version: {proto.Service: dispenser{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         p.cfg.Transport != "plain",
		SkipHostEnv:      true,
		StartTimeout:     p.timing.start,
		Logger:           newBridge(p.log),
		SyncStdout:       p.stdout,
		SyncStderr:       p.stderr,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.ground.private.path},
		GRPCDialOptions:  append(dialOptions(), grpc.WithStreamInterceptor(e.conns.intercept)),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, sockets string) (runner.Runner, error) {
			e.runner.sockets = sockets
			e.runner.env = slices.Concat(spec.Env, p.environment())
			return e.runner, p.account.own(sockets)
		},
	}
}

// connect starts the process and connects to it.
func (e *external) connect() (*grpc.ClientConn, error) {
	protocol, err := e.client.Client()
	if err != nil { // its texts have several lines
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	raw, err := protocol.Dispense(proto.Service)
	if err != nil {
		return nil, err
	}
	return raw.(*grpc.ClientConn), nil
}

func (e *external) pid() int                { return e.runner.pid() }
func (e *external) exited() <-chan struct{} { return e.runner.exited }
func (e *external) reason() string          { return e.runner.exitReason() }
func (e *external) kill()                   { e.runner.kill() }

// release has go-plugin end the process, and closes what it forgets.
func (e *external) release() {
	e.client.Kill()
	e.conns.close()
}

var (
	_ beginner = beginProcess
	_ process  = (*external)(nil)
)

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
