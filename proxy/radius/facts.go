package radius

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// facts are what policies may know of the request: never a credential, State,
// Proxy-State or what only the transport needs.
func (r *request) facts() policyengine.RADIUSFacts {
	var f policyengine.RADIUSFacts
	for _, a := range r.avps {
		d := &dictionary[a.typ]
		if d.format == hidden {
			continue
		}
		if field := factField(&f, a.typ); field != nil && *field == "" {
			*field = d.show(a.value)
			continue
		}
		if f.Attributes == nil {
			f.Attributes = make(map[string][]string)
		}
		f.Attributes[d.name] = append(f.Attributes[d.name], d.show(a.value))
	}
	return f
}

// factField returns the field that an attribute of this type fills; a second
// one of the type goes to the other attributes.
func factField(f *policyengine.RADIUSFacts, typ byte) *string {
	switch typ {
	case typeNASIdentifier:
		return &f.NASIdentifier
	case typeNASIPAddress, typeNASIPv6Address:
		return &f.NASIP
	case typeNASPortType:
		return &f.NASPortType
	case typeCalledStationID:
		return &f.CalledStationID
	case typeCallingStationID:
		return &f.CallingStationID
	case typeServiceType:
		return &f.ServiceType
	}
	return nil
}

// clientIP finds the end user's address, which VPN gateways send in
// Calling-Station-Id, some with the port in brackets ("192.0.2.7[4500]"), or in
// Tunnel-Client-Endpoint. It is invalid when the packet does not tell.
func (r *request) clientIP(callingStation string) netip.Addr {
	if a := parseStation(callingStation); a.IsValid() {
		return a
	}
	return parseStation(string(untag(r.first(typeTunnelClientEndpoint))))
}

// parseStation reads an address from a station id; most are MAC addresses or
// telephone numbers.
func parseStation(s string) netip.Addr {
	if s == "" || strings.IndexByte(s, ':') < 0 && strings.IndexByte(s, '.') < 0 {
		return netip.Addr{}
	}
	if inner, ok := strings.CutSuffix(s, "]"); ok {
		before, within, _ := strings.Cut(inner, "[")
		s = cmp.Or(before, within)
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	a = a.Unmap()
	// An EUI-64 such as 00:1b:… parses as IPv6; groups of two digits put it
	// into 0000::/8, where no host but ::1 lives.
	if a.Is6() && a.As16()[0] == 0 && !a.IsLoopback() {
		return netip.Addr{}
	}
	return a
}
