package plugins

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// process is what serves an instance.
type process interface {
	// pid is its number, 0 before it started.
	pid() int
	// exited is closed when it has ended.
	exited() <-chan struct{}
	// reason says how it ended; "" while it runs, and when kill ended it.
	reason() string
	// kill ends it at once, with all of its process group.
	kill()
	// release asks it to end, and returns when nothing of it is left: it may take for
	// ever, unless kill is called.
	release()
}

// beginner starts a process of a program and connects to it. On an error nothing
// of it is left.
type beginner func(ctx context.Context, p *program) (*instance, error)

// instance is one running process and the connection to it.
type instance struct {
	process     process
	conn        *grpc.ClientConn
	lost        chan struct{} // closed when the connection is
	helper      proto.HelperClient
	health      grpc_health_v1.HealthClient
	description *proto.DescribeResponse
}

// newInstance takes a connection that is ready.
func newInstance(p process, conn *grpc.ClientConn) *instance {
	i := &instance{
		process: p, conn: conn, lost: make(chan struct{}),
		helper: proto.NewHelperClient(conn), health: grpc_health_v1.NewHealthClient(conn),
	}
	go func() { // ends when the connection is closed, for which release waits
		defer close(i.lost)
		conn.WaitForStateChange(context.Background(), connectivity.Ready)
	}()
	return i
}

// dialOptions bound the messages of a connection, and tell when it breaks: one that
// is not there is a broken one.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(proto.MaxMessage), grpc.MaxCallSendMsgSize(proto.MaxMessage)),
		grpc.WithIdleTimeout(0),
	}
}

// describe asks for the description.
func (i *instance) describe(ctx context.Context) (err error) {
	if i.description, err = i.helper.Describe(ctx, &proto.DescribeRequest{}); err != nil {
		return fmt.Errorf("ask for its functions: %w", err)
	}
	return nil
}

// configure hands over the settings. A program that knows no settings need not
// know the method either.
func (i *instance) configure(ctx context.Context, settings *structpb.Struct) ([]*proto.Fault, error) {
	answer, err := i.helper.Configure(ctx, &proto.ConfigureRequest{Config: settings})
	switch {
	case status.Code(err) == codes.Unimplemented && len(settings.GetFields()) == 0:
		return nil, nil
	case status.Code(err) == codes.Unimplemented:
		return []*proto.Fault{{Message: "the program has no settings: remove the section"}}, nil
	case err != nil:
		return nil, fmt.Errorf("configure it: %w", err)
	}
	return answer.GetFaults(), nil
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

// isLost reports whether the connection has broken, for callers whose call failed:
// what they saw of it comes a moment earlier. It reports false when ctx ends.
func (i *instance) isLost(ctx context.Context) bool {
	moment := time.NewTimer(250 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-i.lost:
		return ctx.Err() == nil
	case <-moment.C:
	case <-ctx.Done():
	}
	return false
}

// shutdown asks the process to end, and ends it after the grace period.
func (i *instance) shutdown(grace time.Duration) {
	impatient := time.AfterFunc(grace, i.process.kill)
	defer impatient.Stop()
	i.release()
}

// end cleans up after an instance whose connection broke, and says why it did:
// mostly because the process is ending, which takes a moment.
func (i *instance) end() error {
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case <-i.process.exited():
	case <-moment.C:
	}
	i.process.kill()
	i.release()
	if reason := i.process.reason(); reason != "" {
		return fmt.Errorf("it ended: %s", reason)
	}
	return errors.New("it closed its connection")
}

// release waits for the end of the process and of the connection.
func (i *instance) release() {
	i.process.release()
	<-i.lost
}
