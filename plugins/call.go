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

	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// function is one function of a program, as policies call it.
type function struct {
	program *program
	name    string // with the program's: "watchlist.listed"
	spec    *proto.Function
	class   policyengine.Class
	facts   []fact
	timeout time.Duration
	ttl     time.Duration
	// standIn is what it answers when it fails, nil for an error.
	standIn policyengine.Value
	mark    []byte // of its keys
}

// Check answers from what is kept, or calls the function in whatever process of
// the program runs now. It ends within the function's deadline and the configured
// timeout, waiting included, and returns a value of the declared type or an error.
// A call of a deterministic function that lost its process is made once more; no
// other. The value is shared: whoever gets it must not change it.
func (f *function) Check(ctx context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	if in == nil || in.User == nil {
		return nil, fmt.Errorf("call helper %s: no login to ask about", f.name)
	}
	if f.class == policyengine.SideEffect && !policyengine.Effects(ctx) {
		return nil, fmt.Errorf("call helper %s: it has side effects, and nobody is to log in: what it would answer is not known", f.name)
	}
	var space [512]byte
	key, ok := f.key(space[:0], in, args)
	if ok {
		if kept := f.program.results.get(key); kept != nil {
			f.program.counters.remembered.Add(1)
			policyengine.Remembered(ctx)
			f.note(ctx, kept)
			return kept.value, nil
		}
	}
	value, err := f.ask(ctx, in, args)
	switch {
	case err != nil && f.standIn != nil && ctx.Err() == nil:
		fresh.Never(ctx, f.name+" had no answer")
		f.program.log.Warn("plugin has no answer, on_failure decides", "function", f.spec.GetName(), "error", err)
		return f.standIn, nil
	case err != nil:
		fresh.Never(ctx, f.name+" had no answer")
		return nil, fmt.Errorf("call helper %s: %w", f.name, err)
	case ok && len(key)+googleproto.Size(value) <= maxResult:
		kept := f.program.results.keep(key, value.AsInterface(), f.ttl)
		f.note(ctx, kept)
		return kept.value, nil
	}
	if f.class != policyengine.Deterministic {
		fresh.Never(ctx, f.name+" is asked each time")
	}
	return value.AsInterface(), nil
}

var _ policyengine.Condition = (*function)(nil)

// note says that an answer was made from a kept one. What is always the same need
// not be noted.
func (f *function) note(ctx context.Context, kept *result) {
	if f.class != policyengine.Deterministic || f.ttl > 0 {
		fresh.Note(ctx, kept)
	}
}

// key is what an answer is kept under. It reports false where none is kept.
func (f *function) key(key []byte, in *policyengine.Input, args []policyengine.Value) ([]byte, bool) {
	if f.class == policyengine.SideEffect || f.class != policyengine.Deterministic && f.ttl <= 0 {
		return nil, false
	}
	key, ok := appendList(append(key, f.mark...), args)
	for i := 0; i < len(f.facts) && ok; i++ {
		key, ok = appendKey(key, f.facts[i].of(in))
	}
	return key, ok
}

// ask calls the function, and counts it.
func (f *function) ask(ctx context.Context, in *policyengine.Input, args []policyengine.Value) (*structpb.Value, error) {
	request, err := f.request(in, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	begin := time.Now()
	value, err := f.program.call(ctx, f.spec, request)
	f.program.counters.call(time.Since(begin), err)
	return value, err
}

// request builds the message, and refuses arguments that were not declared.
func (f *function) request(in *policyengine.Input, args []policyengine.Value) (*proto.CallRequest, error) {
	if len(args) != len(f.spec.GetArgs()) {
		return nil, fmt.Errorf("%d arguments, want %d", len(args), len(f.spec.GetArgs()))
	}
	r := &proto.CallRequest{Function: f.spec.GetName(), Facts: gather(f.facts, in)}
	for i, a := range args {
		v, err := structpb.NewValue(a)
		if err == nil {
			err = f.spec.GetArgs()[i].GetType().Check(v)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		r.Args = append(r.Args, v)
	}
	if n := googleproto.Size(r); n > proto.MaxMessage {
		return nil, fmt.Errorf("arguments and facts have %d bytes, more than %d", n, proto.MaxMessage)
	}
	return r, nil
}

// enter takes one of the program's slots, waiting for it if not too many do.
func (p *program) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	defer p.waiting.Add(-1)
	if n := p.waiting.Add(1); int(n) > p.cfg.Queue {
		return fmt.Errorf("%d calls run and %d wait: the queue is full", cap(p.slots), p.cfg.Queue)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for one of %d calls to end: %w", cap(p.slots), ctx.Err())
	}
}

// call waits for one of the program's slots and for a running process, and calls
// the function there.
func (p *program) call(ctx context.Context, spec *proto.Function, request *proto.CallRequest) (*structpb.Value, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-p.slots }()
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
		again := lost == nil && spec.GetClass() == proto.Class_CLASS_DETERMINISTIC && processLost(err) && inst.isLost(ctx)
		if !again {
			return nil, callError(err)
		}
		lost = inst
	}
}

// processLost reports whether an error of a call can mean that the process or the
// connection went away: Unavailable when it broke, Canceled when we closed it.
// Programs can answer so, too.
func processLost(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled
}

// callError words an error of a call.
func callError(err error) error {
	s := status.Convert(err)
	said := fmt.Sprintf("%.500s", printable(s.Message()))
	switch s.Code() {
	case codes.DeadlineExceeded:
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case codes.Canceled:
		return fmt.Errorf("the call was cut off: %w", context.Canceled)
	case codes.Unavailable:
		return errors.New("the plugin went away during the call: " + said)
	case codes.Unknown: // what the helper's author returned
		return errors.New(said)
	}
	return fmt.Errorf("%s: %s", s.Code(), said)
}
