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

func testServer(t *testing.T, trouble *bytes.Buffer) *server {
	t.Helper()
	s, err := newServer(&Plugin{Name: "test", Functions: []Function{
		{Name: "upper", Args: []Type{String}, Result: String, Class: Deterministic, Call: func(_ context.Context, c Call) (any, error) {
			return strings.ToUpper(c.String(0)), nil
		}},
		{Name: "names", Result: List, Call: func(context.Context, Call) (any, error) { return []string{"a", "b"}, nil }},
		{Name: "point", Result: Object, Call: func(context.Context, Call) (any, error) {
			return struct {
				X int `json:"x"`
			}{4}, nil
		}},
		{Name: "panics", Result: String, Call: func(context.Context, Call) (any, error) { panic("oh dear") }},
		{Name: "fails", Result: String, Call: func(context.Context, Call) (any, error) {
			return nil, status.Error(codes.Unavailable, "no luck")
		}},
		{Name: "lies", Result: String, Call: func(context.Context, Call) (any, error) { return 5, nil }},
		{Name: "says_nothing", Result: String, Call: func(context.Context, Call) (any, error) { return nil, nil }},
		{Name: "cannot", Result: Object, Call: func(context.Context, Call) (any, error) { return make(chan int), nil }},
	}}, trouble)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServerCalls(t *testing.T) {
	var trouble bytes.Buffer
	s := testServer(t, &trouble)
	text := structpb.NewStringValue
	tests := []struct {
		name     string
		function string
		args     []*structpb.Value
		want     any
		code     codes.Code
		message  string
	}{
		{"answer", "upper", []*structpb.Value{text("ä")}, "Ä", codes.OK, ""},
		{"list of texts", "names", nil, []any{"a", "b"}, codes.OK, ""},
		{"struct", "point", nil, map[string]any{"x": 4.0}, codes.OK, ""},
		{"unknown function", "lower", nil, nil, codes.Unimplemented, "lower"},
		{"too few arguments", "upper", nil, nil, codes.InvalidArgument, "0 arguments, want 1"},
		{"too many arguments", "upper", []*structpb.Value{text(""), text("")}, nil, codes.InvalidArgument, "2 arguments, want 1"},
		{"wrong type", "upper", []*structpb.Value{structpb.NewBoolValue(true)}, nil, codes.InvalidArgument, "argument 1"},
		{"nil argument", "upper", []*structpb.Value{nil}, nil, codes.InvalidArgument, "argument 1"},
		{"panic", "panics", nil, nil, codes.Internal, "oh dear"},
		{"error, whatever its code", "fails", nil, nil, codes.Unknown, "no luck"},
		{"result of a wrong type", "lies", nil, nil, codes.Internal, "want string, got number"},
		{"null as result", "says_nothing", nil, nil, codes.Internal, "got null"},
		{"result that is no value", "cannot", nil, nil, codes.Internal, "JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Call(t.Context(), &proto.CallRequest{Function: tt.function, Args: tt.args})
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
}

func TestInvalidPlugins(t *testing.T) {
	call := func(context.Context, Call) (any, error) { return nil, nil }
	tests := map[string]Plugin{
		"no functions":      {Name: "a"},
		"no call":           {Name: "a", Functions: []Function{{Name: "f", Result: String}}},
		"no result type":    {Name: "a", Functions: []Function{{Name: "f", Call: call}}},
		"bad name":          {Name: "a-b", Functions: []Function{{Name: "f", Result: String, Call: call}}},
		"bad function name": {Name: "a", Functions: []Function{{Name: "f g", Result: String, Call: call}}},
		"negative deadline": {Name: "a", Functions: []Function{{Name: "f", Result: String, Call: call, Deadline: -1}}},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := newServer(&p, nil); err == nil {
				t.Error("it is served")
			}
		})
	}
}

func TestCall(t *testing.T) {
	c, err := NewCall([]any{"s", 1.5, true, []any{"x"}, map[string]any{"k": nil}}, map[string]any{
		"user.groups": []string{"a", "b"}, "realm": "corp", "client_ip": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.String(0), c.Number(1), c.Boolean(2), c.List(3), c.Object(4), c.Fact("realm"), c.FactString("realm"), c.FactStrings("user.groups")}
	want := []any{"s", 1.5, true, []any{"x"}, map[string]any{"k": nil}, "corp", "corp", []string{"a", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	none := []any{c.String(1), c.Number(9), c.Boolean(-1), len(c.List(0)), len(c.Object(0)), c.Fact("client_ip"), c.Fact("login"), c.FactString("client_ip"), len(c.FactStrings("login"))}
	if diff := cmp.Diff([]any{"", 0.0, false, 0, 0, nil, nil, "", 0}, none); diff != "" {
		t.Errorf("what is not there (-want +got):\n%s", diff)
	}
	for _, bad := range []any{make(chan int), errors.New} {
		_, inArgs := NewCall([]any{bad}, nil)
		_, inFacts := NewCall(nil, map[string]any{"f": bad})
		if inArgs == nil || inFacts == nil {
			t.Errorf("%T is taken", bad)
		}
	}
}
