package plugins

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

type input = policyengine.Input

// fact is something that a helper can ask to know of a login. What the login
// does not have is nil: so are all facts of the user where there is none.
// Credentials are not in policyengine.Input, and so never here.
type fact struct {
	name string // one of proto.Facts
	// path is where policies see it, and so what a kept decision depends on.
	path policyengine.Path
	// of is nil, a string, bool, float64, []string or map[string][]string.
	of func(in *input) any
}

// allFacts has each of proto.Facts; docs/plugins.md says what they are.
func allFacts() []fact {
	return slices.Concat(loginFacts(), userFacts(), protocolFacts(), placeFacts())
}

func loginFacts() []fact {
	return []fact{
		{"request_id", "request.id", func(in *input) any { return text(in.RequestID) }},
		{"protocol", "request.protocol", func(in *input) any { return text(in.Protocol) }},
		{"operation", "request.operation", func(in *input) any { return text(in.Operation) }},
		{"application", "context.application.slug", func(in *input) any { return text(in.Application) }},
		{"login", policyengine.PathLogin, func(in *input) any { return text(in.Login) }},
		{"realm", "request.obj.name", func(in *input) any { return text(in.Realm) }},
		{"source.name", "context.source.name", func(in *input) any { return text(in.Source.Name) }},
		{"source.type", "context.source.type", func(in *input) any { return text(in.Source.Type) }},
		{"auth_method", "context.auth_method", func(in *input) any { return text(in.AuthMethod) }},
		{"client_ip", "client_ip", func(in *input) any { return address(in.ClientIP) }},
		{"client_ip_known", "client_ip_known", func(in *input) any { return in.ClientIPKnown }},
		{"peer_ip", "peer_ip", func(in *input) any { return address(in.PeerIP) }},
		{"now", "now.rfc3339", func(in *input) any { return instant(in.Now) }},
		{"now.unix", "now.unix", func(in *input) any { return float64(in.Now.Unix()) }},
		{"now.hour", "now.hour", func(in *input) any { return float64(in.Now.Hour()) }},
		{"now.minute", "now.minute", func(in *input) any { return float64(in.Now.Minute()) }},
		{"now.weekday", "now.weekday", func(in *input) any { return in.Now.Weekday().String() }},
		{"now.tz", "now.tz", func(in *input) any { return in.Now.Location().String() }},
	}
}

func userFacts() []fact {
	all := []fact{
		{"user.id", "request.user.pk", func(in *input) any { return text(in.User.ID) }},
		{"user.login", "request.user.username", func(in *input) any { return text(in.User.Login) }},
		{"user.dn", "request.user.dn", func(in *input) any { return text(in.User.DN) }},
		{"user.name", "request.user.name", func(in *input) any { return text(in.User.Name) }},
		{"user.email", "request.user.email", func(in *input) any { return text(in.User.Email) }},
		{"user.groups", "request.user.groups", func(in *input) any { return in.User.Groups }},
		{"user.attributes", "request.user.attributes", func(in *input) any { return in.User.Attributes }},
		{"user.authenticators", "request.user.authenticators", func(in *input) any { return in.User.Authenticators }},
		{"user.is_active", "request.user.is_active", func(in *input) any { return in.User.Active }},
		{"user.is_service", "request.user.type", func(in *input) any { return in.User.Service }},
		{"user.is_superuser", "request.user.is_superuser", func(in *input) any { return in.User.Superuser }},
		{"user.last_login", "request.user.last_login", func(in *input) any { return instant(in.User.LastLogin) }},
		{"user.password_changed", "request.user.password_change_time", func(in *input) any { return instant(in.User.PasswordChanged) }},
	}
	for i, known := range all {
		all[i].of = func(in *input) any {
			if in.User == nil {
				return nil
			}
			return known.of(in)
		}
	}
	return all
}

