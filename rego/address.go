package rego

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/internal/pyip"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// addressBuiltins are the functions about IP addresses and networks. Their rules
// are those of package pyip.
func addressBuiltins() []*builtin {
	textOrObject := types.NewAny(types.S, objectType())
	addr, network := arg{"address", textOrObject}, arg{"network", textOrObject}
	texts := types.NewAny(types.NewArray(nil, types.A), types.NewSet(types.A))
	all := []*builtin{
		{
			name: "ip_address", args: []arg{{"text", types.S}}, result: objectType(),
			doc: "Takes an address apart: addr, version, int, is_private, is_global, …", example: `ip_address(input.client_ip).is_private`,
			literal: literals(checkAddress),
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				text, err := stringArg(args, 0, "the address")
				if err != nil {
					return nil, err
				}
				a, err := pyip.ParseAddress(text)
				if err != nil {
					return nil, err
				}
				return addressObject(a), nil
			},
		},
		{
			name: "ip_network", args: []arg{{"text", types.S}}, result: objectType(),
			doc: "Takes a network apart: net, version, prefixlen, network_address, …", example: `ip_network("10.0.0.0/8").num_addresses`,
			literal: literals(checkNetwork),
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				text, err := stringArg(args, 0, "the network")
				if err != nil {
					return nil, err
				}
				n, err := pyip.ParseNetwork(text, true)
				if err != nil {
					return nil, err
				}
				return networkObject(n), nil
			},
		},
		{
			name: "ip_in_network", args: []arg{addr, network}, result: types.B,
			doc: "Tells whether the address is in the network.", example: `ip_in_network(input.client_ip, "10.0.0.0/8")`,
			literal: literals(checkAddress, checkNetwork),
			call:    inNetwork,
		},
		{
			name: "ip_in_any", args: []arg{addr, {"networks", texts}}, result: types.B,
			doc: "Tells whether the address is in one of the networks.", example: `ip_in_any(input.client_ip, ["10.0.3.0/24", "10.0.10.0/24"])`,
			literal: literals(checkAddress, checkNetworks),
			call:    inAny,
		},
		{
			name: "ip_add", args: []arg{addr, {"n", types.N}}, result: types.S,
			doc: "The address n places on, or back.", example: `ip_add("192.0.2.1", 10)`,
			literal: literals(checkAddress),
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				a, err := addressArg(args[0])
				if err != nil {
					return nil, err
				}
				n, err := integerArg(args, 1, "the number")
				if err != nil {
					return nil, err
				}
				sum, err := a.Add(n)
				if err != nil {
					return nil, err
				}
				return ast.String(sum.String()), nil
			},
		},
		{
			name: "ip_compare", args: []arg{addr, addr}, result: types.N,
			doc: "-1, 0 or 1: the first address is below, the same as or above the second.", example: `ip_compare(input.client_ip, "192.0.2.10") < 0`,
			literal: literals(checkAddress, checkAddress),
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				a, err := addressArg(args[0])
				if err != nil {
					return nil, err
				}
				b, err := addressArg(args[1])
				if err != nil {
					return nil, err
				}
				order, err := pyip.Compare(a, b)
				if err != nil {
					return nil, err
				}
				return number(int64(order)), nil
			},
		},
		{
			name: "net_relation", args: []arg{network, network}, result: types.S,
			doc: "What the first network is to the second: equal, subnet, supernet, overlap or disjoint.", example: `net_relation("10.1.0.0/16", "10.0.0.0/8") == "subnet"`,
			literal: literals(checkNetwork, checkNetwork),
			call: func(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
				a, err := networkArg(args[0])
				if err != nil {
					return nil, err
				}
				b, err := networkArg(args[1])
				if err != nil {
					return nil, err
				}
				return ast.String(pyip.Relation(a, b)), nil
			},
		},
	}
	for _, b := range all {
		b.class, b.cost = policyengine.Deterministic, 1
	}
	return all
}

func inNetwork(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
	a, err := addressArg(args[0])
	if err != nil {
		return nil, err
	}
	n, err := networkArg(args[1])
	if err != nil {
		return nil, err
	}
	return ast.Boolean(n.Contains(a)), nil
}

