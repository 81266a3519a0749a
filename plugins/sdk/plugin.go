package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// Type is the type of an argument or a result.
type Type = proto.Type

// The types that policies and helpers exchange: those of JSON.
const (
	String  = proto.Type_TYPE_STRING
	Number  = proto.Type_TYPE_NUMBER
	Boolean = proto.Type_TYPE_BOOLEAN
	List    = proto.Type_TYPE_LIST
	Object  = proto.Type_TYPE_OBJECT
)

// Class says how far a result can be relied on later. Without one a function
// counts as ReadsNetwork.
type Class = proto.Class

// The classes, with the letters that Sallyport shows.
const (
	// Deterministic (D): the same arguments and facts give the same result,
	// always. Only these calls are repeated when the program dies in one.
	Deterministic = proto.Class_CLASS_DETERMINISTIC
	// ReadsState (S): reads stored or upstream state.
	ReadsState = proto.Class_CLASS_READS_STATE
	// ReadsNetwork (N): reads the network or the clock.
	ReadsNetwork = proto.Class_CLASS_READS_NETWORK
	// SideEffect (W): changes something.
	SideEffect = proto.Class_CLASS_SIDE_EFFECT
)

// Plugin is what a helper program offers.
type Plugin struct {
	// Name and Version are for people. In policies the functions stand under the
	// name that the administrator lists the program with.
	Name, Version string
	// Functions are what policies can call: 1 to 64.
	Functions []Function
}

// Function is one function that policies can call.
type Function struct {
	// Name is letters, digits and underscores. Doc is one line for whoever writes
	// policies.
	Name, Doc string
	// Args are the types of the arguments, 16 at most, and Result that of the
	// result.
	Args   []Type
	Result Type
	Class  Class
	// Deadline is how long a call should take at the most; 0 leaves it to the
	// administrator, who can only shorten it.
	Deadline time.Duration
	// Reads are the facts of the login that Call wants to see, such as
	// "user.groups". It sees no others, and never a credential.
	Reads []string
	// Call answers. Many calls run at once. It should end when ctx does. An error
	// means that there is no answer, and refuses the login unless the
	// administrator wrote otherwise; its text goes to the log. Arguments have the
	// declared number and types; the result must have the declared one (besides
	// bool, numbers, string, []any and map[string]any whatever encoding/json can
	// write is fine). A panic becomes an error.
	Call func(ctx context.Context, call Call) (any, error)
}

// describe translates the plugin into its description, or reports everything
// that is wrong with it.
func (p *Plugin) describe() (*proto.DescribeResponse, error) {
	d := &proto.DescribeResponse{Name: p.Name, Version: p.Version}
	var faults []error
	for i := range p.Functions {
		f := &p.Functions[i]
		if f.Call == nil {
			faults = append(faults, fmt.Errorf("function %q has no Call", f.Name))
		}
		pf := &proto.Function{
			Name: f.Name, Doc: f.Doc, Args: f.Args, Result: f.Result, Class: f.Class, Reads: f.Reads,
		}
		if f.Deadline != 0 {
			pf.Deadline = durationpb.New(f.Deadline)
		}
		d.Functions = append(d.Functions, pf)
	}
	faults = append(faults, d.Validate())
	return d, errors.Join(faults...)
}
