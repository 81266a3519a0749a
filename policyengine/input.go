package policyengine

import (
	"net/netip"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Input is everything that policies may know of one login. It holds plain
// values and never a secret: no password, code, shared secret or State. It is
// built once per login and not changed afterwards.
type Input struct {
	// RequestID names the login in logs and audit.
	RequestID string
	// Protocol is "radius" or "ldap"; Operation is "auth" or "bind".
	Protocol, Operation string
	// Application is the key of the application that is logged in to.
	Application string
	// User is who logs in. Never nil: decisions are made about known users.
	User *identity.User
	// Login is the name as it was typed, realm included.
	Login string
	// Realm is the realm that the login resolved to.
	Realm string
	// Source describes the directory that the user came from.
	Source Source
	// ClientIP is the end user's address when known, else the peer's, IPv4-mapped
	// addresses unmapped. ClientIPKnown tells which.
	ClientIP      netip.Addr
	ClientIPKnown bool
	// PeerIP is the NAS or the LDAP client.
	PeerIP netip.Addr
	// AuthMethod says how the credential was verified ("password", …); empty
	// before it was (stage admission).
	AuthMethod string
	// RADIUS and LDAP hold what only one of the protocols knows. The other one is
	// the zero value.
	RADIUS RADIUSFacts
	LDAP   LDAPFacts
	// Geo and ASN locate ClientIP. Known is false without a database.
	Geo GeoFacts
	ASN ASNFacts
	// Now is the clock of the decision, in the time zone that policies use.
	Now time.Time
}

// Source names the directory that a user came from, and its type.
type Source struct {
	Name, Type string
}

// RADIUSFacts are the attributes of an Access-Request that policies may read
// (RFC 2865 section 5). Texts are empty when the attribute is absent.
type RADIUSFacts struct {
	NASIdentifier, NASIP, NASPortType, CalledStationID, CallingStationID, ServiceType string
	// Attributes are all further attributes by name, without credentials, State
	// and proxy bookkeeping.
	Attributes map[string][]string
}

// LDAPFacts are what an LDAP connection adds to a bind. BindDN is the name as it
// was sent: a DN, DOMAIN\login or login@domain. TLS is the protocol version
// ("1.3"), empty on a plain connection.
type LDAPFacts struct {
	BindDN, BaseDN, TLS string
}

// GeoFacts locate an address. All fields but Known are zero when it is false.
type GeoFacts struct {
	Known                    bool
	Continent, Country, City string
	Lat, Long                float64
	// NoPosition says that the database has none for a known address, as those of
	// countries do; Lat and Long are 0 and mean nothing then.
	NoPosition bool
}

// Positioned reports whether Lat and Long are known.
func (g GeoFacts) Positioned() bool { return g.Known && !g.NoPosition }

// ASNFacts name the network that an address belongs to.
type ASNFacts struct {
	Known   bool
	ASN     uint
	Org     string
	Network string
}
