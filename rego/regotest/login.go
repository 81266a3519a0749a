package regotest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// Login is a login that policies can be asked about: its input document, and what
// it says as functions know it.
type Login struct {
	Input    *policyengine.Input
	Document ast.Value
}

// Login is a login of a user, by password over RADIUS, at the fixture's time. The
// overrides are put over the input document, deeply.
func (f *Fixture) Login(username string, overrides map[string]any) (*Login, error) {
	u, err := f.User(username)
	if err != nil {
		return nil, err
	}
	return f.override(f.input(u), overrides)
}

// Given is the login that an input document describes. What it leaves out is as
// Login has it; whoever it names need not be a user of the fixture.
func (f *Fixture) Given(document map[string]any) (*Login, error) {
	return f.override(f.input(&identity.User{Active: true}), document)
}

// input is what is known of a login where a test says nothing else.
func (f *Fixture) input(u *identity.User) *policyengine.Input {
	return &policyengine.Input{
		RequestID: "test", Protocol: "radius", Operation: "auth", Application: "test",
		User: u, Login: u.Login, Realm: "test", Source: policyengine.Source{Name: u.Directory, Type: "local"},
		ClientIP: netip.AddrFrom4([4]byte{192, 0, 2, 10}), ClientIPKnown: true, PeerIP: netip.AddrFrom4([4]byte{10, 0, 0, 1}),
		AuthMethod: "password", Now: f.now,
	}
}

// override puts overrides over the document of a login.
func (f *Fixture) override(in *policyengine.Input, overrides map[string]any) (*Login, error) {
	return Override(in, overrides, f.memberships)
}

// Override puts overrides over the input document of a login: objects are merged,
// everything else replaces what was there. Unknown keys are errors, but where any
// key can be: in attributes, in auth_method_args and prompt_data, and in context.
// What belongs together stays so: the pending user is the user, an address that is
// located is known to be, a bind is one over LDAP, and all of now is what
// now.rfc3339 says, unless the overrides say otherwise. groups tells of groups by
// name.
func Override(in *policyengine.Input, overrides map[string]any, groups func([]string) []identity.Membership) (*Login, error) {
	now, err := moment(in.Now, overrides)
	if err != nil {
		return nil, err
	}
	base := *in
	base.Now = now
	whole, err := ast.JSON(rego.Document(&base))
	if err != nil {
		return nil, fmt.Errorf("make the input document: %w", err)
	}
	document, ok := whole.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("make the input document: it is no object")
	}
	if err := merge(document, consequences(overrides), ""); err != nil {
		return nil, err
	}
	if request, ok := overrides["request"].(map[string]any); ok && request["user"] != nil {
		context := document["context"].(map[string]any)
		context["pending_user"] = document["request"].(map[string]any)["user"]
	}
	if err := merge(document, overrides, ""); err != nil {
		return nil, err
	}
	changed, err := inputOf(&base, document, groups)
	if err != nil {
		return nil, err
	}
	value, err := ast.InterfaceToValue(document)
	if err != nil {
		return nil, fmt.Errorf("make the input document: %w", err)
	}
	return &Login{changed, value}, nil
}

// moment is the time of a login: what overrides.now.rfc3339 says, or now.
func moment(now time.Time, overrides map[string]any) (time.Time, error) {
	said, _ := overrides["now"].(map[string]any)
	text, ok := said["rfc3339"].(string)
	if !ok {
		return now, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return now, fmt.Errorf("now.rfc3339 is %.80q: write it as 2026-01-31T08:00:00Z", text)
	}
	if _, offset := t.Zone(); offset == offsetAt(t, now.Location()) {
		return t.In(now.Location()), nil
	}
	return t.In(zoneOf(t)), nil
}

func offsetAt(t time.Time, zone *time.Location) int {
	_, offset := t.In(zone).Zone()
	return offset
}

// consequences are what overrides imply, the parts of request.user and what other
// keys say without words.
func consequences(overrides map[string]any) map[string]any {
	implied := map[string]any{}
	for _, part := range []string{"geoip", "asn"} {
		if said, ok := overrides[part].(map[string]any); ok {
			known := slices.ContainsFunc(slices.Collect(maps.Values(said)), func(v any) bool { return v != nil && v != false })
			implied[part] = map[string]any{"known": known}
		}
	}
	request, ok := overrides["request"].(map[string]any)
	if !ok {
		return implied
	}
	of := map[string]any{}
	if request["protocol"] == "ldap" {
		of["operation"] = "bind"
	}
	if user, ok := request["user"].(map[string]any); ok {
		of["user"] = user
		if name, ok := user["source"]; ok {
			implied["context"] = map[string]any{"source": map[string]any{"name": name}}
		}
	}
	implied["request"] = of
	return implied
}

// freeKeys are the places whose keys are anything.
var freeKeys = []string{
	"context", "context.auth_method_args", "context.prompt_data", "radius.attributes",
	"request.user.attributes", "context.pending_user.attributes",
}

// merge puts one object over another.
func merge(onto, over map[string]any, path string) error {
	for _, key := range slices.Sorted(maps.Keys(over)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		below, known := onto[key]
		if !known && !slices.Contains(freeKeys, path) {
			return fmt.Errorf("the input has no %s%s", at, config.DidYouMean(key, slices.Sorted(maps.Keys(onto))))
		}
		v := over[key]
		above, isObject := v.(map[string]any)
		object, wasObject := below.(map[string]any)
		switch {
		case isObject && wasObject:
			object = maps.Clone(object)
			if err := merge(object, above, at); err != nil {
				return err
			}
			onto[key] = object
		case wasObject:
			return fmt.Errorf("the input's %s is an object, and not %s", at, kindOf(v))
		default:
			onto[key] = v
		}
	}
	return nil
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// Made tells whether a front-end could have made the login: its document says
// nothing that its Input does not.
func Made(l *Login) bool { return rego.Document(l.Input).Compare(l.Document) == 0 }

// Explainer tells how policies come to their results; a rego.Set is one.
type Explainer interface {
	ExplainDocument(ctx context.Context, name string, in *policyengine.Input, document ast.Value) (policyengine.Explanation, error)
}

var _ Explainer = (*rego.Set)(nil)