func protocolFacts() []fact {
	return []fact{
		{"radius.nas_identifier", "radius.nas_identifier", func(in *input) any { return text(in.RADIUS.NASIdentifier) }},
		{"radius.nas_ip", "radius.nas_ip", func(in *input) any { return text(in.RADIUS.NASIP) }},
		{"radius.nas_port_type", "radius.nas_port_type", func(in *input) any { return text(in.RADIUS.NASPortType) }},
		{"radius.called_station_id", "radius.called_station_id", func(in *input) any { return text(in.RADIUS.CalledStationID) }},
		{"radius.calling_station_id", "radius.calling_station_id", func(in *input) any { return text(in.RADIUS.CallingStationID) }},
		{"radius.service_type", "radius.service_type", func(in *input) any { return text(in.RADIUS.ServiceType) }},
		{"radius.attributes", "radius.attributes", func(in *input) any { return in.RADIUS.Attributes }},

		{"ldap.bind_dn", "ldap.bind_dn", func(in *input) any { return text(in.LDAP.BindDN) }},
		{"ldap.base_dn", "ldap.base_dn", func(in *input) any { return text(in.LDAP.BaseDN) }},
		{"ldap.tls", "ldap.tls", func(in *input) any { return text(in.LDAP.TLS) }},
	}
}

func placeFacts() []fact {
	return []fact{
		{"geoip.known", "geoip.known", func(in *input) any { return in.Geo.Known }},
		{"geoip.continent", "geoip.continent", func(in *input) any { return text(in.Geo.Continent) }},
		{"geoip.country", "geoip.country", func(in *input) any { return text(in.Geo.Country) }},
		{"geoip.city", "geoip.city", func(in *input) any { return text(in.Geo.City) }},
		{"geoip.lat", "geoip.lat", func(in *input) any { return number(in.Geo.Lat, in.Geo.Positioned()) }},
		{"geoip.long", "geoip.long", func(in *input) any { return number(in.Geo.Long, in.Geo.Positioned()) }},

		{"asn.known", "asn.known", func(in *input) any { return in.ASN.Known }},
		{"asn.asn", "asn.asn", func(in *input) any { return number(float64(in.ASN.ASN), in.ASN.Known) }},
		{"asn.as_org", "asn.as_org", func(in *input) any { return text(in.ASN.Org) }},
		{"asn.network", "asn.network", func(in *input) any { return text(in.ASN.Network) }},
	}
}

// factsOf finds the facts of a declaration that was validated, sorted by name.
func factsOf(reads []string) []fact {
	names, _ := proto.ExpandReads(reads)
	all := allFacts()
	found := make([]fact, 0, len(names))
	for _, name := range names {
		found = append(found, all[slices.IndexFunc(all, func(f fact) bool { return f.name == name })])
	}
	return found
}

// pathsOf are the places of the policy input that facts are made from, sorted.
func pathsOf(facts []fact) []policyengine.Path {
	paths := make([]policyengine.Path, 0, len(facts))
	for _, f := range facts {
		paths = append(paths, f.path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// gather makes the message with the facts of one login.
func gather(facts []fact, in *input) *structpb.Struct {
	fields := make(map[string]*structpb.Value, len(facts))
	for _, f := range facts {
		fields[f.name] = factValue(f.of(in))
	}
	return &structpb.Struct{Fields: fields}
}

// factValue translates what fact.of returns. Attributes of packets may hold any
// bytes; gRPC carries only UTF-8.
func factValue(v any) *structpb.Value {
	switch v := v.(type) {
	case string:
		return structpb.NewStringValue(strings.ToValidUTF8(v, "\uFFFD"))
	case bool:
		return structpb.NewBoolValue(v)
	case float64:
		return structpb.NewNumberValue(v)
	case []string:
		values := make([]*structpb.Value, len(v))
		for i := range v {
			values[i] = factValue(v[i])
		}
		return structpb.NewListValue(&structpb.ListValue{Values: values})
	case map[string][]string:
		fields := make(map[string]*structpb.Value, len(v))
		for key := range v {
			fields[strings.ToValidUTF8(key, "\uFFFD")] = factValue(v[key])
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: fields})
	}
	return structpb.NewNullValue()
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n float64, known bool) any {
	if !known {
		return nil
	}
	return n
}

func address(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.Unmap().String()
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}

// section translates a program's own settings as the configuration has them.
func section(config map[string]any) (*structpb.Struct, error) {
	if config == nil {
		config = map[string]any{}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write it as JSON: %w", err)
	}
	s := &structpb.Struct{}
	if err := s.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("read it as JSON: %w", err)
	}
	return s, nil
}
