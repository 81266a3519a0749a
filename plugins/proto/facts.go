package proto

import (
	"fmt"
	"slices"
	"strings"
)

// Facts returns the names of everything that a program can ask to know of a
// login. There is no credential among them, and none will be added;
// docs/plugins.md says what each is.
func Facts() []string {
	return []string{
		"request_id", "protocol", "operation", "application", "login", "realm",
		"source.name", "source.type", "auth_method", "client_ip", "client_ip_known", "peer_ip",
		"now", "now.unix", "now.hour", "now.minute", "now.weekday", "now.tz",
		"user.id", "user.login", "user.dn", "user.name", "user.email", "user.groups", "user.attributes", "user.authenticators",
		"user.is_active", "user.is_service", "user.is_superuser", "user.last_login", "user.password_changed",
		"radius.nas_identifier", "radius.nas_ip", "radius.nas_port_type", "radius.called_station_id", "radius.calling_station_id",
		"radius.service_type", "radius.attributes",
		"ldap.bind_dn", "ldap.base_dn", "ldap.tls",
		"geoip.known", "geoip.continent", "geoip.country", "geoip.city", "geoip.lat", "geoip.long",
		"asn.known", "asn.asn", "asn.as_org", "asn.network",
	}
}

// ExpandReads returns the names of the facts that a declaration asks for, sorted
// and each once: "radius.*" is all those below "radius.". An entry that names
// none is an error.
func ExpandReads(reads []string) ([]string, error) {
	var names []string
	all := Facts()
	for _, entry := range reads {
		prefix, wild := strings.CutSuffix(entry, "*")
		before := len(names)
		for _, name := range all {
			if name == entry || wild && strings.HasSuffix(prefix, ".") && strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		if len(names) == before {
			return nil, fmt.Errorf("the fact %.80q does not exist (there are %s)", entry, strings.Join(all, ", "))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
