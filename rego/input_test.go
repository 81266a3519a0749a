package rego

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// known is a login of which everything is known, unknown one of which nothing
// is.
func known() *policyengine.Input {
	in := alice()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	in.Login, in.ClientIPKnown, in.AuthMethod = "alice@corp", true, "password"
	in.User = &identity.User{
		ID: "7", Login: "alice", DN: "uid=alice,dc=example", Name: "Alice A.", Email: "alice@example.org", Directory: "ad",
		Active: true, Superuser: true, Service: true, Groups: []string{"staff", "vpn-users"},
		Attributes: map[string][]string{"phone": {"1", "2"}, "room": nil}, Authenticators: []string{"totp"},
		PasswordChanged: at, LastLogin: at.Add(time.Hour),
	}
	in.RADIUS = policyengine.RADIUSFacts{
		NASIdentifier: "gw", NASIP: "10.0.0.1", NASPortType: "Virtual", CalledStationID: "a", CallingStationID: "b", ServiceType: "Login-User",
		Attributes: map[string][]string{"Filter-Id": {"x"}},
	}
	in.LDAP = policyengine.LDAPFacts{BindDN: "uid=alice", BaseDN: "dc=example", TLS: "1.3"}
	in.Geo = policyengine.GeoFacts{Known: true, Continent: "EU", Country: "FR", City: "Paris", Lat: 48.85, Long: 2.35}
	in.ASN = policyengine.ASNFacts{Known: true, ASN: 64500, Org: "Example", Network: "198.51.100.0/24"}
	return in
}

func unknown() *policyengine.Input { return &policyengine.Input{User: &identity.User{}} }

// wholeDocument is the input document of both. A key that is missing in one of
// them would make "not" true in policies.
var wholeDocument = map[string]struct {
	in   *policyengine.Input
	want string
}{
	"known": {known(), `{
		"asn": {"as_org": "Example", "asn": 64500, "known": true, "network": "198.51.100.0/24"},
		"client_ip": "198.51.100.7",
		"client_ip_known": true,
		"context": {"application": {"name": "vpn", "slug": "vpn"}, "auth_method": "password", "auth_method_args": {}, "flow_plan": null, "is_restored": null, "pending_user": {"attributes": {"phone": ["1", "2"], "room": []}, "authenticators": ["totp"], "dn": "uid=alice,dc=example", "email": "alice@example.org", "groups": ["staff", "vpn-users"], "is_active": true, "is_superuser": true, "last_login": "2026-02-03T05:05:06Z", "name": "Alice A.", "password_change_time": "2026-02-03T04:05:06Z", "pk": "7", "source": "ad", "type": "service", "username": "alice"}, "prompt_data": {}, "source": {"name": "local", "type": "local"}},
		"geoip": {"city": "Paris", "continent": "EU", "country": "FR", "known": true, "lat": 48.85, "long": 2.35},
		"is_sso_flow": false,
		"ldap": {"base_dn": "dc=example", "bind_dn": "uid=alice", "tls": "1.3"},
		"now": {"hour": 9, "minute": 30, "rfc3339": "2026-11-21T09:30:00Z", "tz": "UTC", "unix": 1795253400, "weekday": "Saturday"},
		"peer_ip": "10.0.0.1",
		"radius": {"attributes": {"Filter-Id": ["x"]}, "called_station_id": "a", "calling_station_id": "b", "nas_identifier": "gw", "nas_ip": "10.0.0.1", "nas_port_type": "Virtual", "service_type": "Login-User"},
		"request": {"http_request": null, "id": "r1", "obj": {"name": "corp", "type": "realm"}, "operation": "auth", "protocol": "radius", "user": {"attributes": {"phone": ["1", "2"], "room": []}, "authenticators": ["totp"], "dn": "uid=alice,dc=example", "email": "alice@example.org", "groups": ["staff", "vpn-users"], "is_active": true, "is_superuser": true, "last_login": "2026-02-03T05:05:06Z", "name": "Alice A.", "password_change_time": "2026-02-03T04:05:06Z", "pk": "7", "source": "ad", "type": "service", "username": "alice"}}
	}`},
	"unknown": {unknown(), `{
		"asn": {"as_org": null, "asn": null, "known": false, "network": null},
		"client_ip": null,
		"client_ip_known": false,
		"context": {"application": {"name": "", "slug": ""}, "auth_method": null, "auth_method_args": {}, "flow_plan": null, "is_restored": null, "pending_user": {"attributes": {}, "authenticators": [], "dn": null, "email": null, "groups": [], "is_active": false, "is_superuser": false, "last_login": null, "name": null, "password_change_time": null, "pk": "", "source": "", "type": "person", "username": ""}, "prompt_data": {}, "source": {"name": "", "type": null}},
		"geoip": {"city": null, "continent": null, "country": null, "known": false, "lat": null, "long": null},
		"is_sso_flow": false,
		"ldap": {"base_dn": null, "bind_dn": null, "tls": null},
		"now": {"hour": 0, "minute": 0, "rfc3339": "0001-01-01T00:00:00Z", "tz": "UTC", "unix": -62135596800, "weekday": "Monday"},
		"peer_ip": null,
		"radius": {"attributes": {}, "called_station_id": null, "calling_station_id": null, "nas_identifier": null, "nas_ip": null, "nas_port_type": null, "service_type": null},
		"request": {"http_request": null, "id": null, "obj": {"name": "", "type": "realm"}, "operation": null, "protocol": null, "user": {"attributes": {}, "authenticators": [], "dn": null, "email": null, "groups": [], "is_active": false, "is_superuser": false, "last_login": null, "name": null, "password_change_time": null, "pk": "", "source": "", "type": "person", "username": ""}}
	}`},
}

