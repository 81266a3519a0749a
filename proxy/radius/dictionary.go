package radius

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	_ "layeh.com/radius/rfc3576" // names Service-Type Authorize-Only
	_ "layeh.com/radius/rfc3580" // names Tunnel-Type VLAN and further port types
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc4818"
	"layeh.com/radius/rfc6911"
)

// The types of the attributes that this package looks into itself.
const (
	typeUserName             = byte(rfc2865.UserName_Type)
	typeUserPassword         = byte(rfc2865.UserPassword_Type)
	typeCHAPPassword         = byte(rfc2865.CHAPPassword_Type)
	typeNASIPAddress         = byte(rfc2865.NASIPAddress_Type)
	typeServiceType          = byte(rfc2865.ServiceType_Type)
	typeReplyMessage         = byte(rfc2865.ReplyMessage_Type)
	typeState                = byte(rfc2865.State_Type)
	typeVendorSpecific       = byte(rfc2865.VendorSpecific_Type)
	typeCalledStationID      = byte(rfc2865.CalledStationID_Type)
	typeCallingStationID     = byte(rfc2865.CallingStationID_Type)
	typeNASIdentifier        = byte(rfc2865.NASIdentifier_Type)
	typeProxyState           = byte(rfc2865.ProxyState_Type)
	typeNASPortType          = byte(rfc2865.NASPortType_Type)
	typeTunnelClientEndpoint = byte(rfc2868.TunnelClientEndpoint_Type)
	typeARAPPassword         = byte(rfc2869.ARAPPassword_Type)
	typeEAPMessage           = byte(rfc2869.EAPMessage_Type)
	typeMessageAuthenticator = byte(rfc2869.MessageAuthenticator_Type)
	typeNASIPv6Address       = byte(rfc3162.NASIPv6Address_Type)
)

// format says how the value of an attribute is written as text.
type format uint8

const (
	hidden       format = iota // never: credentials, State, bookkeeping, unknown
	text                       // as it is, in hex when it is not UTF-8
	tagged                     // text after an optional tag (RFC 2868 section 3)
	octets                     // in hex
	integer                    // decimal, or its name
	taggedNumber               // a tag and 24 bits (RFC 2868 section 3)
	address                    // IPv4 or IPv6
)

// definition is what we know of an attribute: how long its value may be, and
// how policies see it. The zero value allows every length and shows nothing.
type definition struct {
	name     string
	format   format
	min, max int // octets of the value; max 0 means no limit of its own
	names    func(uint32) string
}

// show returns the value as policies see it.
func (d *definition) show(v []byte) string {
	switch d.format {
	case integer, taggedNumber:
		if len(v) != 4 {
			break
		}
		n := binary.BigEndian.Uint32(v)
		if d.format == taggedNumber {
			n &= 0xffffff
		}
		if d.names != nil {
			if name := d.names(n); name != "" {
				return name
			}
		}
		return strconv.FormatUint(uint64(n), 10)
	case address:
		if a, ok := netip.AddrFromSlice(v); ok {
			return a.String()
		}
	case tagged:
		return readable(untag(v))
	case text:
		return readable(v)
	}
	return "0x" + hex.EncodeToString(v)
}

// readable returns a text as it is, and what is no text in hex.
func readable(v []byte) string {
	if utf8.Valid(v) {
		return string(v)
	}
	return "0x" + hex.EncodeToString(v)
}

// untag takes the tag from a tagged text: a first octet of at most 0x1F.
func untag(v []byte) []byte {
	if len(v) > 0 && v[0] <= 0x1f {
		return v[1:]
	}
	return v
}

// named makes a look-up of the codec's names of an enumeration.
func named[E ~uint32](names map[E]string) func(uint32) string {
	return func(n uint32) string { return names[E(n)] }
}

// number, addr4, addr6 and prefix6 define attributes of these types.
func number(name string) definition  { return definition{name, integer, 4, 4, nil} }
func addr4(name string) definition   { return definition{name, address, 4, 4, nil} }
func addr6(name string) definition   { return definition{name, address, 16, 16, nil} }
func prefix6(name string) definition { return definition{name, octets, 2, 18, nil} }
func words(name string) definition   { return definition{name: name, format: text} }
func enum(name string, f format, names func(uint32) string) definition {
	return definition{name, f, 4, 4, names}
}

