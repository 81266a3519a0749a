// Package sdktest lets the author of a condition helper test it without
// Sallyport: the helper is served over gRPC inside of the test, configured and
// called as Sallyport would, and what Sallyport would refuse fails here too.
package sdktest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// Facts are what is known of a login, by name. A fact that a function declared
// and that is not here is null.
type Facts map[string]any

// Outcome is how a login ended, for Harness.Observe.
type Outcome struct {
	Verdict, Reason, Application, Protocol string
	Time                                   time.Time
	Facts                                  Facts
}

// callTime bounds one call.
const callTime = 10 * time.Second

// Harness is a helper that runs inside of a test. Its methods are safe for
// concurrent use.
type Harness struct {
	t           testing.TB
	client      proto.HelperClient
	description *proto.DescribeResponse
}

// Start serves a plugin until the test ends, and configures it with the section,
// nil for none. A description or a section that is refused fails the test.
func Start(t testing.TB, p sdk.Plugin, section map[string]any) *Harness {
	t.Helper()
	h, err := start(t, p)
	if err == nil {
		err = h.configure(section)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Refuses starts a plugin with a section that it should refuse, and returns its
// faults, one per line as "path: what". A section that is taken fails the test.
func Refuses(t testing.TB, p sdk.Plugin, section map[string]any) string {
	t.Helper()
	h, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if err = h.configure(section); err == nil {
		t.Fatal("the section is taken")
	}
	return err.Error()
}

func start(t testing.TB, p sdk.Plugin) (*Harness, error) {
	server, err := sdk.NewServer(p, t.Output())
	if err != nil {
		return nil, fmt.Errorf("plugin %s is not valid: %w", p.Name, err)
	}
	listener := bufconn.Listen(1 << 16)
	g := grpc.NewServer(grpc.MaxRecvMsgSize(proto.MaxMessage), grpc.MaxSendMsgSize(proto.MaxMessage))
	proto.RegisterHelperServer(g, server)
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:helper",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(proto.MaxMessage), grpc.MaxCallSendMsgSize(proto.MaxMessage)))
	t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
		g.Stop()
		serving.Wait()
	})
	if err != nil {
		return nil, err
	}
	h := &Harness{t: t, client: proto.NewHelperClient(conn)}
	h.description, err = h.client.Describe(context.Background(), &proto.DescribeRequest{})
	return h, err
}

func (h *Harness) configure(section map[string]any) error {
	config, err := structpb.NewStruct(section)
	if err != nil {
		return fmt.Errorf("section: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	answer, err := h.client.Configure(ctx, &proto.ConfigureRequest{Config: config})
	if err != nil {
		return err
	}
	var lines []string
	for _, f := range answer.GetFaults() {
		lines = append(lines, strings.TrimPrefix(f.GetPath()+": "+f.GetMessage(), ": "))
	}
	if len(lines) > 0 {
		return fmt.Errorf("%s", strings.Join(lines, "\n"))
	}
	return nil
}

// Call calls a function and returns its answer as encoding/json would decode it.
// An error fails the test.
func (h *Harness) Call(function string, facts Facts, args ...any) any {
	h.t.Helper()
	answer, err := h.Try(function, facts, args...)
	if err != nil {
		h.t.Fatalf("%s: %v", function, err)
	}
	return answer
}

// Try calls a function whose error is of interest. Arguments of a wrong type and
// facts that the function does not read are errors too.
func (h *Harness) Try(function string, facts Facts, args ...any) (any, error) {
	i := slices.IndexFunc(h.description.GetFunctions(), func(f *proto.Function) bool { return f.GetName() == function })
	if i < 0 {
		return nil, fmt.Errorf("there is no function %s", function)
	}
	f := h.description.GetFunctions()[i]
	request := &proto.CallRequest{Function: function}
	for i, a := range args {
		v, err := structpb.NewValue(a)
		if err == nil && i < len(f.GetArgs()) {
			err = f.GetArgs()[i].GetType().Check(v)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		request.Args = append(request.Args, v)
	}
	var err error
	if request.Facts, err = facts.restrict(f.GetReads()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	answer, err := h.client.Call(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("%s", status.Convert(err).Message())
	}
	if err := f.GetResult().Check(answer.GetValue()); err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	return answer.GetValue().AsInterface(), nil
}

// Observe tells the helper of an outcome. An error fails the test.
func (h *Harness) Observe(o Outcome) {
	h.t.Helper()
	if h.description.GetObserver() == nil {
		h.t.Fatal("the plugin has no observer")
	}
	facts, err := o.Facts.restrict(h.description.GetObserver().GetReads())
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	if _, err := h.client.Observe(ctx, &proto.ObserveRequest{
		Verdict: o.Verdict, Reason: o.Reason, Application: o.Application, Protocol: o.Protocol,
		Time: timestamppb.New(o.Time), Facts: facts,
	}); err != nil {
		h.t.Fatal(err)
	}
}

// restrict makes the message of what a declaration reads.
func (f Facts) restrict(reads []string) (*structpb.Struct, error) {
	names, err := proto.ExpandReads(reads)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("the fact %s is not among what is read: %s", name, strings.Join(names, ", "))
		}
	}
	fields := make(map[string]any, len(names))
	for _, name := range names {
		fields[name] = plain(f[name])
	}
	return structpb.NewStruct(fields)
}

// plain turns the usual Go types of facts into those of JSON.
func plain(v any) any {
	switch v := v.(type) {
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	case map[string][]string:
		object := make(map[string]any, len(v))
		for key := range v {
			object[key] = plain(v[key])
		}
		return object
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return v
}
