package regotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// The fixture answers for everything that policies can ask.
var (
	_ rego.Users    = (*Fixture)(nil)
	_ rego.Resolver = (*Fixture)(nil)
	_ rego.Web      = (*Fixture)(nil)
	_ rego.Native   = (*Fixture)(nil)
)

// User returns the first user of this name.
func (f *Fixture) User(login string) (*identity.User, error) {
	u, err := f.UserByLogin(context.Background(), "", login)
	if err != nil {
		names := make([]string, len(f.users))
		for i, known := range f.users {
			names[i] = known.Login
		}
		return nil, fmt.Errorf("the fixture has no user %.80q%s", login, config.DidYouMean(login, names))
	}
	return u, nil
}

// UserByLogin implements rego.Users; directories are asked in the order in which
// the fixture has users of them.
func (f *Fixture) UserByLogin(_ context.Context, directory, login string) (*identity.User, error) {
	for _, u := range f.users {
		if (directory == "" || u.Directory == directory) && identity.SameLogin(u.Login, login) {
			return u, nil
		}
	}
	return nil, identity.ErrNotFound
}

// FindUser implements rego.Users.
func (f *Fixture) FindUser(_ context.Context, want filter.Filter) (*identity.User, error) {
	var directories []string
	for _, u := range f.users {
		if !slices.Contains(directories, u.Directory) {
			directories = append(directories, u.Directory)
		}
	}
	byOrder := slices.SortedStableFunc(slices.Values(f.users), func(a, b *identity.User) int {
		if a.Directory != b.Directory {
			return slices.Index(directories, a.Directory) - slices.Index(directories, b.Directory)
		}
		return strings.Compare(a.Login, b.Login)
	})
	for _, u := range byOrder {
		if fits, err := want.User(u); fits || err != nil {
			return u, err
		}
	}
	return nil, identity.ErrNotFound
}

