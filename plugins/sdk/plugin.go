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
	// Deterministic (D): the same arguments and facts give the same result, as long
	// as program and configuration are the same. Only these calls are repeated when
	// the program dies in one, and their results are kept.
	Deterministic = proto.Class_CLASS_DETERMINISTIC
	// ReadsState (S): reads stored or upstream state.
	ReadsState = proto.Class_CLASS_READS_STATE
	// ReadsNetwork (N): reads the network or the clock.
	ReadsNetwork = proto.Class_CLASS_READS_NETWORK
	// SideEffect (W): changes something. It is called once for each time that a
	// policy asks, and never by whoever only wants to know what would be.
	SideEffect = proto.Class_CLASS_SIDE_EFFECT
)

// Plugin is what a helper program offers.
type Plugin struct {
	// Name and Version are for people. In policies the functions stand under the
	// name that the administrator lists the program with.
	Name, Version string
	// Functions are what policies can call: 1 to 64.
	Functions []Function
	// Configure takes the program's section of the configuration; Config makes it.
	// Nil refuses any settings.
	Configure Configuration
	// Observe is told how logins ended, one after the other; nil for a program
	// that need not know. It should not take long: outcomes that it is too slow for
	// are lost. An error goes to the log.
	Observe func(ctx context.Context, outcome Outcome) error
	// ObserveReads are the facts of the login that Observe wants to see.
	ObserveReads []string
}

// Function is one function that policies can call.
type Function struct {
	// Name is letters, digits and underscores. Doc is one line for whoever writes
	// policies.
	Name, Doc string
	// Args name the arguments of Call, one by one.
	Args  []Arg
	Class Class
	// TTL is how long Sallyport may give the same answer to the same arguments and
	// facts without a call; 0 for not at all, but always where Class is
	// Deterministic. At most 30 days.
	TTL time.Duration
	// Deadline is how long a call should take at the most; 0 leaves it to the
	// administrator, who can only shorten it.
	Deadline time.Duration
	// Reads are the facts of the login that Call wants to see, such as
	// "user.groups" or "radius.*". It sees no others, and never a credential.
	Reads []string
	// Call answers: Func0(f), Func1(f), …
	Call Callable
}

// Arg names an argument; its type is that of the Go function.
type Arg struct {
	// Name is letters, digits and underscores. Doc is one line.
	Name, Doc string
}

// Outcome is how a login ended.
type Outcome struct {
	// Verdict is "accept" or "reject"; Reason says why in the words of the log
	// ("ok", "bad_password", "policy_denied", …).
	Verdict, Reason string
	// Application is the key of the application in the configuration, Protocol
	// "radius" or "ldap".
	Application, Protocol string
	// Time is when it ended.
	Time time.Time
	// Facts are those of Plugin.ObserveReads.
	Facts Facts
}

// Accepted reports whether the login was let in.
func (o Outcome) Accepted() bool { return o.Verdict == "accept" }

// describe translates the plugin into its description, or reports everything
// that is wrong with it.
func (p *Plugin) describe() (*proto.DescribeResponse, error) {
	d := &proto.DescribeResponse{Name: p.Name, Version: p.Version}
	var faults []error
	for i := range p.Functions {
		f := &p.Functions[i]
		switch {
		case f.Call.call == nil:
			faults = append(faults, fmt.Errorf("function %q has no Call", f.Name))
		case len(f.Args) != len(f.Call.args):
			faults = append(faults, fmt.Errorf("function %q names %d arguments, and its Call takes %d", f.Name, len(f.Args), len(f.Call.args)))
		}
		pf := &proto.Function{Name: f.Name, Doc: f.Doc, Result: f.Call.result, Class: f.Class, Reads: f.Reads}
		for j := range min(len(f.Args), len(f.Call.args)) {
			pf.Args = append(pf.Args, &proto.Argument{Name: f.Args[j].Name, Type: f.Call.args[j], Doc: f.Args[j].Doc})
		}
		if f.Deadline != 0 {
			pf.Deadline = durationpb.New(f.Deadline)
		}
		if f.TTL != 0 {
			pf.Ttl = durationpb.New(f.TTL)
		}
		d.Functions = append(d.Functions, pf)
	}
	switch {
	case p.Observe != nil:
		d.Observer = &proto.Observer{Reads: p.ObserveReads}
	case len(p.ObserveReads) > 0:
		faults = append(faults, errors.New("ObserveReads without Observe"))
	}
	faults = append(faults, d.Validate())
	return d, errors.Join(faults...)
}
