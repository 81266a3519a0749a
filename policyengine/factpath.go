package policyengine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	pathUser    Path = "request.user"
	pathPending Path = "context.pending_user" // the same person
)

// documentFacts are all places of the input document, in a fixed order. The
// document is made in package rego; a place that is missing here makes policies
// uncacheable that read it.
func documentFacts() []fact {
	const login, clock = "is another one in each login", "is the clock"
	return append(userFacts(),
		fact{path: "request.id", fleeting: login},
		fact{path: PathLogin, text: func(in *Input) string { return in.Login }},
		fact{path: "request.protocol", text: func(in *Input) string { return in.Protocol }},
		fact{path: "request.operation", text: func(in *Input) string { return in.Operation }},
		fact{path: "request.obj.type"},
		fact{path: "request.obj.name", text: func(in *Input) string { return in.Realm }},
		fact{path: "request.http_request"},
		fact{path: "context.application.name", text: func(in *Input) string { return in.Application }},
		fact{path: "context.application.slug", text: func(in *Input) string { return in.Application }},
		fact{path: "context.source.name", text: func(in *Input) string { return in.Source.Name }},
		fact{path: "context.source.type", text: func(in *Input) string { return in.Source.Type }},
		fact{path: "context.auth_method", text: func(in *Input) string { return in.AuthMethod }},
		fact{path: "context.auth_method_args"},
		fact{path: "context.prompt_data"},
		fact{path: "context.flow_plan"},
		fact{path: "context.is_restored"},
		fact{path: "client_ip", address: func(in *Input) netip.Addr { return in.ClientIP }},
		fact{path: "client_ip_known", flag: func(in *Input) bool { return in.ClientIPKnown }},
		fact{path: "peer_ip", address: func(in *Input) netip.Addr { return in.PeerIP }},
		fact{path: "is_sso_flow"},
		fact{path: "geoip.known", flag: func(in *Input) bool { return in.Geo.Known }},
		fact{path: "geoip.continent", text: func(in *Input) string { return in.Geo.Continent }},
		fact{path: "geoip.country", text: func(in *Input) string { return in.Geo.Country }},
		fact{path: "geoip.lat", number: func(in *Input) uint64 { return degrees(in.Geo.Positioned(), in.Geo.Lat) }},
		fact{path: "geoip.long", number: func(in *Input) uint64 { return degrees(in.Geo.Positioned(), in.Geo.Long) }},
		fact{path: "geoip.city", text: func(in *Input) string { return in.Geo.City }},
		fact{path: "asn.known", flag: func(in *Input) bool { return in.ASN.Known }},
		fact{path: "asn.asn", number: func(in *Input) uint64 { return systemNumber(&in.ASN) }},
		fact{path: "asn.as_org", text: func(in *Input) string { return in.ASN.Org }},
		fact{path: "asn.network", text: func(in *Input) string { return in.ASN.Network }},
		fact{path: "radius.nas_identifier", text: func(in *Input) string { return in.RADIUS.NASIdentifier }},
		fact{path: "radius.nas_ip", text: func(in *Input) string { return in.RADIUS.NASIP }},
		fact{path: "radius.nas_port_type", text: func(in *Input) string { return in.RADIUS.NASPortType }},
		fact{path: "radius.called_station_id", text: func(in *Input) string { return in.RADIUS.CalledStationID }},
		fact{path: "radius.calling_station_id", text: func(in *Input) string { return in.RADIUS.CallingStationID }},
		fact{path: "radius.service_type", text: func(in *Input) string { return in.RADIUS.ServiceType }},
		fact{path: "radius.attributes", attributes: func(in *Input) map[string][]string { return in.RADIUS.Attributes }},
		fact{path: "ldap.bind_dn", text: func(in *Input) string { return in.LDAP.BindDN }},
		fact{path: "ldap.base_dn", text: func(in *Input) string { return in.LDAP.BaseDN }},
		fact{path: "ldap.tls", text: func(in *Input) string { return in.LDAP.TLS }},
		fact{path: "now.unix", fleeting: clock},
		fact{path: "now.rfc3339", fleeting: clock},
		fact{path: "now.weekday", number: func(in *Input) uint64 { return uint64(in.Now.Weekday()) }}, //nolint:gosec // 0 to 6
		fact{path: "now.hour", number: func(in *Input) uint64 { return uint64(in.Now.Hour()) }},       //nolint:gosec // 0 to 23
		fact{path: "now.minute", number: func(in *Input) uint64 { return uint64(in.Now.Minute()) }},   //nolint:gosec // 0 to 59
		fact{path: "now.tz", text: func(in *Input) string { return in.Now.Location().String() }},
	)
}

