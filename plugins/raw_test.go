package plugins

import (
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
)

func described(functions ...*proto.Function) *proto.DescribeResponse {
	return &proto.DescribeResponse{Name: "raw", Version: "1", Functions: functions}
}

// TestServersThatLie: a server that no SDK keeps in order.
func TestServersThatLie(t *testing.T) {
	t.Parallel()
	text := structpb.NewStringValue
	answers := map[string]struct {
		value *structpb.Value
		want  string
	}{
		"wrong type":     {text("true"), "want boolean, got string"},
		"null":           {structpb.NewNullValue(), "want boolean, got null"},
		"nothing":        {nil, "want boolean, got no value"},
		"no kind":        {&structpb.Value{}, "want boolean"},
		"not a number":   {structpb.NewNumberValue(math.NaN()), "want boolean, got number"},
		"ten megabytes":  {text(strings.Repeat("x", 10<<20)), "larger than max"},
		"just too large": {text(strings.Repeat("x", proto.MaxMessage)), "larger than max"},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			h, err := openInside(t, &rawHelper{
				description: described(&proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN, Class: proto.Class_CLASS_DETERMINISTIC}),
				call: func(*proto.CallRequest) (*proto.CallResponse, error) {
					return &proto.CallResponse{Value: tt.value}, nil
				},
			}, quick())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first must not have been kept
				if got, err := h.ask(t, "faulty.f"); err == nil || got != nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, %v; want an error with %q", got, err, tt.want)
				}
			}
		})
	}
}

// TestUnavailable: a program that says of itself that it went away has not, and is
// not waited for.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.Canceled} {
		calls := 0
		h, err := openInside(t, &rawHelper{
			description: described(&proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN, Class: proto.Class_CLASS_DETERMINISTIC}),
			call: func(*proto.CallRequest) (*proto.CallResponse, error) {
				calls++
				return nil, status.Error(code, "the database is down")
			},
		}, quick(), func(p *config.Plugin) { p.Timeout = time.Minute })
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if got, err := h.ask(t, "faulty.f"); err == nil || calls != 1 || time.Since(begin) > 20*time.Second {
			t.Errorf("%s: %v, %v after %d calls and %s", code, got, err, calls, time.Since(begin))
		}
		if s := h.Status()[0]; s.Restarts != 0 || s.State != Ready {
			t.Errorf("%s: %+v", code, s)
		}
	}
}

// TestDescriptionsThatLie: nothing of such a program is used.
func TestDescriptionsThatLie(t *testing.T) {
	t.Parallel()
	fine := &proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN}
	tests := map[string]*proto.DescribeResponse{
		"0 functions":         described(),
		"user.password":       described(&proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN, Reads: []string{"user.password"}}),
		"result has no type":  described(&proto.Function{Name: "f"}),
		"described twice":     described(fine, fine),
		"larger than max":     {Name: "raw", Version: strings.Repeat("x", 2<<20), Functions: []*proto.Function{fine}},
		"observer: the fact ": {Name: "raw", Functions: []*proto.Function{fine}, Observer: &proto.Observer{Reads: []string{"secret.*"}}},
	}
	for want, description := range tests {
		t.Run(want, func(t *testing.T) {
			h, err := openInside(t, &rawHelper{description: description}, quick())
			if err == nil || h != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "plugins.allow[0]") {
				t.Errorf("%v; want %q", err, want)
			}
		})
	}
}

// TestSettingsOfServers: what a server says of its settings.
func TestSettingsOfServers(t *testing.T) {
	t.Parallel()
	some := func(p *config.Plugin) { p.Config = map[string]any{"a": 1} }
	description := described(&proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN})
	answer := func(faults ...*proto.Fault) func(*proto.ConfigureRequest) (*proto.ConfigureResponse, error) {
		return func(*proto.ConfigureRequest) (*proto.ConfigureResponse, error) {
			return &proto.ConfigureResponse{Faults: faults}, nil
		}
	}
	if _, err := openInside(t, &rawHelper{description: description}, quick()); err != nil {
		t.Errorf("without the method and without settings: %v", err)
	}
	_, err := openInside(t, &rawHelper{description: description}, quick(), some)
	if err == nil || !strings.Contains(err.Error(), "plugins.allow[0].config: plugin faulty says: the program has no settings") {
		t.Errorf("without the method: %v", err)
	}
	many := make([]*proto.Fault, 5000)
	for i := range many {
		many[i] = &proto.Fault{Path: "a", Message: "no\nway " + strings.Repeat("x", 100)}
	}
	many[0].Path = "\x1b[31m"
	_, err = openInside(t, &rawHelper{description: description, configure: answer(many...)}, quick(), some)
	if err == nil || strings.Count(err.Error(), "\n")+1 != proto.MaxFaults || !strings.Contains(err.Error(), "config.a: plugin faulty says: no way xx") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("too many faults: %.300v", err)
	}
}

// TestEachStartIsConfigured: a process that went away is replaced by one with the
// same settings.
func TestEachStartIsConfigured(t *testing.T) {
	t.Parallel()
	tm := quick()
	tm.ping = 20 * time.Millisecond
	begun := 0
	h, err := openInside(t, &rawHelper{
		description: described(&proto.Function{Name: "f", Result: proto.Type_TYPE_BOOLEAN}),
		configure: func(*proto.ConfigureRequest) (*proto.ConfigureResponse, error) {
			begun++
			return &proto.ConfigureResponse{}, nil
		},
	}, tm)
	if err != nil {
		t.Fatal(err)
	}
	p := h.programs[0]
	p.mu.Lock()
	current := p.current
	p.mu.Unlock()
	current.process.(*inProcess).kill()
	eventually(t, 3*time.Second, "replaced", func() bool { return h.Status()[0].Restarts == 1 && h.Status()[0].State == Ready })
	h.Close()
	if begun != 2 {
		t.Errorf("configured %d times, want once for each start", begun)
	}
}
