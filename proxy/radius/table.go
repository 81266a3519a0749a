package radius

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // RFC 2865 and RFC 3579 are built on it.
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/gaissmai/bart"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy"
)

// Handler decides logins; *proxy.Proxy is one. Both methods always return an
// Outcome, also when ctx has ended.
type Handler interface {
	// Login runs the stages of a login.
	Login(ctx context.Context, a *proxy.Attempt) proxy.Outcome
	// Refuse records a login that ended before the stages, and returns its
	// Outcome with the texts for the user. The Attempt's Credential may be nil.
	Refuse(ctx context.Context, a *proxy.Attempt, r proxy.Reason) proxy.Outcome
}

var _ Handler = (*proxy.Proxy)(nil)

// Table says which RADIUS clients there are, to which application they belong
// and who decides their logins. It is never changed; a reload makes a new one.
type Table struct {
	clients bart.Table[*client]
	handler Handler
}

// signing says what a request without Message-Authenticator is worth.
type signing uint8

const (
	// limit takes it when it carries neither Proxy-State nor EAP-Message.
	limit signing = iota
	require
	off
)

// client is one prefix of an application's RADIUS clients.
type client struct {
	application  string
	network      string // the prefix as text, for logs
	secret       []byte
	signing      signing
	rejectOutage bool
	macs         sync.Pool // of hash.Hash, HMAC-MD5 under secret
}

// NewTable makes the table of all applications' RADIUS clients. It reports
// every fault of the configuration at once: a prefix that stands twice, an
// empty secret.
func NewTable(cfg *config.Config, h Handler) (*Table, error) {
	t := &Table{handler: h}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(cfg.Applications)) {
		app := cfg.Applications[key]
		if app == nil || app.RADIUS == nil {
			continue
		}
		faults = append(faults, t.add(cfg, key, app.RADIUS)...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return t, nil
}

// add enters the clients of one application.
func (t *Table) add(cfg *config.Config, key string, app *config.ApplicationRADIUS) (faults []error) {
	path := "applications." + key + ".radius"
	if app.Secret.Reveal() == "" {
		faults = append(faults, cfg.Fault(path+".secret", "the shared secret is empty"))
	}
	mode, err := parseSigning(app.MessageAuthenticator, cfg.RADIUS.MessageAuthenticator)
	if err != nil {
		faults = append(faults, cfg.Fault(path+".message_authenticator", "%w", err))
	}
	reject, err := parseOutage(app.OnOutage, cfg.RADIUS.OnOutage)
	if err != nil {
		faults = append(faults, cfg.Fault(path+".on_outage", "%w", err))
	}
	for i, written := range app.Clients {
		prefix := canonical(written)
		if !prefix.IsValid() {
			faults = append(faults, cfg.Fault(fmt.Sprintf("%s.clients[%d]", path, i), "%s is not a network", written))
			continue
		}
		if other, twice := t.clients.Get(prefix); twice {
			faults = append(faults, cfg.Fault(fmt.Sprintf("%s.clients[%d]", path, i),
				"%s already belongs to applications.%s: give each client to one application", prefix, other.application))
			continue
		}
		c := &client{
			application:  key,
			network:      prefix.String(),
			secret:       []byte(app.Secret.Reveal()),
			signing:      mode,
			rejectOutage: reject,
		}
		c.macs.New = func() any { return hmac.New(md5.New, c.secret) }
		t.clients.Insert(prefix, c)
	}
	return faults
}

// canonical masks a prefix and turns an IPv4-mapped one into IPv4, which is
// how peers are looked up.
func canonical(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// parseSigning reads a message_authenticator setting, or its default.
func parseSigning(own, general string) (signing, error) {
	if own == "" {
		own = general
	}
	switch own {
	case "", "limit":
		return limit, nil
	case "require":
		return require, nil
	case "off":
		return off, nil
	}
	return require, fmt.Errorf("%q is none of require, limit, off", own)
}

// parseOutage reads an on_outage setting, or its default, and reports whether
// an outage is answered with a Reject.
func parseOutage(own, general string) (reject bool, err error) {
	if own == "" {
		own = general
	}
	switch own {
	case "", "silence":
		return false, nil
	case "reject":
		return true, nil
	}
	return false, fmt.Errorf("%q is none of silence, reject", own)
}

// lookup finds the client with the longest prefix that holds an address, which
// must not be IPv4-mapped; the zone of a link-local one does not count. It
// returns nil for a stranger.
func (t *Table) lookup(addr netip.Addr) *client {
	c, _ := t.clients.Lookup(addr.WithZone(""))
	return c
}

// mac appends the HMAC-MD5 over the parts under the client's secret to dst.
func (c *client) mac(dst []byte, parts ...[]byte) []byte {
	m, _ := c.macs.Get().(hash.Hash)
	defer c.macs.Put(m)
	m.Reset()
	for _, p := range parts {
		_, _ = m.Write(p)
	}
	return m.Sum(dst)
}