func userFacts() []fact {
	return []fact{
		{path: "request.user.username", text: func(in *Input) string { return in.User.Login }},
		{path: "request.user.pk", text: func(in *Input) string { return in.User.ID }},
		{path: "request.user.dn", text: func(in *Input) string { return in.User.DN }},
		{path: "request.user.name", text: func(in *Input) string { return in.User.Name }},
		{path: "request.user.email", text: func(in *Input) string { return in.User.Email }},
		{path: "request.user.is_active", flag: func(in *Input) bool { return in.User.Active }},
		{path: "request.user.is_superuser", flag: func(in *Input) bool { return in.User.Superuser }},
		{path: "request.user.type", flag: func(in *Input) bool { return in.User.Service }},
		{path: "request.user.groups", list: func(in *Input) []string { return in.User.Groups }},
		{path: "request.user.attributes", attributes: func(in *Input) map[string][]string { return in.User.Attributes }},
		{path: "request.user.source", text: func(in *Input) string { return in.User.Directory }},
		{path: "request.user.authenticators", list: func(in *Input) []string { return in.User.Authenticators }},
		{path: "request.user.password_change_time", instant: func(in *Input) time.Time { return in.User.PasswordChanged }},
		{path: "request.user.last_login", instant: func(in *Input) time.Time { return in.User.LastLogin }},
		{path: PathMemberships, memberships: func(in *Input) *identity.User { return in.User }},
	}
}

// systemNumber leaves 0 to an unknown system: AS 0 is reserved (RFC 7607).
func systemNumber(a *ASNFacts) uint64 {
	if !a.Known {
		return 0
	}
	return uint64(a.ASN) + 1
}

// factsAt finds the facts at the paths, each once, in a fixed order. Some paths
// have facts that cannot be part of a key, or none that we know: why says so.
func factsAt(paths []Path) (facts []fact, why string) {
	all := documentFacts()
	wanted := make([]bool, len(all))
	for _, path := range aliased(paths) {
		found := false
		for i := range all {
			f := &all[i]
			switch {
			case path.covers(f.path):
				wanted[i], found = true, true
			case f.path.covers(path):
				found = true
				if part, ok := f.at(path); ok {
					facts = append(facts, part)
				} else {
					wanted[i] = true
				}
			}
		}
		if !found {
			return nil, fmt.Sprintf("no key is known for input.%s", path)
		}
	}
	for i := range all {
		if !wanted[i] {
			continue
		}
		if all[i].fleeting != "" {
			return nil, fmt.Sprintf("it reads input.%s, which %s", all[i].path, all[i].fleeting)
		}
		facts = append(facts, all[i])
	}
	return facts, ""
}

// aliased has the paths of the pending user as those of the user.
func aliased(paths []Path) []Path {
	out := make([]Path, 0, len(paths)+1)
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(string(p), string(pathPending)); ok && (rest == "" || rest[0] == '.') {
			p = pathUser + Path(rest)
		} else if p.covers(pathPending) {
			out = append(out, pathUser)
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// covers reports whether q is p or a place below it.
func (p Path) covers(q Path) bool {
	rest, ok := strings.CutPrefix(string(q), string(p))
	return ok && (p == "" || rest == "" || rest[0] == '.')
}

// at is the part of attributes that a path below them leads to: one of them. A path
// that goes on could mean one whose name has a dot, or part of one whose name has
// none, and is not ok.
func (f *fact) at(path Path) (part fact, ok bool) {
	if f.attributes == nil {
		return fact{}, false
	}
	part = *f
	part.key = string(path[len(f.path)+1:])
	part.path = path
	return part, part.key != "" && !strings.Contains(part.key, ".")
}
