package proxy

import (
	"net/netip"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Protocol is the language in which a login arrived.
type Protocol string

// The protocols that Sallyport answers.
const (
	RADIUS Protocol = "radius"
	LDAP   Protocol = "ldap"
)

// Attempt is one login as a front-end understood it. The front-end has already
// found out which application is logged in to and whether the packet is well
// formed; nothing else was checked.
type Attempt struct {
	// ID names the login in logs, traces and audit.
	ID       string
	Protocol Protocol
	// Operation is "auth" (Access-Request) or "bind" (LDAP bind).
	Operation string
	// Application is the key of the application in the configuration.
	Application string
	// Username is what the user typed, realm included, valid UTF-8 without NUL.
	Username   string
	Credential identity.Credential
	// ClientIP is the end user's address if the protocol told it, else invalid.
	ClientIP netip.Addr
	// PeerIP is the NAS or the LDAP client that speaks to us.
	PeerIP netip.Addr
	// Client names the peer as the configuration or the packet does (a NAS
	// identifier, a client network), for the log. May be empty.
	Client   string
	Received time.Time
	// RADIUS and LDAP are facts for policies; the other protocol's is zero.
	RADIUS policyengine.RADIUSFacts
	LDAP   policyengine.LDAPFacts
	// State is what an earlier Access-Challenge handed out; empty on a first
	// round. It is a secret of this conversation.
	State []byte
}
