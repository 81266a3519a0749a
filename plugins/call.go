package plugins

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	googleproto "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// function is one function of a program, as policies call it.
type function struct {
	program *program
	name    string // with the program's: "watchlist.listed"
	spec    *proto.Function
	facts   []fact
	timeout time.Duration
}

// helpers are the functions of a program that has described itself.
func (p *program) helpers() []policyengine.Helper {
	p.mu.Lock()
	described := p.description.GetFunctions()
	p.mu.Unlock()
	all := make([]policyengine.Helper, 0, len(described))
	for _, spec := range described {
		facts, _ := factsNamed(spec.GetReads()) // accept found them all
		f := &function{program: p, name: p.name + "." + spec.GetName(), spec: spec, facts: facts, timeout: p.cfg.Timeout}
		if d := spec.GetDeadline(); d != nil && (f.timeout <= 0 || d.AsDuration() < f.timeout) {
			f.timeout = d.AsDuration()
		}
		if f.timeout <= 0 {
			f.timeout = time.Second
		}
		h := policyengine.Helper{
			Name: f.name, Doc: spec.GetDoc(),
			Result: valueType(spec.GetResult()), Class: class(spec.GetClass()), Condition: f,
		}
		for _, t := range spec.GetArgs() {
			h.Args = append(h.Args, valueType(t))
		}
		all = append(all, h)
	}
	return all
}

// Check calls the function in whatever process of the program runs now. It ends
// within the function's deadline and the configured timeout, waiting included,
// and returns a value of the declared type or an error. A call of a
// deterministic function that lost its process is made once more; no other.
func (f *function) Check(ctx context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	request, err := f.request(in, args)
	if err != nil {
		return nil, fmt.Errorf("call helper %s: %w", f.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	value, err := f.program.call(ctx, f.spec, request)
	if err != nil {
		return nil, fmt.Errorf("call helper %s: %w", f.name, err)
	}
	return value.AsInterface(), nil
}

var _ policyengine.Condition = (*function)(nil)

// request builds the message, and refuses arguments that were not declared.
func (f *function) request(in *policyengine.Input, args []policyengine.Value) (*proto.CallRequest, error) {
	if len(args) != len(f.spec.GetArgs()) {
		return nil, fmt.Errorf("%d arguments, want %d", len(args), len(f.spec.GetArgs()))
	}
	r := &proto.CallRequest{Function: f.spec.GetName()}
	for i, a := range args {
		v, err := structpb.NewValue(a)
		if err == nil {
			err = f.spec.GetArgs()[i].Check(v)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		r.Args = append(r.Args, v)
	}
	if in == nil || in.User == nil {
		return nil, errors.New("no login to ask about")
	}
	r.Facts = gather(f.facts, in)
	if n := googleproto.Size(r); n > proto.MaxMessage {
		return nil, fmt.Errorf("arguments and facts have %d bytes, more than %d", n, proto.MaxMessage)
	}
	return r, nil
}

// call waits for one of the program's slots and for a running process, and calls
// the function there.
func (p *program) call(ctx context.Context, spec *proto.Function, request *proto.CallRequest) (*structpb.Value, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for one of %d calls to end: %w", cap(p.slots), ctx.Err())
	}
	var lost *instance
	for {
		inst, err := p.await(ctx, lost)
		if err != nil {
			return nil, err
		}
		response, err := inst.helper.Call(ctx, request)
		if err == nil {
			if err := spec.GetResult().Check(response.GetValue()); err != nil {
				return nil, fmt.Errorf("result: %w", err)
			}
			return response.GetValue(), nil
		}
		again := lost == nil && spec.GetClass() == proto.Class_CLASS_DETERMINISTIC && processLost(err) && ctx.Err() == nil
		if !again {
			return nil, callError(err)
		}
		lost = inst
	}
}

// processLost reports whether an error of a call means that the process or the
// connection went away: Unavailable when it broke, Canceled when we closed it.
func processLost(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled
}

// callError words an error of a call.
func callError(err error) error {
	s := status.Convert(err)
	switch s.Code() {
	case codes.DeadlineExceeded:
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case codes.Canceled:
		return fmt.Errorf("the call was cut off: %w", context.Canceled)
	case codes.Unavailable:
		return fmt.Errorf("the plugin went away during the call: %.500s", s.Message())
	case codes.Unknown: // what the helper's author returned
		return fmt.Errorf("%.500s", s.Message())
	}
	return fmt.Errorf("%s: %.500s", s.Code(), s.Message())
}

func valueType(t proto.Type) policyengine.ValueType { return policyengine.ValueType(t.Text()) }

// class translates a class; without one a function counts as N.
func class(c proto.Class) policyengine.Class {
	switch c {
	case proto.Class_CLASS_DETERMINISTIC:
		return policyengine.Deterministic
	case proto.Class_CLASS_READS_STATE:
		return policyengine.ReadsState
	case proto.Class_CLASS_SIDE_EFFECT:
		return policyengine.SideEffect
	}
	return policyengine.ReadsNetwork
}
