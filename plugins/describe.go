package plugins

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Description is what a program says that it offers, for people.
type Description struct {
	// Name is that of plugins.allow, CallsItself the program's own.
	Name, CallsItself, Version string
	// SHA256 is that of the file that runs.
	SHA256    string
	Functions []FunctionDescription
	// Observes tells that the program is told how logins end, with these facts.
	Observes bool
	Reads    []string
}

// FunctionDescription is one function.
type FunctionDescription struct {
	Name, Doc string
	Args      []ArgDescription
	Result    policyengine.ValueType
	Class     policyengine.Class
	// TTL is how long an answer is kept, 0 for not at all, or always for class D.
	// Timeout is how long a call may take.
	TTL, Timeout time.Duration
	// Reads are the facts that the function gets.
	Reads []string
}

// ArgDescription is one argument.
type ArgDescription struct {
	Name, Doc string
	Type      policyengine.ValueType
}

// Descriptions tells what the programs offer, in the order of the configuration.
func (h *Host) Descriptions() []Description {
	all := make([]Description, 0, len(h.programs))
	for _, p := range h.programs {
		p.mu.Lock()
		d := p.description
		p.mu.Unlock()
		one := Description{
			Name: p.name, CallsItself: d.GetName(), Version: d.GetVersion(), SHA256: p.sum.String(),
			Observes: d.GetObserver() != nil, Reads: factNames(factsOf(d.GetObserver().GetReads())),
		}
		for _, f := range p.functions(d) {
			one.Functions = append(one.Functions, f.describe())
		}
		all = append(all, one)
	}
	return all
}

func (f *function) describe() FunctionDescription {
	d := FunctionDescription{
		Name: f.spec.GetName(), Doc: f.spec.GetDoc(), Result: valueType(f.spec.GetResult()),
		Class: f.class, TTL: f.ttl, Timeout: f.timeout, Reads: factNames(f.facts),
	}
	for _, a := range f.spec.GetArgs() {
		d.Args = append(d.Args, ArgDescription{Name: a.GetName(), Doc: a.GetDoc(), Type: valueType(a.GetType())})
	}
	return d
}

func factNames(facts []fact) []string {
	names := make([]string, len(facts))
	for i, f := range facts {
		names[i] = f.name
	}
	return names
}

// functions are those of a description that was accepted.
func (p *program) functions(d *proto.DescribeResponse) []*function {
	all := make([]*function, 0, len(d.GetFunctions()))
	for i, spec := range d.GetFunctions() {
		f := &function{
			program: p, name: p.name + "." + spec.GetName(), spec: spec, class: class(spec.GetClass()),
			facts: factsOf(spec.GetReads()), timeout: p.timeout(), ttl: spec.GetTtl().AsDuration(),
			mark: binary.AppendUvarint(nil, uint64(i)),
		}
		if d := spec.GetDeadline(); d != nil && d.AsDuration() < f.timeout {
			f.timeout = d.AsDuration()
		}
		all = append(all, f)
	}
	return all
}

// helpers are the functions of a program that has described itself, with what
// they answer when they fail. The error has what on_failure says wrongly.
func (p *program) helpers(cfg *config.Config, at string) ([]policyengine.Helper, error) {
	p.mu.Lock()
	description := p.description
	p.mu.Unlock()
	var faults []error
	functions := p.functions(description)
	for _, name := range slices.Sorted(maps.Keys(p.cfg.OnFailure)) {
		path := at + ".on_failure." + name
		i := slices.IndexFunc(functions, func(f *function) bool { return f.spec.GetName() == name })
		if i < 0 {
			faults = append(faults, cfg.Fault(path, "plugin %s has no function %q", p.name, name))
			continue
		}
		var err error
		if functions[i].standIn, err = standIn(p.cfg.OnFailure[name], functions[i].spec.GetResult()); err != nil {
			faults = append(faults, cfg.Fault(path, "is not what the function answers: %w", err))
		}
	}
	all := make([]policyengine.Helper, 0, len(functions))
	for _, f := range functions {
		h := policyengine.Helper{
			Name: f.name, Doc: f.spec.GetDoc(), Result: valueType(f.spec.GetResult()), Class: f.class,
			Reads: pathsOf(f.facts), TTL: f.ttl, Condition: f,
		}
		for _, a := range f.spec.GetArgs() {
			h.Args = append(h.Args, valueType(a.GetType()))
		}
		all = append(all, h)
	}
	return all, errors.Join(faults...)
}

// standIn translates a value of the configuration into one of a type.
func standIn(v any, t proto.Type) (policyengine.Value, error) {
	wrapped, err := section(map[string]any{"value": v})
	if err != nil {
		return nil, err
	}
	value := wrapped.GetFields()["value"]
	if value == nil {
		value = structpb.NewNullValue()
	}
	return value.AsInterface(), t.Check(value)
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
