package rego

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Resolver asks name servers. That there is no answer is an answer: no addresses,
// or the address itself as its name. An error is a bad argument or the end of ctx.
type Resolver interface {
	// Lookup returns the addresses of a host, of IP version 4 or 6 or, for 0, both,
	// sorted.
	Lookup(ctx context.Context, host string, version int) ([]string, error)
	// Reverse returns the first name of an address.
	Reverse(ctx context.Context, addr string) (string, error)
}

// Web asks web servers, those that the configuration allows.
type Web interface {
	Do(ctx context.Context, method, url string, o webget.Options) (webget.Response, error)
}

const maxWebBody = 64 << 10 // octets that a policy can send

// networkBuiltins are the functions that ask the network.
func networkBuiltins(w *world) []*builtin {
	all := []*builtin{
		{
			name: "resolve_dns", args: []arg{{"host", types.S}, {"version", types.N}}, result: types.NewArray(nil, types.S),
			doc:     "The addresses of a host, sorted: of IP version 4 or 6, or for 0 of both. None if there are none, or no server answers.",
			example: `input.peer_ip in resolve_dns("vpn.example.org", 4)`,
			literal: func(args []*ast.Term) []error {
				faults := make([]error, 2)
				if n, ok := args[1].Value.(ast.Number); ok {
					_, faults[1] = ipVersion(n)
				}
				return faults
			},
			call: w.resolve,
		},
		{
			name: "reverse_dns", args: []arg{{"address", types.S}}, result: types.S,
			doc:     "The name of an address; the address itself if it has none.",
			example: `endswith(reverse_dns(input.client_ip), ".example.org")`,
			literal: literals(func(v ast.Value) error {
				if v.Compare(ast.String("")) == 0 {
					return nil
				}
				return checkAddress(v)
			}),
			call: w.reverse,
		},
	}
	for _, b := range all {
		b.class, b.cost, b.memoize = policyengine.ReadsNetwork, 4, true
	}
	return append(all, w.requestBuiltin("requests.get", http.MethodGet), w.requestBuiltin("requests.post", http.MethodPost))
}

func (w *world) resolve(ctx context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
	host, err := stringArg(args, 0, "the host")
	if err != nil {
		return nil, err
	}
	version, err := ipVersion(args[1])
	if err != nil {
		return nil, err
	}
	if w.dns == nil {
		return nil, errNoDNS
	}
	addresses, err := w.dns.Lookup(ctx, host, version)
	if err != nil {
		return nil, err
	}
	return list(addresses), nil
}

func (w *world) reverse(ctx context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
	addr, err := stringArg(args, 0, "the address")
	if err != nil {
		return nil, err
	}
	if w.dns == nil {
		return nil, errNoDNS
	}
	name, err := w.dns.Reverse(ctx, addr)
	return ast.String(name), err
}

var errNoDNS = errors.New("name servers are not asked here")

func ipVersion(v ast.Value) (int, error) {
	n, err := integerArg([]ast.Value{v}, 0, "the version")
	if err != nil {
		return 0, err
	}
	for _, known := range []int64{0, 4, 6} {
		if n.IsInt64() && n.Int64() == known {
			return int(known), nil
		}
	}
	return 0, fmt.Errorf("%.60v is no version of IP: give 4, 6 or 0 for both", v)
}

func (w *world) requestBuiltin(name, method string) *builtin {
	keys, what := []string{"headers", "params", "timeout"}, "Asks"
	if method == http.MethodPost {
		keys, what = append(keys, "body", "json"), "Sends something to"
	}
	return &builtin{
		name: name, args: []arg{{"url", types.S}, {"options", objectType()}}, result: objectType(),
		class: policyengine.ReadsNetwork, cost: 4, memoize: method == http.MethodGet, never: "its answers are for the moment",
		doc:     what + " a web server of policies.requests.allow; the answer has status, headers, body and json.",
		example: name + `("https://hr.example.org/on-leave", {}).json.days`,
		call: func(ctx context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
			url, err := stringArg(args, 0, "the URL")
			if err != nil {
				return nil, err
			}
			o, err := webOptions(args[1], keys)
			if err != nil {
				return nil, err
			}
			if w.web == nil {
				return nil, errors.New("not allowed: no web servers are configured in policies.requests.allow")
			}
			if method == http.MethodPost && !policyengine.Effects(ctx) {
				return nil, errEffects
			}
			r, err := w.web.Do(ctx, method, url, o)
			if err != nil {
				return nil, err
			}
			return responseObject(r)
		},
	}
}

// webOptions reads the options of a request, of which these keys are known.
func webOptions(v ast.Value, keys []string) (o webget.Options, err error) {
	m, err := details(v, "the options", maxWebBody)
	if err != nil {
		return o, err
	}
	for _, key := range sortedKeys(m) {
		value := m[key]
		if !slices.Contains(keys, key) {
			return o, fmt.Errorf("there is no option %.60q%s: there are %q", key, config.DidYouMean(key, keys), keys)
		}
		fine := true
		switch key {
		case "headers":
			o.Headers, fine = textsByName(value)
		case "params":
			o.Params, fine = textsByName(value)
		case "body":
			var body string
			body, fine = value.(string)
			o.Body = []byte(body)
		case "json":
			o.JSON = value
		case "timeout":
			o.Timeout, fine = seconds(value)
		}
		if !fine {
			return o, fmt.Errorf("the option %s: headers and params are objects of strings, body is a string, timeout a number of seconds above 0", key)
		}
	}
	return o, nil
}

func textsByName(v any) (map[string]string, bool) {
	m, ok := v.(map[string]any)
	texts := make(map[string]string, len(m))
	for key, value := range m {
		text, isText := value.(string)
		texts[key], ok = text, ok && isText
	}
	return texts, ok
}

func seconds(v any) (time.Duration, bool) {
	const most = 3600
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	s, err := n.Float64()
	return time.Duration(s * float64(time.Second)), err == nil && s > 0 && s <= most
}

func responseObject(r webget.Response) (ast.Value, error) {
	body, err := ast.InterfaceToValue(r.JSON)
	if err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	headers := make([][2]*ast.Term, 0, len(r.Headers))
	for name, text := range r.Headers {
		headers = append(headers, ast.Item(ast.StringTerm(name), ast.StringTerm(text)))
	}
	return objectOf(map[string]ast.Value{"status": number(int64(r.Status)), "headers": ast.NewObject(headers...), "body": ast.String(r.Body), "json": body}), nil
}
