package plugins

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// fact is something that a helper can ask to know of a login. What the login
// does not have is null. Credentials are not in policyengine.Input, and so never
// here; docs/plugins.md lists the names.
type fact struct {
	name string
	of   func(*policyengine.Input) *structpb.Value
}

type input = policyengine.Input

func allFacts() []fact {
	return []fact{
		{"request_id", func(in *input) *structpb.Value { return text(in.RequestID) }},
		{"protocol", func(in *input) *structpb.Value { return text(in.Protocol) }},
		{"operation", func(in *input) *structpb.Value { return text(in.Operation) }},
		{"application", func(in *input) *structpb.Value { return text(in.Application) }},
		{"login", func(in *input) *structpb.Value { return text(in.Login) }},
		{"realm", func(in *input) *structpb.Value { return text(in.Realm) }},
		{"source.name", func(in *input) *structpb.Value { return text(in.Source.Name) }},
		{"source.type", func(in *input) *structpb.Value { return text(in.Source.Type) }},
		{"auth_method", func(in *input) *structpb.Value { return text(in.AuthMethod) }},
		{"client_ip", func(in *input) *structpb.Value { return address(in.ClientIP) }},
		{"client_ip_known", func(in *input) *structpb.Value { return structpb.NewBoolValue(in.ClientIPKnown) }},
		{"peer_ip", func(in *input) *structpb.Value { return address(in.PeerIP) }},
		{"now", func(in *input) *structpb.Value { return text(in.Now.Format(time.RFC3339)) }},

		{"user.id", func(in *input) *structpb.Value { return text(in.User.ID) }},
		{"user.login", func(in *input) *structpb.Value { return text(in.User.Login) }},
		{"user.dn", func(in *input) *structpb.Value { return text(in.User.DN) }},
		{"user.name", func(in *input) *structpb.Value { return text(in.User.Name) }},
		{"user.email", func(in *input) *structpb.Value { return text(in.User.Email) }},
		{"user.groups", func(in *input) *structpb.Value { return texts(in.User.Groups) }},
		{"user.is_service", func(in *input) *structpb.Value { return structpb.NewBoolValue(in.User.Service) }},
		{"user.is_superuser", func(in *input) *structpb.Value { return structpb.NewBoolValue(in.User.Superuser) }},

		{"radius.nas_identifier", func(in *input) *structpb.Value { return text(in.RADIUS.NASIdentifier) }},
		{"radius.nas_ip", func(in *input) *structpb.Value { return text(in.RADIUS.NASIP) }},
		{"radius.nas_port_type", func(in *input) *structpb.Value { return text(in.RADIUS.NASPortType) }},
		{"radius.called_station_id", func(in *input) *structpb.Value { return text(in.RADIUS.CalledStationID) }},
		{"radius.calling_station_id", func(in *input) *structpb.Value { return text(in.RADIUS.CallingStationID) }},
		{"radius.service_type", func(in *input) *structpb.Value { return text(in.RADIUS.ServiceType) }},

		{"ldap.bind_dn", func(in *input) *structpb.Value { return text(in.LDAP.BindDN) }},
		{"ldap.base_dn", func(in *input) *structpb.Value { return text(in.LDAP.BaseDN) }},
		{"ldap.tls", func(in *input) *structpb.Value { return text(in.LDAP.TLS) }},
	}
}

// factsNamed finds the facts that a function declared. unknown is the first name
// that no fact has, "" if all are known.
func factsNamed(names []string) (found []fact, unknown string) {
	all := allFacts()
	for _, name := range names {
		i := slices.IndexFunc(all, func(f fact) bool { return f.name == name })
		if i < 0 {
			return nil, name
		}
		found = append(found, all[i])
	}
	return found, ""
}

func factNames() string {
	var names []string
	for _, f := range allFacts() {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// gather evaluates facts for one login.
func gather(facts []fact, in *input) *structpb.Struct {
	fields := make(map[string]*structpb.Value, len(facts))
	for _, f := range facts {
		fields[f.name] = f.of(in)
	}
	return &structpb.Struct{Fields: fields}
}

// text is null for the empty text. Attributes of packets may hold any bytes;
// gRPC carries only UTF-8.
func text(s string) *structpb.Value {
	if s == "" {
		return structpb.NewNullValue()
	}
	return structpb.NewStringValue(strings.ToValidUTF8(s, "\uFFFD"))
}

func texts(list []string) *structpb.Value {
	values := make([]*structpb.Value, 0, len(list))
	for _, s := range list {
		values = append(values, structpb.NewStringValue(strings.ToValidUTF8(s, "\uFFFD")))
	}
	return structpb.NewListValue(&structpb.ListValue{Values: values})
}

func address(a netip.Addr) *structpb.Value {
	if !a.IsValid() {
		return structpb.NewNullValue()
	}
	return structpb.NewStringValue(a.String())
}
