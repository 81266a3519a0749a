package regotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// inputOf is what an input document says, for functions that look at the login
// themselves. What the document does not tell is as in base. It demands of each
// value that it is of the type that a login gives it.
func inputOf(base *policyengine.Input, document map[string]any, groups func([]string) []identity.Membership) (*policyengine.Input, error) {
	in := *base
	r := &reader{document: document}
	in.User = r.user("request.user", base.User, groups)
	r.user("context.pending_user", base.User, groups)
	r.object("context.application")
	r.object("context.source")
	for path, to := range map[string]*string{
		"request.id": &in.RequestID, "request.protocol": &in.Protocol, "request.operation": &in.Operation,
		"request.obj.type": new(string), "request.obj.name": &in.Realm,
		"context.application.name": new(string), "context.application.slug": &in.Application,
		"context.source.name": &in.Source.Name, "context.source.type": &in.Source.Type,
		"context.auth_method": &in.AuthMethod,
		"geoip.continent":     &in.Geo.Continent, "geoip.country": &in.Geo.Country, "geoip.city": &in.Geo.City,
		"asn.as_org": &in.ASN.Org, "asn.network": &in.ASN.Network,
		"radius.nas_identifier": &in.RADIUS.NASIdentifier, "radius.nas_ip": &in.RADIUS.NASIP, "radius.nas_port_type": &in.RADIUS.NASPortType,
		"radius.called_station_id": &in.RADIUS.CalledStationID, "radius.calling_station_id": &in.RADIUS.CallingStationID,
		"radius.service_type": &in.RADIUS.ServiceType,
		"ldap.bind_dn":        &in.LDAP.BindDN, "ldap.base_dn": &in.LDAP.BaseDN, "ldap.tls": &in.LDAP.TLS,
		"now.rfc3339": new(string), "now.weekday": new(string), "now.tz": new(string),
	} {
		*to = r.text(path)
	}
	for path, to := range map[string]*bool{
		"client_ip_known": &in.ClientIPKnown, "is_sso_flow": new(bool), "geoip.known": &in.Geo.Known, "asn.known": &in.ASN.Known,
	} {
		*to = r.boolean(path)
	}
	for path, to := range map[string]*float64{
		"geoip.lat": &in.Geo.Lat, "geoip.long": &in.Geo.Long,
		"now.unix": new(float64), "now.hour": new(float64), "now.minute": new(float64),
	} {
		*to = r.number(path)
	}
	number := r.number("asn.asn")
	if in.ASN.ASN = uint(number); number < 0 || float64(in.ASN.ASN) != number {
		r.fault("asn.asn", "a number of a network")
	}
	in.ClientIP, in.PeerIP = r.address("client_ip"), r.address("peer_ip")
	in.RADIUS.Attributes = r.lists("radius.attributes")
	r.object("context.auth_method_args")
	r.object("context.prompt_data")
	return &in, errors.Join(r.sorted()...)
}

// reader reads the values of a document, and remembers which of them are of a
// wrong type.
type reader struct {
	document map[string]any
	faults   map[string]error
}

func (r *reader) fault(path, want string) {
	if r.faults == nil {
		r.faults = map[string]error{}
	}
	text, err := json.Marshal(r.at(path))
	if err != nil {
		text = []byte(kindOf(r.at(path)))
	}
	r.faults[path] = fmt.Errorf("the input's %s is %.80s: it must be %s", path, text, want)
}

func (r *reader) sorted() []error {
	all := make([]error, 0, len(r.faults))
	for _, path := range slices.Sorted(maps.Keys(r.faults)) {
		all = append(all, r.faults[path])
	}
	return all
}

func (r *reader) at(path string) any {
	var v any = r.document
	for key := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

func (r *reader) text(path string) string {
	switch v := r.at(path).(type) {
	case nil:
	case string:
		return v
	default:
		r.fault(path, "a string or null")
	}
	return ""
}

func (r *reader) boolean(path string) bool {
	v, ok := r.at(path).(bool)
	if !ok {
		r.fault(path, "true or false")
	}
	return v
}

func (r *reader) number(path string) float64 {
	switch v := r.at(path).(type) {
	case nil:
		return 0
	case float64:
		return v
	case json.Number:
		if n, err := strconv.ParseFloat(string(v), 64); err == nil {
			return n
		}
	}
	r.fault(path, "a number")
	return 0
}

func (r *reader) object(path string) map[string]any {
	v, ok := r.at(path).(map[string]any)
	if !ok {
		r.fault(path, "an object")
	}
	return v
}

func (r *reader) address(path string) netip.Addr {
	text := r.text(path)
	if text == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Unmap() != addr {
		r.fault(path, "an address of IPv4 or IPv6, as a login has it")
	}
	return addr
}

func (r *reader) instant(path string) time.Time {
	text := r.text(path)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.fault(path, "a time such as 2026-01-31T08:00:00Z, or null")
	}
	return t
}

func (r *reader) list(path string) []string {
	texts, ok := textList(r.at(path))
	if !ok {
		r.fault(path, "an array of strings")
	}
	return texts
}

func (r *reader) lists(path string) map[string][]string {
	object := r.object(path)
	all := make(map[string][]string, len(object))
	for key, v := range object {
		texts, ok := textList(v)
		if !ok {
			r.fault(path, "an object with arrays of strings")
		}
		all[key] = texts
	}
	return all
}

func textList(v any) ([]string, bool) {
	items, ok := v.([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		text, isText := item.(string)
		texts[i], ok = text, ok && isText
	}
	return texts, ok
}

// user reads a user object.
func (r *reader) user(path string, base *identity.User, groups func([]string) []identity.Membership) *identity.User {
	r.object(path)
	kind := r.text(path + ".type")
	if kind != "person" && kind != "service" {
		r.fault(path+".type", `"person" or "service"`)
	}
	u := &identity.User{
		ID: r.text(path + ".pk"), Login: r.text(path + ".username"), Directory: r.text(path + ".source"), DN: r.text(path + ".dn"),
		Name: r.text(path + ".name"), Email: r.text(path + ".email"),
		Active: r.boolean(path + ".is_active"), Superuser: r.boolean(path + ".is_superuser"), Service: kind == "service",
		Groups: r.list(path + ".groups"), Attributes: r.lists(path + ".attributes"), Authenticators: r.list(path + ".authenticators"),
		PasswordChanged: r.instant(path + ".password_change_time"), LastLogin: r.instant(path + ".last_login"),
	}
	u.Memberships = base.Memberships
	if !slices.Equal(u.Groups, base.Groups) {
		u.Memberships = groups(u.Groups)
	}
	return u
}
