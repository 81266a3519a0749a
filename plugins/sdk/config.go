package sdk

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// Configuration takes a program's section of the configuration.
type Configuration func(ctx context.Context, section map[string]any) error

// Config makes a Configuration that reads the section into a struct and hands it
// over: once after each start, before the first call. What the section leaves out
// is as in defaults. An error refuses the section; make it with ConfigFault, and
// several with errors.Join, so that the administrator sees the place.
//
// T is a struct whose fields have the tag config:"key". They can be texts, bools,
// numbers, time.Duration ("90s"), types with UnmarshalText, any, structs like T,
// pointers to, slices of, and maps by name of these. The keys are strict: one that
// is unknown, or whose value has another type, is a fault at its place.
func Config[T any](defaults T, use func(ctx context.Context, config T) error) Configuration {
	return func(ctx context.Context, section map[string]any) error {
		config := defaults
		if err := decodeConfig(section, &config); err != nil {
			return err
		}
		return use(ctx, config)
	}
}

// ConfigFault says what is wrong with a place of the section, such as
// "sites[0].radius"; "" is all of it.
func ConfigFault(path, format string, args ...any) error {
	return &configFault{path, fmt.Errorf(format, args...)}
}

// configFault is what ConfigFault makes.
type configFault struct {
	path string
	err  error
}

// Error is "path: what".
func (f *configFault) Error() string {
	if f.path == "" {
		return f.err.Error()
	}
	return f.path + ": " + f.err.Error()
}

// Unwrap returns what is wrong, without the place.
func (f *configFault) Unwrap() error { return f.err }

// faultsOf translates the error of a Configuration.
func faultsOf(err error) []*proto.Fault {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		var all []*proto.Fault
		for _, one := range several.Unwrap() {
			all = append(all, faultsOf(one)...)
		}
		return all[:min(len(all), proto.MaxFaults)]
	}
	fault := &proto.Fault{Message: fmt.Sprintf("%.500s", err)}
	if placed, ok := errors.AsType[*configFault](err); ok {
		fault.Path, fault.Message = placed.path, fmt.Sprintf("%.500s", placed.err)
	}
	return []*proto.Fault{fault}
}

// configure hands a section to the plugin, which may panic.
func (s *server) configure(ctx context.Context, section *structpb.Struct) error {
	if s.plugin.Configure == nil {
		if len(section.GetFields()) > 0 {
			return errors.New("the program has no settings: remove the section")
		}
		return nil
	}
	return s.guard("Configure", func() error { return s.plugin.Configure(ctx, section.AsMap()) })
}
