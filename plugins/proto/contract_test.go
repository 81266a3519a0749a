package proto

import (
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

func described(change func(*DescribeResponse)) *DescribeResponse {
	d := &DescribeResponse{
		Name: "watch_list2", Version: "1.0",
		Functions: []*Function{{
			Name: "listed", Doc: "a line", Args: []*Argument{{Name: "login", Type: Type_TYPE_STRING, Doc: "who"}}, Result: Type_TYPE_BOOLEAN,
			Class: Class_CLASS_READS_STATE, Deadline: durationpb.New(time.Second), Ttl: durationpb.New(time.Minute), Reads: []string{"user.login"},
		}},
	}
	change(d)
	return d
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	tests := []struct {
		name   string
		change func(*DescribeResponse)
		want   string // "" for valid
	}{
		{"valid", func(*DescribeResponse) {}, ""},
		{"no class and no deadline", func(d *DescribeResponse) { d.Functions[0].Class, d.Functions[0].Deadline = 0, nil }, ""},
		{"no name", func(d *DescribeResponse) { d.Name = "" }, "name"},
		{"name with dash", func(d *DescribeResponse) { d.Name = "watch-list" }, "watch-list"},
		{"name with digit first", func(d *DescribeResponse) { d.Name = "2x" }, "2x"},
		{"long name", func(d *DescribeResponse) { d.Name = long }, "name"},
		{"long version", func(d *DescribeResponse) { d.Version = long }, "version"},
		{"no functions", func(d *DescribeResponse) { d.Functions = nil }, "0 functions"},
		{"too many functions", func(d *DescribeResponse) { d.Functions = make([]*Function, MaxFunctions+1) }, "65 functions"},
		{"nil function", func(d *DescribeResponse) { d.Functions[0] = nil }, "function"},
		{"same function twice", func(d *DescribeResponse) { d.Functions = append(d.Functions, d.Functions[0]) }, "twice"},
		{"function with dot", func(d *DescribeResponse) { d.Functions[0].Name = "a.b" }, "a.b"},
		{"long doc", func(d *DescribeResponse) { d.Functions[0].Doc = long }, "doc"},
		{"doc of two lines", func(d *DescribeResponse) { d.Functions[0].Doc = "a\nb" }, "doc must be one line"},
		{"version that steers a terminal", func(d *DescribeResponse) { d.Version = "1\x1b[2J" }, "version must be one line"},
		{"untyped argument", func(d *DescribeResponse) { d.Functions[0].Args[0].Type = 0 }, "argument 1"},
		{"unknown type", func(d *DescribeResponse) { d.Functions[0].Args[0].Type = 77 }, "argument 1"},
		{"too many arguments", func(d *DescribeResponse) { d.Functions[0].Args = make([]*Argument, MaxArgs+1) }, "17 arguments"},
		{"too many facts", func(d *DescribeResponse) { d.Functions[0].Reads = make([]string, MaxReads+1) }, "65 facts"},
		{"nil argument", func(d *DescribeResponse) { d.Functions[0].Args[0] = nil }, "argument 1"},
		{"argument without name", func(d *DescribeResponse) { d.Functions[0].Args[0].Name = "" }, "argument 1: the name"},
		{"argument twice", func(d *DescribeResponse) {
			d.Functions[0].Args = append(d.Functions[0].Args, d.Functions[0].Args[0])
		}, "argument 2: the name \"login\" is there twice"},
		{"long doc of an argument", func(d *DescribeResponse) { d.Functions[0].Args[0].Doc = long }, "argument 1: the doc"},
		{"no time to live", func(d *DescribeResponse) { d.Functions[0].Ttl = nil }, ""},
		{"negative time to live", func(d *DescribeResponse) { d.Functions[0].Ttl = durationpb.New(-1) }, "TTL"},
		{"time to live of years", func(d *DescribeResponse) { d.Functions[0].Ttl = durationpb.New(2 * MaxTTL) }, "TTL"},
		{"time to live of an effect", func(d *DescribeResponse) { d.Functions[0].Class = Class_CLASS_SIDE_EFFECT }, "side effects"},
		{"curious observer", func(d *DescribeResponse) { d.Observer = &Observer{Reads: make([]string, MaxReads+1)} }, "observer"},
		{"fact that is none", func(d *DescribeResponse) { d.Functions[0].Reads = []string{"user.password"} }, `the fact "user.password" does not exist`},
		{"observer of what is none", func(d *DescribeResponse) { d.Observer = &Observer{Reads: []string{"password.*"}} }, `observer: the fact "password.*"`},
		{"untyped result", func(d *DescribeResponse) { d.Functions[0].Result = 0 }, "result"},
		{"unknown class", func(d *DescribeResponse) { d.Functions[0].Class = 9 }, "class 9"},
		{"negative deadline", func(d *DescribeResponse) { d.Functions[0].Deadline = durationpb.New(-1) }, "deadline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := described(tt.change).Validate()
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestTypeCheck(t *testing.T) {
	list := func(v ...*structpb.Value) *structpb.Value {
		return structpb.NewListValue(&structpb.ListValue{Values: v})
	}
	object := func(v *structpb.Value) *structpb.Value {
		return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"k": v}})
	}
	tests := []struct {
		name  string
		typ   Type
		value *structpb.Value
		want  string // "" for a match
	}{
		{"string", Type_TYPE_STRING, structpb.NewStringValue(""), ""},
		{"number", Type_TYPE_NUMBER, structpb.NewNumberValue(0), ""},
		{"boolean", Type_TYPE_BOOLEAN, structpb.NewBoolValue(false), ""},
		{"list", Type_TYPE_LIST, list(structpb.NewNullValue()), ""},
		{"object", Type_TYPE_OBJECT, object(list()), ""},
		{"no value", Type_TYPE_STRING, nil, "got no value"},
		{"empty value", Type_TYPE_STRING, &structpb.Value{}, "got no value"},
		{"null", Type_TYPE_BOOLEAN, structpb.NewNullValue(), "got null"},
		{"another type", Type_TYPE_BOOLEAN, structpb.NewStringValue("true"), "want boolean, got string"},
		{"nothing matches no type", Type_TYPE_UNSPECIFIED, structpb.NewNullValue(), "got null"},
		{"not a number", Type_TYPE_NUMBER, structpb.NewNumberValue(math.NaN()), "NaN"},
		{"infinity in a list", Type_TYPE_LIST, list(structpb.NewNumberValue(math.Inf(-1))), "-Inf"},
		{"infinity in an object", Type_TYPE_OBJECT, object(list(structpb.NewNumberValue(math.Inf(1)))), "+Inf"},
		{"hole in a list", Type_TYPE_LIST, list(&structpb.Value{}), "without a kind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.typ.Check(tt.value)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestExpandReads(t *testing.T) {
	for _, tt := range []struct {
		reads []string
		want  string // "" for an error
	}{
		{[]string{"login", "client_ip", "login"}, "client_ip login"},
		{[]string{"ldap.*", "ldap.tls"}, "ldap.base_dn ldap.bind_dn ldap.tls"},
		{[]string{"now.*"}, "now.hour now.minute now.tz now.unix now.weekday"},
		{[]string{"login", "user.password"}, ""},
		{[]string{"*"}, ""},
		{[]string{"us*"}, ""},
		{[]string{"login.*"}, ""},
		{[]string{""}, ""},
	} {
		names, err := ExpandReads(tt.reads)
		if got := strings.Join(names, " "); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v; want %q", tt.reads, got, err, tt.want)
		}
	}
	if names, err := ExpandReads(nil); names != nil || err != nil {
		t.Errorf("nothing: %q, %v", names, err)
	}
}
