package rego

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// documentParts are all keys of the input document.
func documentParts() []part {
	return []part{
		object("request",
			value("id", func(in *input) ast.Value { return text(in.RequestID) }),
			value("protocol", func(in *input) ast.Value { return text(in.Protocol) }),
			value("operation", func(in *input) ast.Value { return text(in.Operation) }),
			object("user", userParts()...),
			object("obj",
				constant("type", ast.String("realm")),
				value("name", func(in *input) ast.Value { return ast.String(in.Realm) }),
			),
			constant("http_request", ast.NullValue),
		),
		object("context",
			object("pending_user", userParts()...),
			object("application",
				value("name", func(in *input) ast.Value { return ast.String(in.Application) }),
				value("slug", func(in *input) ast.Value { return ast.String(in.Application) }),
			),
			object("source",
				value("name", func(in *input) ast.Value { return ast.String(in.Source.Name) }),
				value("type", func(in *input) ast.Value { return text(in.Source.Type) }),
			),
			value("auth_method", func(in *input) ast.Value { return text(in.AuthMethod) }),
			constant("auth_method_args", ast.InternedEmptyObjectValue),
			constant("prompt_data", ast.InternedEmptyObjectValue),
			constant("flow_plan", ast.NullValue),
			constant("is_restored", ast.NullValue),
		),
		value("client_ip", func(in *input) ast.Value { return address(in.ClientIP) }),
		value("client_ip_known", func(in *input) ast.Value { return ast.Boolean(in.ClientIPKnown) }),
		value("peer_ip", func(in *input) ast.Value { return address(in.PeerIP) }),
		constant("is_sso_flow", ast.Boolean(false)),
		optional("geoip", func(in *input) bool { return in.Geo == policyengine.GeoFacts{} },
			value("known", func(in *input) ast.Value { return ast.Boolean(in.Geo.Known) }),
			value("continent", func(in *input) ast.Value { return text(in.Geo.Continent) }),
			value("country", func(in *input) ast.Value { return text(in.Geo.Country) }),
			value("lat", func(in *input) ast.Value { return degrees(&in.Geo, in.Geo.Lat) }),
			value("long", func(in *input) ast.Value { return degrees(&in.Geo, in.Geo.Long) }),
			value("city", func(in *input) ast.Value { return text(in.Geo.City) }),
		),
		optional("asn", func(in *input) bool { return in.ASN == policyengine.ASNFacts{} },
			value("known", func(in *input) ast.Value { return ast.Boolean(in.ASN.Known) }),
			value("asn", func(in *input) ast.Value { return asn(&in.ASN) }),
			value("as_org", func(in *input) ast.Value { return text(in.ASN.Org) }),
			value("network", func(in *input) ast.Value { return text(in.ASN.Network) }),
		),
		object("radius",
			value("nas_identifier", func(in *input) ast.Value { return text(in.RADIUS.NASIdentifier) }),
			value("nas_ip", func(in *input) ast.Value { return text(in.RADIUS.NASIP) }),
			value("nas_port_type", func(in *input) ast.Value { return text(in.RADIUS.NASPortType) }),
			value("called_station_id", func(in *input) ast.Value { return text(in.RADIUS.CalledStationID) }),
			value("calling_station_id", func(in *input) ast.Value { return text(in.RADIUS.CallingStationID) }),
			value("service_type", func(in *input) ast.Value { return text(in.RADIUS.ServiceType) }),
			value("attributes", func(in *input) ast.Value { return lists(in.RADIUS.Attributes) }),
		),
		optional("ldap", func(in *input) bool { return in.LDAP == policyengine.LDAPFacts{} },
			value("bind_dn", func(in *input) ast.Value { return text(in.LDAP.BindDN) }),
			value("base_dn", func(in *input) ast.Value { return text(in.LDAP.BaseDN) }),
			value("tls", func(in *input) ast.Value { return text(in.LDAP.TLS) }),
		),
		object("now",
			value("unix", func(in *input) ast.Value { return number(in.Now.Unix()) }),
			value("rfc3339", func(in *input) ast.Value { return ast.String(in.Now.Format(time.RFC3339)) }),
			value("weekday", func(in *input) ast.Value { return ast.String(in.Now.Weekday().String()) }),
			value("hour", func(in *input) ast.Value { return ast.InternedTerm(in.Now.Hour()).Value }),
			value("minute", func(in *input) ast.Value { return ast.InternedTerm(in.Now.Minute()).Value }),
			value("tz", func(in *input) ast.Value { return ast.String(in.Now.Location().String()) }),
		),
	}
}

func userParts() []part {
	return []part{
		value("username", func(in *input) ast.Value { return ast.String(in.User.Login) }),
		value("pk", func(in *input) ast.Value { return ast.String(in.User.ID) }),
		value("dn", func(in *input) ast.Value { return text(in.User.DN) }),
		value("name", func(in *input) ast.Value { return text(in.User.Name) }),
		value("email", func(in *input) ast.Value { return text(in.User.Email) }),
		value("is_active", func(in *input) ast.Value { return ast.Boolean(in.User.Active) }),
		value("is_superuser", func(in *input) ast.Value { return ast.Boolean(in.User.Superuser) }),
		value("type", func(in *input) ast.Value { return userType(in.User) }),
		value("groups", func(in *input) ast.Value { return list(in.User.Groups) }),
		value("attributes", func(in *input) ast.Value { return lists(in.User.Attributes) }),
		value("source", func(in *input) ast.Value { return ast.String(in.User.Directory) }),
		value("authenticators", func(in *input) ast.Value { return list(in.User.Authenticators) }),
		value("password_change_time", func(in *input) ast.Value { return instant(in.User.PasswordChanged) }),
		value("last_login", func(in *input) ast.Value { return instant(in.User.LastLogin) }),
	}
}

func userType(u *identity.User) ast.Value {
	if u.Service {
		return ast.String("service")
	}
	return ast.String("person")
}

func degrees(g *policyengine.GeoFacts, n float64) ast.Value {
	if !g.Known || g.NoPosition {
		return ast.NullValue
	}
	return ast.FloatNumberTerm(n).Value
}

func asn(a *policyengine.ASNFacts) ast.Value {
	if !a.Known {
		return ast.NullValue
	}
	return ast.Number(json.Number(strconv.FormatUint(uint64(a.ASN), 10)))
}

// userObject is a user as request.user shows one.
func userObject(u *identity.User) ast.Value {
	user := object("user", userParts()...)
	return user.of(&input{User: u})
}
