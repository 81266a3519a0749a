package plugins

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestFactsAreThoseOfTheContract(t *testing.T) {
	var names []string
	for _, f := range allFacts() {
		names = append(names, f.name)
	}
	want := proto.Facts()
	slices.Sort(want)
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-contract +host)\n%s", diff)
	}
}

// everything is a login of which all is known.
func everything() *policyengine.Input {
	in := erin()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	in.Source = policyengine.Source{Name: "ad", Type: "ldap"}
	in.AuthMethod, in.PeerIP = "password", netip.MustParseAddr("::ffff:10.0.0.1")
	in.User = &identity.User{
		ID: "5", Login: "erin", DN: "uid=erin", Name: "Erin", Email: "erin@corp.example", Active: true, Service: true, Superuser: true,
		Groups: []string{"staff"}, Attributes: map[string][]string{"phone": {"1", "\xff"}}, Authenticators: []string{"totp"},
		LastLogin: at, PasswordChanged: at,
	}
	in.RADIUS = policyengine.RADIUSFacts{
		NASIdentifier: "gw\xff", NASIP: "10.0.0.1", NASPortType: "Virtual", CalledStationID: "a", CallingStationID: "b", ServiceType: "Login-User",
		Attributes: map[string][]string{"Filter-Id": {"x"}},
	}
	in.LDAP = policyengine.LDAPFacts{BindDN: "uid=erin", BaseDN: "dc=corp", TLS: "1.3"}
	in.Geo = policyengine.GeoFacts{Known: true, Continent: "EU", Country: "DE", City: "Berlin", Lat: 52.5, Long: 13.4}
	in.ASN = policyengine.ASNFacts{Known: true, ASN: 64500, Org: "Example", Network: "198.51.100.0/24"}
	return in
}

func TestGather(t *testing.T) {
	const at = "2026-02-03T04:05:06Z"
	want := map[string]any{
		"request_id": "r1", "protocol": "radius", "operation": "auth", "application": "vpn", "login": "erin@corp", "realm": "corp",
		"source.name": "ad", "source.type": "ldap", "auth_method": "password", "client_ip": "198.51.100.7", "client_ip_known": true, "peer_ip": "10.0.0.1",
		"now": "2023-11-14T22:13:20Z", "now.unix": 1.7e9, "now.hour": 22.0, "now.minute": 13.0, "now.weekday": "Tuesday", "now.tz": "UTC",
		"user.id": "5", "user.login": "erin", "user.dn": "uid=erin", "user.name": "Erin", "user.email": "erin@corp.example",
		"user.groups": []any{"staff"}, "user.attributes": map[string]any{"phone": []any{"1", "\uFFFD"}}, "user.authenticators": []any{"totp"},
		"user.is_active": true, "user.is_service": true, "user.is_superuser": true, "user.last_login": at, "user.password_changed": at,
		"radius.nas_identifier": "gw\uFFFD", "radius.nas_ip": "10.0.0.1", "radius.nas_port_type": "Virtual", "radius.called_station_id": "a",
		"radius.calling_station_id": "b", "radius.service_type": "Login-User", "radius.attributes": map[string]any{"Filter-Id": []any{"x"}},
		"ldap.bind_dn": "uid=erin", "ldap.base_dn": "dc=corp", "ldap.tls": "1.3",
		"geoip.known": true, "geoip.continent": "EU", "geoip.country": "DE", "geoip.city": "Berlin", "geoip.lat": 52.5, "geoip.long": 13.4,
		"asn.known": true, "asn.asn": 64500.0, "asn.as_org": "Example", "asn.network": "198.51.100.0/24",
	}
	if diff := cmp.Diff(want, gather(allFacts(), everything()).AsMap()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	nobody := gather(allFacts(), &policyengine.Input{}).AsMap()
	for name, got := range nobody {
		known := strings.HasPrefix(name, "now.") || strings.HasSuffix(name, "known") || strings.HasSuffix(name, ".attributes") && !strings.HasPrefix(name, "user")
		if got != nil && !known {
			t.Errorf("of nobody %s is %v", name, got)
		}
	}
}

// reader is an expression policy that reads these places.
type reader []policyengine.Path

func (reader) Eval(context.Context, *policyengine.Input) (policyengine.Result, error) {
	return policyengine.Result{}, nil
}

func (r reader) Reads() policyengine.Reads { return policyengine.Reads{Paths: r} }

// TestPathsExist: a policy that calls a function with this fact can be kept, or
// cannot for a reason that is the fact's.
func TestPathsExist(t *testing.T) {
	fleeting := []string{"request_id", "now", "now.unix"}
	for _, f := range allFacts() {
		cfg, err := config.Parse("x.yaml", []byte(`
realms: {corp: {default: true, directories: [local]}}
directories: {local: {type: local}}
applications: {vpn: {ldap: {base_dn: dc=corp}, policies: {bindings: [{policy: p}]}}}
policies: {expressions: .}
listen: {ldap: ["127.0.0.1:0"]}
`), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := policyengine.New(cfg, policyengine.Options{Expressions: map[string]policyengine.Expression{"p": reader{f.path}}})
		if err != nil {
			t.Fatal(err)
		}
		why := e.CacheStats().Policies["p"].Reason
		if slices.Contains(fleeting, f.name) != (why != "") || strings.Contains(why, "no key is known") {
			t.Errorf("%s: the path %q: %q", f.name, f.path, why)
		}
	}
}
