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

// server answers the calls of the Helper service.
type server struct {
	proto.UnimplementedHelperServer
	description *proto.DescribeResponse
	functions   map[string]*Function
	trouble     io.Writer // stacks of panics
}

func newServer(p *Plugin, trouble io.Writer) (*server, error) {
	d, err := p.describe()
	if err != nil {
		return nil, err
	}
	s := &server{description: d, functions: make(map[string]*Function, len(p.Functions)), trouble: trouble}
	for i := range p.Functions {
		s.functions[p.Functions[i].Name] = &p.Functions[i]
	}
	return s, nil
}

// Describe implements proto.HelperServer.
func (s *server) Describe(context.Context, *proto.DescribeRequest) (*proto.DescribeResponse, error) {
	return s.description, nil
}

// Call implements proto.HelperServer. It checks the arguments and the result
// itself, so that a function can trust its own declaration.
func (s *server) Call(ctx context.Context, req *proto.CallRequest) (*proto.CallResponse, error) {
	f := s.functions[req.GetFunction()]
	if f == nil {
		return nil, status.Errorf(codes.Unimplemented, "no function %.40q", req.GetFunction())
	}
	if got, want := len(req.GetArgs()), len(f.Args); got != want {
		return nil, status.Errorf(codes.InvalidArgument, "%d arguments, want %d", got, want)
	}
	for i, a := range req.GetArgs() {
		if err := f.Args[i].Check(a); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "argument %d: %v", i+1, err)
		}
	}
	result, err := s.run(ctx, f, Call{args: req.GetArgs(), facts: req.GetFacts().GetFields()})
	if err != nil {
		return nil, err
	}
	v, err := toValue(result)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "result: %v", err)
	}
	if err := f.Result.Check(v); err != nil {
		return nil, status.Errorf(codes.Internal, "result: %v", err)
	}
	return &proto.CallResponse{Value: v}, nil
}

// run calls the author's code, which may panic.
func (s *server) run(ctx context.Context, f *Function, c Call) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			_, _ = fmt.Fprintf(s.trouble, "panic in function %s: %v\n%s", f.Name, r, debug.Stack())
			result, err = nil, status.Errorf(codes.Internal, "panic: %.500v", r)
		}
	}()
	result, err = f.Call(ctx, c)
	if err != nil {
		// Unknown is never taken for a dead program, whatever the author wraps.
		return nil, status.Errorf(codes.Unknown, "%.500s", err)
	}
	return result, nil
}

var _ proto.HelperServer = (*server)(nil)