// inAny looks at all networks, so that a wrong one is an error wherever it is.
func inAny(_ context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
	a, err := addressArg(args[0])
	if err != nil {
		return nil, err
	}
	in := false
	err = eachItem(args[1], "the networks", func(t *ast.Term) error {
		n, err := networkArg(t.Value)
		in = in || err == nil && n.Contains(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ast.Boolean(in), nil
}

// eachItem goes through an array or a set.
func eachItem(v ast.Value, name string, item func(*ast.Term) error) error {
	switch v := v.(type) {
	case *ast.Array:
		return v.Iter(item)
	case ast.Set:
		return v.Iter(item)
	}
	return wrongType(v, name, "an array or a set")
}

// textOf is the text of an argument that is one, or an object with one.
func textOf(v ast.Value, key, name string) (string, error) {
	if o, ok := v.(ast.Object); ok {
		v = rule(o, key)
		name = key + " of " + name
	}
	s, ok := v.(ast.String)
	if !ok {
		return "", wrongType(v, name, "a string")
	}
	return string(s), nil
}

func addressArg(v ast.Value) (pyip.Address, error) {
	text, err := textOf(v, "addr", "the address")
	if err != nil {
		return pyip.Address{}, err
	}
	return pyip.ParseAddress(text)
}

func networkArg(v ast.Value) (pyip.Network, error) {
	text, err := textOf(v, "net", "the network")
	if err != nil {
		return pyip.Network{}, err
	}
	return pyip.ParseNetwork(text, true)
}

func addressObject(a pyip.Address) ast.Value {
	mapped, scope := ast.NullValue, ast.NullValue
	if v4, ok := a.IPv4Mapped(); ok {
		mapped = ast.String(v4.String())
	}
	if zone, ok := a.ScopeID(); ok {
		scope = ast.String(zone)
	}
	return objectOf(map[string]ast.Value{
		"addr": ast.String(a.String()), "version": number(int64(a.Version())), "int": ast.String(a.Int()),
		"is_private": ast.Boolean(a.IsPrivate()), "is_global": ast.Boolean(a.IsGlobal()),
		"is_loopback": ast.Boolean(a.IsLoopback()), "is_multicast": ast.Boolean(a.IsMulticast()),
		"is_link_local": ast.Boolean(a.IsLinkLocal()), "is_reserved": ast.Boolean(a.IsReserved()),
		"is_unspecified": ast.Boolean(a.IsUnspecified()), "ipv4_mapped": mapped, "scope_id": scope,
	})
}

func networkObject(n pyip.Network) ast.Value {
	return objectOf(map[string]ast.Value{
		"net": ast.String(n.String()), "version": number(int64(n.Version())), "prefixlen": number(int64(n.PrefixLen())),
		"network_address": ast.String(n.NetworkAddress().String()), "broadcast_address": ast.String(n.BroadcastAddress().String()),
		"num_addresses": ast.String(n.NumAddresses()), "is_private": ast.Boolean(n.IsPrivate()),
	})
}

func objectOf(values map[string]ast.Value) ast.Object {
	items := make([][2]*ast.Term, 0, len(values))
	for key, v := range values {
		items = append(items, ast.Item(ast.InternedTerm(key), ast.NewTerm(v)))
	}
	return ast.NewObject(items...)
}

// literals checks each argument that is written down with its check; those
// without one are not looked at.
func literals(checks ...func(v ast.Value) error) func(args []*ast.Term) []error {
	return func(args []*ast.Term) []error {
		faults := make([]error, len(args))
		for i, check := range checks {
			if check != nil && isData(args[i]) {
				faults[i] = check(args[i].Value)
			}
		}
		return faults
	}
}

func checkAddress(v ast.Value) error {
	_, err := addressArg(v)
	return err
}

func checkNetwork(v ast.Value) error {
	_, err := networkArg(v)
	return err
}

func checkNetworks(v ast.Value) error {
	return eachItem(v, "the networks", func(t *ast.Term) error { return checkNetwork(t.Value) })
}
