package regotest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/rego/regotest"
)

const people = `clock: 2026-11-25T10:30:00+01:00
users:
  - {username: alice, email: alice@corp.example, groups: [staff, admins], attributes: {room: ["1"]}, authenticators: [totp]}
groups: [{name: staff, attributes: {vlan: ["10"]}}, {name: guests, dn: cn=guests}]
`

// login makes a login of alice with overrides, written in JSON.
func login(t *testing.T, overrides string) (*regotest.Login, error) {
	t.Helper()
	v, err := ast.ValueFromReader(strings.NewReader(overrides))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ast.JSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return fixture(t, people).Login("alice", plain.(map[string]any))
}

func TestLogin(t *testing.T) {
	for name, tt := range map[string]struct{ overrides, path, want string }{
		"defaults":                       {`{}`, "request.protocol", `"radius"`},
		"operation":                      {`{}`, "request.operation", `"auth"`},
		"client":                         {`{}`, "client_ip", `"192.0.2.10"`},
		"client known":                   {`{}`, "client_ip_known", `true`},
		"peer":                           {`{}`, "peer_ip", `"10.0.0.1"`},
		"method":                         {`{}`, "context.auth_method", `"password"`},
		"clock":                          {`{}`, "now.weekday", `"Wednesday"`},
		"zone":                           {`{}`, "now.tz", `"+01:00"`},
		"pk":                             {`{}`, "request.user.pk", `"local/alice"`},
		"scalars replace":                {`{"client_ip": "10.1.1.1"}`, "client_ip", `"10.1.1.1"`},
		"null replaces":                  {`{"context": {"auth_method": null}}`, "context.auth_method", `null`},
		"arrays replace":                 {`{"request": {"user": {"groups": ["guests"]}}}`, "request.user.groups", `["guests"]`},
		"objects are merged":             {`{"request": {"user": {"attributes": {"x": ["y"]}}}}`, "request.user.attributes", `{"room":["1"],"x":["y"]}`},
		"the pending user is the user":   {`{"request": {"user": {"name": "A"}}}`, "context.pending_user.name", `"A"`},
		"unless said otherwise":          {`{"request": {"user": {"name": "A"}}, "context": {"pending_user": {"name": "B"}}}`, "context.pending_user.name", `"B"`},
		"kwargs":                         {`{"context": {"min_factors": 2}}`, "context.min_factors", `2`},
		"a located address is known":     {`{"geoip": {"country": "DE"}}`, "geoip.known", `true`},
		"as is a network":                {`{"asn": {"asn": 3320}}`, "asn.known", `true`},
		"unless it is not":               {`{"geoip": {"country": "DE", "known": false}}`, "geoip.known", `false`},
		"a bind":                         {`{"request": {"protocol": "ldap"}}`, "request.operation", `"bind"`},
		"the source of the user":         {`{"request": {"user": {"source": "corp-ad"}}}`, "context.source.name", `"corp-ad"`},
		"all of now":                     {`{"now": {"rfc3339": "2026-11-29T23:05:00+01:00"}}`, "now", `{"hour":23,"minute":5,"rfc3339":"2026-11-29T23:05:00+01:00","tz":"+01:00","unix":1795989,"weekday":"Sunday"}`},
		"a part of now":                  {`{"now": {"hour": 3}}`, "now.hour", `3`},
		"now in another zone":            {`{"now": {"rfc3339": "2026-11-29T23:05:00Z"}}`, "now.tz", `"UTC"`},
		"attributes of the packet":       {`{"radius": {"attributes": {"Class": ["x"]}}}`, "radius.attributes.Class", `["x"]`},
		"arguments of the method":        {`{"context": {"auth_method_args": {"mfa": {"a": 1}}}}`, "context.auth_method_args.mfa.a", `1`},
		"an application of its own name": {`{"context": {"application": {"slug": "mail"}}}`, "context.application.slug", `"mail"`},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := login(t, tt.overrides)
			if err != nil {
				t.Fatal(err)
			}
			ref := ast.Ref{}
			for key := range strings.SplitSeq(tt.path, ".") {
				ref = append(ref, ast.StringTerm(key))
			}
			v, err := l.Document.Find(ref)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := ast.JSON(v)
			if err != nil {
				t.Fatal(err)
			}
			if now, ok := plain.(map[string]any); ok && now["unix"] != nil {
				now["unix"] = now["unix"].(json.Number)[:7]
			}
			if got, _ := json.Marshal(plain); string(got) != tt.want {
				t.Errorf("%s is %s, want %s", tt.path, got, tt.want)
			}
		})
	}
}

