package sdk

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// server answers for a plugin.
type server struct {
	proto.UnimplementedHelperServer
	plugin      *Plugin
	description *proto.DescribeResponse
	functions   map[string]*Function
	trouble     io.Writer // stacks of panics
}

// NewServer makes the service that Serve serves, for whoever brings the
// connection: the harness of package sdktest does. Stacks of panics go to trouble.
// An error says everything that is wrong with the description.
func NewServer(p Plugin, trouble io.Writer) (proto.HelperServer, error) {
	d, err := p.describe()
	if err != nil {
		return nil, err
	}
	s := &server{plugin: &p, description: d, functions: make(map[string]*Function, len(p.Functions)), trouble: trouble}
	for i := range p.Functions {
		s.functions[p.Functions[i].Name] = &p.Functions[i]
	}
	return s, nil
}

// Describe implements proto.HelperServer.
func (s *server) Describe(context.Context, *proto.DescribeRequest) (*proto.DescribeResponse, error) {
	return s.description, nil
}

// Configure implements proto.HelperServer.
func (s *server) Configure(ctx context.Context, req *proto.ConfigureRequest) (*proto.ConfigureResponse, error) {
	if err := s.configure(ctx, req.GetConfig()); err != nil {
		return &proto.ConfigureResponse{Faults: faultsOf(err)}, nil
	}
	return &proto.ConfigureResponse{}, nil
}

// Call implements proto.HelperServer. It checks the arguments and the result
// itself, so that a function can trust its own declaration.
func (s *server) Call(ctx context.Context, req *proto.CallRequest) (*proto.CallResponse, error) {
	f := s.functions[req.GetFunction()]
	if f == nil {
		return nil, status.Errorf(codes.Unimplemented, "no function %.40q", req.GetFunction())
	}
	if got, want := len(req.GetArgs()), len(f.Call.args); got != want {
		return nil, status.Errorf(codes.InvalidArgument, "%d arguments, want %d", got, want)
	}
	for i, a := range req.GetArgs() {
		if err := f.Call.args[i].Check(a); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "argument %d: %v", i+1, err)
		}
	}
	var result any
	err := s.guard("function "+f.Name, func() (err error) {
		result, err = f.Call.call(ctx, Facts{req.GetFacts().GetFields()}, req.GetArgs())
		return err
	})
	if err != nil {
		// Unknown is never taken for a dead program, whatever the author wraps.
		return nil, status.Errorf(codes.Unknown, "%.500s", err)
	}
	v, err := toValue(result)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "result: %v", err)
	}
	if err := f.Call.result.Check(v); err != nil {
		return nil, status.Errorf(codes.Internal, "result: %v", err)
	}
	return &proto.CallResponse{Value: v}, nil
}

// Observe implements proto.HelperServer.
func (s *server) Observe(ctx context.Context, req *proto.ObserveRequest) (*proto.ObserveResponse, error) {
	if s.plugin.Observe == nil {
		return nil, status.Error(codes.Unimplemented, "no observer")
	}
	err := s.guard("Observe", func() error {
		return s.plugin.Observe(ctx, Outcome{
			Verdict: req.GetVerdict(), Reason: req.GetReason(), Application: req.GetApplication(), Protocol: req.GetProtocol(),
			Time: req.GetTime().AsTime(), Facts: Facts{req.GetFacts().GetFields()},
		})
	})
	if err != nil {
		return nil, status.Errorf(codes.Unknown, "%.500s", err)
	}
	return &proto.ObserveResponse{}, nil
}

// guard calls the author's code, and makes an error of a panic.
func (s *server) guard(where string, call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			_, _ = fmt.Fprintf(s.trouble, "panic in %s: %v\n%s", where, r, debug.Stack())
			err = fmt.Errorf("panic: %.500v", r)
		}
	}()
	return call()
}

var _ proto.HelperServer = (*server)(nil)