func hostKey(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Lookup implements rego.Resolver. A name that the fixture does not have has no
// addresses, and an address is its own.
func (f *Fixture) Lookup(_ context.Context, host string, version int) ([]string, error) {
	found := f.dns[hostKey(host)]
	if addr, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{addr.Unmap()}
	}
	texts := []string{}
	for _, addr := range found {
		if version == 0 || addr.Is4() == (version == 4) {
			texts = append(texts, addr.String())
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts), nil
}

// Reverse implements rego.Resolver: the first name that has the address.
func (f *Fixture) Reverse(_ context.Context, text string) (string, error) {
	if text == "" {
		return text, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("%.80q is no address", text)
	}
	for _, host := range slices.Sorted(maps.Keys(f.dns)) {
		if slices.Contains(f.dns[host], addr.Unmap()) {
			return host, nil
		}
	}
	return text, nil
}

// response is the answer of a web server.
type response struct {
	Status  int               `yaml:"status" default:"200" min:"100" max:"599"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	JSON    any               `yaml:"json"`
}

// webKey is the key of a request in the fixture: its URL, with the method before
// it where that is not GET.
func webKey(method, url string) string {
	if method == http.MethodGet {
		return url
	}
	return method + " " + url
}

func (f *Fixture) checkWeb(places config.Places) error {
	var faults []error
	for key, r := range f.web {
		at, method := key, http.MethodGet
		if before, rest, ok := strings.Cut(key, " "); ok {
			method, at = before, rest
		}
		u, err := url.Parse(at)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || method != http.MethodGet && method != http.MethodPost:
			faults = append(faults, places.Fault("requests", "%.200q is neither the URL of a GET nor POST and a URL", key))
		case r.JSON != nil && r.Body != "":
			faults = append(faults, places.Fault("requests", "%.200q has a body and json: write one of them", key))
		}
		if method == http.MethodGet && at != key {
			delete(f.web, key)
			f.web[at] = r
		}
	}
	return errors.Join(faults...)
}

// Do implements rego.Web. The parameters of a request are part of its URL.
func (f *Fixture) Do(_ context.Context, method, at string, o webget.Options) (webget.Response, error) {
	u, err := url.Parse(at)
	if err != nil {
		return webget.Response{}, fmt.Errorf("%.200q is no URL", at)
	}
	if len(o.Params) > 0 {
		query := u.Query()
		for name, value := range o.Params {
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
		at = u.String()
	}
	r, ok := f.web[webKey(method, at)]
	if !ok {
		return webget.Response{}, fmt.Errorf("the fixture has no answer for %.200q: add it to requests", webKey(method, at))
	}
	answer := webget.Response{Status: r.Status, Headers: map[string]string{}, Body: r.Body}
	for name, text := range r.Headers {
		answer.Headers[strings.ToLower(name)] = text
	}
	body := []byte(r.Body)
	if r.JSON != nil {
		if body, err = json.Marshal(r.JSON); err != nil {
			return webget.Response{}, fmt.Errorf("the fixture's answer for %.200q: %w", at, err)
		}
		answer.Body = string(body)
	}
	decode := json.NewDecoder(strings.NewReader(string(body)))
	decode.UseNumber()
	if decode.Decode(&answer.JSON) != nil {
		answer.JSON = nil
	}
	return answer, nil
}

// Has implements rego.Native, for the scoped policies of the fixture.
func (f *Fixture) Has(name string) bool {
	_, ok := f.scoped[name]
	return ok
}

// Applies implements rego.Native.
func (f *Fixture) Applies(_ context.Context, name string, _ *policyengine.Input) (bool, error) {
	return f.scoped[name], nil
}

// Reads implements rego.Native.
func (*Fixture) Reads(string) policyengine.Reads { return policyengine.Reads{} }

// answers are what a function of a plugin answers: always the same, or by its
// arguments.
type answers struct {
	fixed any
	cases []answer
}

type answer struct {
	args   []any
	result any
}

// DecodeYAML reads a value, or a list of {args, result}.
func (a *answers) DecodeYAML(v any) error {
	if v == nil {
		return errors.New("has no value: plugins do not answer null")
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 || !slices.ContainsFunc(list, isCase) {
		a.fixed = numbered(v)
		return nil
	}
	for i, item := range list {
		m, _ := item.(map[string]any)
		args, isList := m["args"].([]any)
		result, known := m["result"]
		if !isList || !known || result == nil || len(m) != 2 {
			return fmt.Errorf("item %d: write {args: [ARGUMENT, …], result: VALUE}", i+1)
		}
		a.cases = append(a.cases, answer{numbered(args).([]any), numbered(result)})
	}
	return nil
}

func isCase(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["args"] != nil
}

// numbered makes float64 of all numbers, as helpers have them.
func numbered(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = numbered(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key := range v {
			object[key] = numbered(v[key])
		}
		return object
	}
	return v
}

// results are all values that the function can answer with.
func (a *answers) results() []any {
	if a.cases == nil {
		return []any{a.fixed}
	}
	all := make([]any, len(a.cases))
	for i := range a.cases {
		all[i] = a.cases[i].result
	}
	return all
}

var functionName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*\z`)

func (f *Fixture) checkPlugins(places config.Places) error {
	var faults []error
	for name, a := range f.plugins {
		if !functionName.MatchString(name) {
			faults = append(faults, places.Fault("plugins", "%.80q is no name of a function: write PLUGIN.FUNCTION", name))
		}
		results := a.results()
		for i := range results {
			if policyengine.TypeOf(results[i]) != policyengine.TypeOf(results[0]) {
				faults = append(faults, places.Fault("plugins."+name, "its results are of several types: a function has results of one"))
				break
			}
		}
		for i := range a.cases {
			if len(a.cases[i].args) != len(a.cases[0].args) {
				faults = append(faults, places.Fault("plugins."+name, "item %d has %d arguments, and item 1 has %d", i+1, len(a.cases[i].args), len(a.cases[0].args)))
			}
		}
	}
	return errors.Join(faults...)
}

// function answers for a function of a plugin.
type function struct {
	name    string
	answers *answers
}

// Check implements policyengine.Condition.
func (f function) Check(_ context.Context, _ *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	switch {
	case f.answers == nil:
		return nil, fmt.Errorf("the fixture has no answer for %s: add it to plugins", f.name)
	case f.answers.cases == nil:
		return f.answers.fixed, nil
	}
	for _, c := range f.answers.cases {
		if reflect.DeepEqual(c.args, args) {
			return c.result, nil
		}
	}
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the fixture has no answer for %s with the arguments %.200s", f.name, text)
}
