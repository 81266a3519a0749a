package rego

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// field is one key of an object.
type field struct {
	key   string
	value ast.Value
}

func object(fields ...field) ast.Value {
	pairs := make([][2]*ast.Term, len(fields))
	for i, f := range fields {
		pairs[i] = [2]*ast.Term{ast.StringTerm(f.key), ast.NewTerm(f.value)}
	}
	return ast.NewObject(pairs...)
}

// inputDocument makes the document that policies know as input. It is total:
// every key is there, and what is not known is null, since a missing key would
// make "not input.x == y" true.
func inputDocument(in *policyengine.Input) ast.Value {
	user := userObject(in.User)
	return object(
		field{"request", object(
			field{"id", text(in.RequestID)},
			field{"protocol", text(in.Protocol)},
			field{"operation", text(in.Operation)},
			field{"user", user},
			field{"obj", object(field{"type", ast.String("realm")}, field{"name", ast.String(in.Realm)})},
			field{"http_request", ast.NullValue},
		)},
		field{"context", contextObject(in, user)},
		field{"client_ip", address(in.ClientIP)},
		field{"client_ip_known", ast.Boolean(in.ClientIPKnown)},
		field{"peer_ip", address(in.PeerIP)},
		field{"is_sso_flow", ast.Boolean(false)},
		field{"geoip", geoObject(&in.Geo)},
		field{"asn", asnObject(&in.ASN)},
		field{"radius", radiusObject(&in.RADIUS)},
		field{"ldap", object(
			field{"bind_dn", text(in.LDAP.BindDN)},
			field{"base_dn", text(in.LDAP.BaseDN)},
			field{"tls", text(in.LDAP.TLS)},
		)},
		field{"now", nowObject(in.Now)},
	)
}

func userObject(u *identity.User) ast.Value {
	kind := "person"
	if u.Service {
		kind = "service"
	}
	return object(
		field{"username", ast.String(u.Login)},
		field{"pk", ast.String(u.ID)},
		field{"dn", text(u.DN)},
		field{"name", text(u.Name)},
		field{"email", text(u.Email)},
		field{"is_active", ast.Boolean(u.Active)},
		field{"is_superuser", ast.Boolean(u.Superuser)},
		field{"type", ast.String(kind)},
		field{"groups", list(u.Groups)},
		field{"attributes", lists(u.Attributes)},
		field{"source", ast.String(u.Directory)},
		field{"authenticators", list(u.Authenticators)},
		field{"password_change_time", instant(u.PasswordChanged)},
		field{"last_login", instant(u.LastLogin)},
	)
}

func contextObject(in *policyengine.Input, user ast.Value) ast.Value {
	return object(
		field{"pending_user", user},
		field{"application", object(field{"name", ast.String(in.Application)}, field{"slug", ast.String(in.Application)})},
		field{"source", object(field{"name", ast.String(in.Source.Name)}, field{"type", text(in.Source.Type)})},
		field{"auth_method", text(in.AuthMethod)},
		field{"auth_method_args", object()},
		field{"prompt_data", object()},
		field{"flow_plan", ast.NullValue},
		field{"is_restored", ast.NullValue},
	)
}

func geoObject(g *policyengine.GeoFacts) ast.Value {
	lat, long := ast.NullValue, ast.NullValue
	if g.Known {
		lat, long = ast.FloatNumberTerm(g.Lat).Value, ast.FloatNumberTerm(g.Long).Value
	}
	return object(
		field{"known", ast.Boolean(g.Known)},
		field{"continent", text(g.Continent)},
		field{"country", text(g.Country)},
		field{"lat", lat},
		field{"long", long},
		field{"city", text(g.City)},
	)
}

func asnObject(a *policyengine.ASNFacts) ast.Value {
	number := ast.NullValue
	if a.Known {
		number = ast.Number(json.Number(strconv.FormatUint(uint64(a.ASN), 10)))
	}
	return object(
		field{"known", ast.Boolean(a.Known)},
		field{"asn", number},
		field{"as_org", text(a.Org)},
		field{"network", text(a.Network)},
	)
}

func radiusObject(r *policyengine.RADIUSFacts) ast.Value {
	return object(
		field{"nas_identifier", text(r.NASIdentifier)},
		field{"nas_ip", text(r.NASIP)},
		field{"nas_port_type", text(r.NASPortType)},
		field{"called_station_id", text(r.CalledStationID)},
		field{"calling_station_id", text(r.CallingStationID)},
		field{"service_type", text(r.ServiceType)},
		field{"attributes", lists(r.Attributes)},
	)
}

func nowObject(now time.Time) ast.Value {
	return object(
		field{"unix", ast.Number(json.Number(strconv.FormatInt(now.Unix(), 10)))},
		field{"rfc3339", ast.String(now.Format(time.RFC3339))},
		field{"weekday", ast.String(now.Weekday().String())},
		field{"hour", ast.InternedTerm(now.Hour()).Value},
		field{"minute", ast.InternedTerm(now.Minute()).Value},
		field{"tz", ast.String(now.Location().String())},
	)
}

// text is null when there is none.
func text(s string) ast.Value {
	if s == "" {
		return ast.NullValue
	}
	return ast.String(s)
}

func address(a netip.Addr) ast.Value {
	if !a.IsValid() {
		return ast.NullValue
	}
	return ast.String(a.Unmap().String())
}

func instant(t time.Time) ast.Value {
	if t.IsZero() {
		return ast.NullValue
	}
	return ast.String(t.Format(time.RFC3339))
}

func list(items []string) ast.Value {
	terms := make([]*ast.Term, len(items))
	for i, s := range items {
		terms[i] = ast.StringTerm(s)
	}
	return ast.NewArray(terms...)
}

func lists(m map[string][]string) ast.Value {
	fields := make([]field, 0, len(m))
	for _, key := range sortedKeys(m) {
		fields = append(fields, field{key, list(m[key])})
	}
	return object(fields...)
}