// TestLoginInput: what functions know of the login is what the document says.
func TestLoginInput(t *testing.T) {
	l, err := login(t, `{
		"request": {"id": "r", "protocol": "ldap", "user": {"groups": ["guests", "staff"], "type": "service", "last_login": "2026-01-01T00:00:00Z"}, "obj": {"name": "corp"}},
		"context": {"application": {"slug": "mail"}, "auth_method": "push"},
		"client_ip": "2001:db8::1", "client_ip_known": false, "peer_ip": null,
		"geoip": {"country": "DE", "lat": 52.5}, "asn": {"asn": 3320, "as_org": "T"},
		"ldap": {"tls": "1.3"}, "radius": {"nas_identifier": "gw", "attributes": {"Class": ["x"]}},
		"now": {"rfc3339": "2026-11-29T23:05:00+01:00"}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	in := l.Input
	u := in.User
	if in.RequestID != "r" || in.Protocol != "ldap" || in.Operation != "bind" || in.Realm != "corp" || in.Application != "mail" || in.AuthMethod != "push" ||
		in.ClientIP.String() != "2001:db8::1" || in.ClientIPKnown || in.PeerIP.IsValid() || in.Geo.Country != "DE" || in.Geo.Lat != 52.5 || !in.Geo.Known ||
		in.ASN.ASN != 3320 || in.LDAP.TLS != "1.3" || in.RADIUS.NASIdentifier != "gw" || in.RADIUS.Attributes["Class"][0] != "x" || in.Now.Hour() != 23 {
		t.Errorf("%+v", in)
	}
	if !u.Service || u.LastLogin.IsZero() || len(u.Memberships) != 2 || u.Memberships[0].DN != "cn=guests" || u.Memberships[1].Attributes["vlan"][0] != "10" {
		t.Errorf("%+v", u)
	}
	if regotest.Made(l) {
		t.Error("the name of the application is not its key, and yet a login says so")
	}
	if l, err = login(t, `{"client_ip": "10.0.0.9", "request": {"user": {"groups": ["x"]}}}`); err != nil || !regotest.Made(l) {
		t.Errorf("a front-end could have made %v, %v", l, err)
	}
}

func TestLoginFaults(t *testing.T) {
	for overrides, want := range map[string]string{
		`{"client_pi": "10.0.0.1"}`:                          `the input has no client_pi, did you mean "client_ip"?`,
		`{"request": {"usr": {}}}`:                           `the input has no request.usr, did you mean "user"?`,
		`{"request": {"user": {"group": []}}}`:               `the input has no request.user.group, did you mean "groups"?`,
		`{"context": {"pending_user": {"x": 1}}}`:            `the input has no context.pending_user.x`,
		`{"geoip": {"land": "DE"}}`:                          `the input has no geoip.land`,
		`{"geoip": null}`:                                    `the input's geoip is an object, and not null`,
		`{"context": {"application": "mail"}}`:               `the input's context.application is an object, and not a string`,
		`{"client_ip": "10.0.0"}`:                            `the input's client_ip is "10.0.0": it must be an address`,
		`{"client_ip": "::ffff:10.0.0.1"}`:                   `as a login has it`,
		`{"client_ip": 5}`:                                   `the input's client_ip is 5: it must be a string or null`,
		`{"client_ip_known": "yes"}`:                         `it must be true or false`,
		`{"request": {"user": {"groups": "staff"}}}`:         `request.user.groups is "staff": it must be an array of strings`,
		`{"request": {"user": {"groups": [1]}}}`:             `it must be an array of strings`,
		`{"request": {"user": {"attributes": {"x": "y"}}}}`:  `it must be an object with arrays of strings`,
		`{"request": {"user": {"type": "robot"}}}`:           `it must be "person" or "service"`,
		`{"request": {"user": {"last_login": "yesterday"}}}`: `it must be a time`,
		`{"now": {"rfc3339": "noon"}}`:                       `now.rfc3339 is "noon": write it as`,
		`{"now": {"hour": "ten"}}`:                           `it must be a number`,
		`{"asn": {"asn": -1}}`:                               `it must be a number of a network`,
		`{"context": {"auth_method": 1}}`:                    `it must be a string or null`,
	} {
		if _, err := login(t, overrides); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", overrides, err, want)
		}
	}
	if _, err := fixture(t, people).Login("alcie", nil); err == nil || !strings.Contains(err.Error(), `did you mean "alice"?`) {
		t.Errorf("%v", err)
	}
}
