package sdk

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

type object = map[string]any

func testServer(t *testing.T, trouble *bytes.Buffer) proto.HelperServer {
	t.Helper()
	arg := func(names ...string) (args []Arg) {
		for _, name := range names {
			args = append(args, Arg{Name: name})
		}
		return args
	}
	s, err := NewServer(Plugin{Name: "test", Functions: []Function{
		{Name: "upper", Args: arg("text"), Class: Deterministic, Call: Func1(func(_ context.Context, _ Facts, s string) (string, error) {
			return strings.ToUpper(s), nil
		})},
		{Name: "names", Call: Func0(func(context.Context, Facts) ([]string, error) { return []string{"a", "b"}, nil })},
		{Name: "nobody", Call: Func0(func(context.Context, Facts) ([]string, error) { return nil, nil })},
		{Name: "two", Args: arg("a", "b"), Call: Func2(func(_ context.Context, _ Facts, a float64, b bool) ([]any, error) { return []any{a, b}, nil })},
		{Name: "three", Args: arg("a", "b", "c"), Call: Func3(func(_ context.Context, _ Facts, a []string, b []any, c object) ([]any, error) {
			return []any{strings.Join(a, "+"), b, c}, nil
		})},
		{Name: "four", Args: arg("a", "b", "c", "d"), Call: Func4(func(_ context.Context, _ Facts, a, b, c, d string) (string, error) { return a + b + c + d, nil })},
		{Name: "five", Args: arg("a", "b", "c", "d", "e"), Call: FuncN([]Type{String, Number, Boolean, List, Object},
			func(_ context.Context, _ Facts, args []any) (object, error) { return object{"args": args}, nil })},
		{Name: "facts", Reads: []string{"user.*"}, Call: Func0(func(_ context.Context, f Facts) (object, error) {
			return object{"login": f.String("user.login"), "has": f.Has("user.email"), "phone": f.Attribute("user.attributes", "phone")}, nil
		})},
		{Name: "panics", Call: Func0(func(context.Context, Facts) (string, error) { panic("oh dear") })},
		{Name: "fails", Call: Func0(func(context.Context, Facts) (string, error) { return "", status.Error(codes.Unavailable, "no luck") })},
		{Name: "cannot", Call: Func0(func(context.Context, Facts) (object, error) { return object{"c": make(chan int)}, nil })},
	}}, trouble)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServerCalls(t *testing.T) {
	var trouble bytes.Buffer
	s := testServer(t, &trouble)
	tests := []struct {
		name     string
		function string
		args     []any
		want     any
		code     codes.Code
		message  string
	}{
		{"answer", "upper", []any{"ä"}, "Ä", codes.OK, ""},
		{"list of texts", "names", nil, []any{"a", "b"}, codes.OK, ""},
		{"nil list", "nobody", nil, []any{}, codes.OK, ""},
		{"two arguments", "two", []any{1.5, true}, []any{1.5, true}, codes.OK, ""},
		{"three arguments", "three", []any{[]any{"x", "y"}, []any{1.0, nil}, object{"k": "v"}}, []any{"x+y", []any{1.0, nil}, object{"k": "v"}}, codes.OK, ""},
		{"list that is not of texts", "three", []any{[]any{"x", 1.0}, []any{}, object{}}, nil, codes.Unknown, "argument 1: item 2 is no text"},
		{"four arguments", "four", []any{"a", "b", "c", "d"}, "abcd", codes.OK, ""},
		{"five arguments", "five", []any{"a", 1.0, true, []any{}, object{}}, object{"args": []any{"a", 1.0, true, []any{}, object{}}}, codes.OK, ""},
		{"facts", "facts", nil, object{"login": "erin", "has": false, "phone": []any{"1"}}, codes.OK, ""},
		{"unknown function", "lower", nil, nil, codes.Unimplemented, "lower"},
		{"too few arguments", "upper", nil, nil, codes.InvalidArgument, "0 arguments, want 1"},
		{"too many arguments", "upper", []any{"", ""}, nil, codes.InvalidArgument, "2 arguments, want 1"},
		{"wrong type", "upper", []any{true}, nil, codes.InvalidArgument, "argument 1"},
		{"null argument", "upper", []any{nil}, nil, codes.InvalidArgument, "argument 1"},
		{"panic", "panics", nil, nil, codes.Unknown, "oh dear"},
		{"error, whatever its code", "fails", nil, nil, codes.Unknown, "no luck"},
		{"result that is no value", "cannot", nil, nil, codes.Internal, "JSON"},
	}
	facts, err := structpb.NewStruct(object{"user.login": "erin", "user.email": nil, "user.attributes": object{"phone": []any{"1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := &proto.CallRequest{Function: tt.function, Facts: facts}
			for _, a := range tt.args {
				v, err := structpb.NewValue(a)
				if err != nil {
					t.Fatal(err)
				}
				request.Args = append(request.Args, v)
			}
			got, err := s.Call(t.Context(), request)
			if status.Code(err) != tt.code || !strings.Contains(status.Convert(err).Message(), tt.message) {
				t.Fatalf("error %v; want %s with %q", err, tt.code, tt.message)
			}
			if err == nil && !cmp.Equal(got.GetValue().AsInterface(), tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	if !strings.Contains(trouble.String(), "server_test.go") {
		t.Errorf("no stack of the panic: %q", trouble.String())
	}
	if _, err := s.Call(t.Context(), &proto.CallRequest{Function: "upper", Args: []*structpb.Value{nil}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no value as argument: %v", err)
	}
	if _, err := s.Observe(t.Context(), &proto.ObserveRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("an outcome for no observer: %v", err)
	}
}

func TestInvalidPlugins(t *testing.T) {
	call := Func0(func(context.Context, Facts) (string, error) { return "", nil })
	tests := map[string]Plugin{
		"0 functions":         {Name: "a"},
		"has no Call":         {Name: "a", Functions: []Function{{Name: "f"}}},
		"names 1 arguments":   {Name: "a", Functions: []Function{{Name: "f", Args: []Arg{{Name: "x"}}, Call: call}}},
		`name "a-b"`:          {Name: "a-b", Functions: []Function{{Name: "f", Call: call}}},
		`function "f g"`:      {Name: "a", Functions: []Function{{Name: "f g", Call: call}}},
		"deadline":            {Name: "a", Functions: []Function{{Name: "f", Call: call, Deadline: -1}}},
		"TTL":                 {Name: "a", Functions: []Function{{Name: "f", Call: call, TTL: -1}}},
		"user.password":       {Name: "a", Functions: []Function{{Name: "f", Call: call, Reads: []string{"user.password"}}}},
		"without Observe":     {Name: "a", Functions: []Function{{Name: "f", Call: call}}, ObserveReads: []string{"login"}},
		"argument 1 has no t": {Name: "a", Functions: []Function{{Name: "f", Args: []Arg{{Name: "x"}}, Call: FuncN([]Type{0}, func(context.Context, Facts, []any) (string, error) { return "", nil })}}},
	}
	for want, p := range tests {
		t.Run(want, func(t *testing.T) {
			if _, err := NewServer(p, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

func TestNewFacts(t *testing.T) {
	f, err := NewFacts(object{"user.groups": []string{"a", "b"}, "realm": "corp", "client_ip": nil, "geoip.lat": 1.5, "geoip.known": true})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{f.String("realm"), f.Strings("user.groups"), f.Number("geoip.lat"), f.Boolean("geoip.known"), f.Value("realm"), f.Has("realm")}
	if diff := cmp.Diff([]any{"corp", []string{"a", "b"}, 1.5, true, "corp", true}, got); diff != "" {
		t.Error(diff)
	}
	none := []any{f.String("client_ip"), len(f.Strings("login")), f.Value("client_ip"), f.Value("login"), f.Has("client_ip"), f.Has("login")}
	if diff := cmp.Diff([]any{"", 0, nil, nil, false, false}, none); diff != "" {
		t.Errorf("what is not there (-want +got):\n%s", diff)
	}
	if _, err := NewFacts(object{"f": make(chan int)}); err == nil {
		t.Error("a channel is taken for a fact")
	}
}

func TestConfigureAndObserve(t *testing.T) {
	var seen Outcome
	p := Plugin{
		Name:      "a",
		Functions: []Function{{Name: "f", Call: Func0(func(context.Context, Facts) (string, error) { return "", nil })}},
		Configure: func(_ context.Context, section map[string]any) error {
			switch section["say"] {
			case "panic":
				panic("oh dear")
			case "faults":
				return errors.Join(ConfigFault("a[0].b", "is %d", 5), errors.Join(errors.New("no place"), ConfigFault("c", "x")))
			}
			return nil
		},
		Observe: func(_ context.Context, o Outcome) error {
			seen = o
			return errors.New("full")
		},
	}
	s, err := NewServer(p, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	for say, want := range map[string][]string{
		"nothing": nil, "panic": {"", "panic: oh dear"}, "faults": {"a[0].b", "is 5", "", "no place", "c", "x"},
	} {
		section, err := structpb.NewStruct(object{"say": say})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.Configure(t.Context(), &proto.ConfigureRequest{Config: section})
		var got []string
		for _, f := range answer.GetFaults() {
			got = append(got, f.GetPath(), f.GetMessage())
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %q, %v", say, got, err)
		}
	}
	_, err = s.Observe(t.Context(), &proto.ObserveRequest{Verdict: "accept", Reason: "ok"})
	if status.Code(err) != codes.Unknown || !seen.Accepted() || seen.Reason != "ok" {
		t.Errorf("observed %+v, %v", seen, err)
	}
	p.Configure = nil
	if s, err = NewServer(p, nil); err != nil {
		t.Fatal(err)
	}
	if answer, err := s.Configure(t.Context(), &proto.ConfigureRequest{}); err != nil || len(answer.GetFaults()) > 0 {
		t.Errorf("no settings for a program that has none: %v, %v", answer, err)
	}
	some, _ := structpb.NewStruct(object{"x": 1.0})
	if answer, err := s.Configure(t.Context(), &proto.ConfigureRequest{Config: some}); err != nil || len(answer.GetFaults()) != 1 {
		t.Errorf("settings for a program that has none: %v, %v", answer, err)
	}
}