func TestWholeDocument(t *testing.T) {
	for name, tt := range wholeDocument {
		got := newDocument([]policyengine.Path{wholeInput}).of(tt.in)
		if diff := cmp.Diff(ast.MustParseTerm(tt.want).String(), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDocumentOfASet compares what policies say of the document that was made
// for them with what they say of the whole one.
func TestDocumentOfASet(t *testing.T) {
	policies := []string{
		"raw_result := 1",
		"u := input.request.user\nraw_result := u",
		"raw_result := input",
		"raw_result := input[k] if k := \"ldap\"",
		"raw_result := {k: v | some k, v in input.radius}",
		"raw_result := [p | walk(input.context, [p, _])]",
		"raw_result := input.request[input.context.auth_method]",
		"raw_result := input.radius[input.request.protocol]",
		`raw_result := input.radius.attributes["Filter-Id"]`,
		"raw_result := lib.ldap",
		"f(x) := x.country\nraw_result := f(input.geoip)",
		"raw_result := x if some x in [input.asn, input.now]",
		`raw_result := x if x := input.request.user with input.request.user.name as "x"`,
		`raw_result := x if x := lib.ldap with input.ldap.tls as input.peer_ip`,
		`raw_result := x if x := lib.ldap with input as {"ldap": input.context}`,
		`raw_result := object.get(input, ["request", "user", "groups"], 1)`,
		`raw_result := ak_is_group_member(input.request.user, {"name": "staff"})`,
		`raw_result := ak_is_group_member(input.context.pending_user.username, {"name": "staff"})`,
		`raw_result := plugin.watchlist.listed("x")`,
		`raw_result := [u.email, u.name] if u := input.request.user`,
		`raw_result := [n.hour, n.nothing] if n := input.now`,
		`raw_result := 1 if { u := input.request.user; not u.nothing }`,
		`raw_result := 1 if { u := input.ldap.nothing; u.x }`,
		`raw_result := [x | u := input.request.user; some x in u.groups] if not input.request.user.nothing`,
		`raw_result := [u.name, u] if u := input.context.pending_user`,
		`raw_result := {k: u[k] | u := input.radius; some k in ["nas_ip", "nas_port_type"]}`,
		`raw_result := 1 if { u := input.request.user; not ak_user_has_authenticator(u, "totp") } else := 2 if { u := input.request.user; u.email }`,
		`raw_result := [x | every u in [input.request.user] { u.username != "" }; x := input.request.user.pk]`,
		`raw_result := [x | u = input.request.user; x := u.pk] if [u | u = input.request.user; u.name] == []`,
		`raw_result := x if { x := ak_call_policy("p2", {"auth_method": input.client_ip}).raw_result }`,
		`raw_result := x if { x := ak_call_policy("p2", {}).raw_result }`,
		`raw_result := {sprintf("%v", [input.client_ip]), json.marshal(input.request.obj)}`,
		`raw_result := "none" if not input.geoip.country == "FR" else := input.request.http_request`,
	}
	whole := newDocument([]policyengine.Path{wholeInput})
	for _, path := range paths(whole, "input") {
		policies = append(policies, fmt.Sprintf("raw_result := %s\nallow if not %[1]s == 5\nmessages contains \"x\" if %[1]s", path))
	}
	for _, lines := range policies {
		set, err := load(t, map[string]string{
			"l.rego":  "package sallyport.lib.l\nldap := input.ldap",
			"p2.rego": "package sallyport.policies.p2\ndefault allow := false\nraw_result := [input.context.auth_method, c.source.name] if c := input.context",
			"p.rego":  "package sallyport.policies.p\nimport data.sallyport.lib.l as lib\ndefault allow := false\n" + lines,
		}, listed)
		if err != nil {
			t.Fatal(err)
		}
		own, all := set.policies["p"], *set.policies["p"]
		all.document = whole
		for name, tt := range wholeDocument {
			want, wantErr := all.Eval(t.Context(), tt.in)
			got, gotErr := own.Eval(t.Context(), tt.in)
			if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
				t.Errorf("%s: %s (-whole +own):\n%s\nerrors %v, %v", name, lines, diff, wantErr, gotErr)
			}
		}
	}
}

// paths lists the document and all of its parts.
func paths(p *part, path string) []string {
	all := []string{path}
	for i := range p.parts {
		below := &p.parts[i]
		all = append(all, paths(below, path+"."+string(below.key.Value.(ast.String)))...)
	}
	return all
}

func TestDocumentParts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", []string{""}, `{}`},
		{"a key", []string{"allow if input.client_ip_known"}, `{"client_ip_known": true}`},
		{"a key below", []string{"allow if input.request.user.groups[_] == 5"}, `{"request": {"user": {"groups": ["staff", "vpn-users"]}}}`},
		{"below a value", []string{`allow if input.radius.attributes["Filter-Id"]`}, `{"radius": {"attributes": {"Filter-Id": ["x"]}}}`},
		{"an object", []string{"allow if input.ldap"}, `{"ldap": {"base_dn": "dc=example", "bind_dn": "uid=alice", "tls": "1.3"}}`},
		{"no such key", []string{"allow if input.ldap.nothing"}, `{"ldap": {}}`},
		{"a helper of ours", []string{"allow if ak_is_group_member(input.peer_ip, {})"}, `{"peer_ip": "10.0.0.1"}`},
		{"a plugin", []string{"allow if plugin.watchlist.listed(input.peer_ip)"}, `{"peer_ip": "10.0.0.1"}`},
		{"several policies", []string{"allow if input.peer_ip", "allow if input.ldap.tls", "allow if input.ldap.tls == input.request.id"}, `{"ldap": {"tls": "1.3"}, "peer_ip": "10.0.0.1", "request": {"id": "r1"}}`},
	} {
		files := map[string]string{}
		for i, lines := range tt.lines {
			files[fmt.Sprintf("p%d.rego", i)] = fmt.Sprintf("package sallyport.policies.p%d\ndefault allow := false\n%s\n", i, lines)
		}
		set, err := load(t, files, listed)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range set.policies {
			if diff := cmp.Diff(ast.MustParseTerm(tt.want).String(), p.document.of(known()).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
}