// dictionary holds the attributes of RFC 2865, 2866, 2868, 2869, 3162, 4372,
// 4818 and 6911 that an Access-Request may carry or that have a fixed length.
var dictionary = [256]definition{
	typeUserName:             {name: "User-Name"},
	typeUserPassword:         {name: "User-Password", min: 16, max: 128},
	typeCHAPPassword:         {name: "CHAP-Password", min: 17, max: 17},
	typeNASIPAddress:         addr4("NAS-IP-Address"),
	typeServiceType:          enum("Service-Type", integer, named(rfc2865.ServiceType_Strings)),
	typeReplyMessage:         words("Reply-Message"),
	typeState:                {name: "State", min: 1},
	typeVendorSpecific:       {name: "Vendor-Specific", min: 5},
	typeCalledStationID:      words("Called-Station-Id"),
	typeCallingStationID:     words("Calling-Station-Id"),
	typeNASIdentifier:        words("NAS-Identifier"),
	typeProxyState:           {name: "Proxy-State"},
	typeNASPortType:          enum("NAS-Port-Type", integer, named(rfc2865.NASPortType_Strings)),
	typeTunnelClientEndpoint: {name: "Tunnel-Client-Endpoint", format: tagged},
	typeARAPPassword:         {name: "ARAP-Password", min: 16, max: 16},
	typeEAPMessage:           {name: "EAP-Message"},
	typeMessageAuthenticator: {name: "Message-Authenticator"}, // its length is judged with its value
	typeNASIPv6Address:       addr6("NAS-IPv6-Address"),

	rfc2865.NASPort_Type:                number("NAS-Port"),
	rfc2865.FramedProtocol_Type:         enum("Framed-Protocol", integer, named(rfc2865.FramedProtocol_Strings)),
	rfc2865.FramedIPAddress_Type:        addr4("Framed-IP-Address"),
	rfc2865.FramedIPNetmask_Type:        addr4("Framed-IP-Netmask"),
	rfc2865.FramedRouting_Type:          number("Framed-Routing"),
	rfc2865.FilterID_Type:               words("Filter-Id"),
	rfc2865.FramedMTU_Type:              number("Framed-MTU"),
	rfc2865.FramedCompression_Type:      number("Framed-Compression"),
	rfc2865.LoginIPHost_Type:            addr4("Login-IP-Host"),
	rfc2865.LoginService_Type:           enum("Login-Service", integer, named(rfc2865.LoginService_Strings)),
	rfc2865.LoginTCPPort_Type:           number("Login-TCP-Port"),
	rfc2865.CallbackNumber_Type:         words("Callback-Number"),
	rfc2865.CallbackID_Type:             words("Callback-Id"),
	rfc2865.FramedRoute_Type:            words("Framed-Route"),
	rfc2865.FramedIPXNetwork_Type:       number("Framed-IPX-Network"),
	rfc2865.Class_Type:                  {name: "Class", format: octets},
	rfc2865.SessionTimeout_Type:         number("Session-Timeout"),
	rfc2865.IdleTimeout_Type:            number("Idle-Timeout"),
	rfc2865.TerminationAction_Type:      number("Termination-Action"),
	rfc2865.LoginLATService_Type:        words("Login-LAT-Service"),
	rfc2865.LoginLATNode_Type:           words("Login-LAT-Node"),
	rfc2865.LoginLATGroup_Type:          {name: "Login-LAT-Group", format: octets, min: 32, max: 32},
	rfc2865.FramedAppleTalkLink_Type:    number("Framed-AppleTalk-Link"),
	rfc2865.FramedAppleTalkNetwork_Type: number("Framed-AppleTalk-Network"),
	rfc2865.CHAPChallenge_Type:          {name: "CHAP-Challenge", min: 5},
	rfc2865.PortLimit_Type:              number("Port-Limit"),
	rfc2865.LoginLATPort_Type:           words("Login-LAT-Port"),

	rfc2866.AcctStatusType_Type:     number("Acct-Status-Type"),
	rfc2866.AcctDelayTime_Type:      number("Acct-Delay-Time"),
	rfc2866.AcctInputOctets_Type:    number("Acct-Input-Octets"),
	rfc2866.AcctOutputOctets_Type:   number("Acct-Output-Octets"),
	rfc2866.AcctSessionID_Type:      words("Acct-Session-Id"),
	rfc2866.AcctAuthentic_Type:      number("Acct-Authentic"),
	rfc2866.AcctSessionTime_Type:    number("Acct-Session-Time"),
	rfc2866.AcctInputPackets_Type:   number("Acct-Input-Packets"),
	rfc2866.AcctOutputPackets_Type:  number("Acct-Output-Packets"),
	rfc2866.AcctTerminateCause_Type: number("Acct-Terminate-Cause"),
	rfc2866.AcctMultiSessionID_Type: words("Acct-Multi-Session-Id"),
	rfc2866.AcctLinkCount_Type:      number("Acct-Link-Count"),

	rfc2868.TunnelType_Type:           enum("Tunnel-Type", taggedNumber, named(rfc2868.TunnelType_Strings)),
	rfc2868.TunnelMediumType_Type:     enum("Tunnel-Medium-Type", taggedNumber, named(rfc2868.TunnelMediumType_Strings)),
	rfc2868.TunnelServerEndpoint_Type: {name: "Tunnel-Server-Endpoint", format: tagged},
	rfc2868.TunnelPassword_Type:       {name: "Tunnel-Password"},
	rfc2868.TunnelPrivateGroupID_Type: {name: "Tunnel-Private-Group-Id", format: tagged},
	rfc2868.TunnelAssignmentID_Type:   {name: "Tunnel-Assignment-Id", format: tagged},
	rfc2868.TunnelPreference_Type:     enum("Tunnel-Preference", taggedNumber, nil),
	rfc2868.TunnelClientAuthID_Type:   {name: "Tunnel-Client-Auth-Id", format: tagged},
	rfc2868.TunnelServerAuthID_Type:   {name: "Tunnel-Server-Auth-Id", format: tagged},

	rfc2869.AcctInputGigawords_Type:    number("Acct-Input-Gigawords"),
	rfc2869.AcctOutputGigawords_Type:   number("Acct-Output-Gigawords"),
	rfc2869.EventTimestamp_Type:        number("Event-Timestamp"),
	rfc2869.ARAPFeatures_Type:          {name: "ARAP-Features", min: 14, max: 14},
	rfc2869.ARAPZoneAccess_Type:        number("ARAP-Zone-Access"),
	rfc2869.ARAPSecurity_Type:          number("ARAP-Security"),
	rfc2869.ARAPSecurityData_Type:      {name: "ARAP-Security-Data"},
	rfc2869.PasswordRetry_Type:         number("Password-Retry"),
	rfc2869.Prompt_Type:                number("Prompt"),
	rfc2869.ConnectInfo_Type:           words("Connect-Info"),
	rfc2869.ConfigurationToken_Type:    words("Configuration-Token"),
	rfc2869.ARAPChallengeResponse_Type: {name: "ARAP-Challenge-Response", min: 8, max: 8},
	rfc2869.AcctInterimInterval_Type:   number("Acct-Interim-Interval"),
	rfc2869.NASPortID_Type:             words("NAS-Port-Id"),
	rfc2869.FramedPool_Type:            words("Framed-Pool"),

	rfc3162.FramedInterfaceID_Type: {name: "Framed-Interface-Id", format: octets, min: 8, max: 8},
	rfc3162.FramedIPv6Prefix_Type:  prefix6("Framed-IPv6-Prefix"),
	rfc3162.LoginIPv6Host_Type:     addr6("Login-IPv6-Host"),
	rfc3162.FramedIPv6Route_Type:   words("Framed-IPv6-Route"),
	rfc3162.FramedIPv6Pool_Type:    words("Framed-IPv6-Pool"),

	rfc4372.ChargeableUserIdentity_Type: words("Chargeable-User-Identity"),
	rfc4818.DelegatedIPv6Prefix_Type:    prefix6("Delegated-IPv6-Prefix"),
	rfc6911.FramedIPv6Address_Type:      addr6("Framed-IPv6-Address"),
	rfc6911.DNSServerIPv6Address_Type:   addr6("DNS-Server-IPv6-Address"),
	rfc6911.RouteIPv6Information_Type:   prefix6("Route-IPv6-Information"),
}
