package plugins

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// toValue takes what policies compute with: the types of policyengine.Value, and
// the numbers of encoding/json.
func toValue(v policyengine.Value) (*structpb.Value, error) {
	if n, ok := v.(json.Number); ok {
		f, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("%.40s is not a number: %w", n, err)
		}
		return structpb.NewNumberValue(f), nil
	}
	return structpb.NewValue(v)
}

// fromValue is a value as policies compute with it.
func fromValue(v *structpb.Value) policyengine.Value { return v.AsInterface() }

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
