package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Options are what the connections to the servers are made with.
type Options = upstream.Options

// ServerStatus is how one server of a directory does.
type ServerStatus = upstream.ServerStatus

// cluster is the connections to the servers of one directory. From Search, a
// *goldap.Error with a code of RFC 4511 is a server's answer; any other error,
// also from Bind, means that none could be asked. A search with the control for
// paged results returns all pages.
type cluster interface {
	Search(ctx context.Context, req *goldap.SearchRequest) (*goldap.SearchResult, error)
	Bind(ctx context.Context, dn, password string) (upstream.BindResult, error)
	Status() []upstream.ServerStatus
	Diagnose(ctx context.Context, report func(upstream.Step))
	Close() error
}

var _ cluster = (*upstream.Cluster)(nil)

// Directory is the users of an LDAP server. Its methods may be called by several
// goroutines.
type Directory struct {
	name     string
	settings *settings
	cluster  cluster
	refusals pace // binds that were refused
	climbs   pace // look-ups of groups
}

// New makes the directory that the configuration calls name. It checks all that
// cfg says, with the defaults of its flavor filled in, and needs no network;
// its errors name the keys. Close it in the end.
func New(name string, cfg *config.LDAPDirectory, o Options) (*Directory, error) {
	s, err := newSettings(cfg)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", name, err)
	}
	c, err := upstream.Open(name, cfg, o)
	if err != nil {
		return nil, err
	}
	return &Directory{name: name, settings: s, cluster: c}, nil
}

// Status tells how the servers do.
func (d *Directory) Status() []ServerStatus { return d.cluster.Status() }

// Close ends all connections and waits for what runs on them.
func (d *Directory) Close() error { return d.cluster.Close() }

// Lookup finds a user by login, in any case, with all groups. It returns
// identity.ErrNotFound if there is none, and identity.ErrAmbiguous if the login
// means several entries. What no directory can have as a login (control
// characters, more than 255 octets) is not found without asking.
func (d *Directory) Lookup(ctx context.Context, login string) (*identity.User, error) {
	u, err := d.lookup(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.name, err)
	}
	return u, nil
}

func (d *Directory) lookup(ctx context.Context, login string) (*identity.User, error) {
	if !plausibleLogin(login) {
		return nil, identity.ErrNotFound
	}
	if d.settings.template != nil && d.settings.anonymous {
		return d.unseen(login)
	}
	found, err := d.find(ctx, login)
	if err != nil {
		if errors.Is(err, identity.ErrNotFound) {
			// The clock must not tell who exists: users have groups to look up.
			if late := d.climbs.wait(ctx); late != nil {
				return nil, late
			}
		}
		return nil, err
	}
	u, err := d.settings.user(found.entry, d.name)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := d.complete(ctx, u, found.entry); err != nil {
		return nil, err
	}
	d.climbs.add(time.Since(begin))
	return u, nil
}

// complete looks up a user's groups.
func (d *Directory) complete(ctx context.Context, u *identity.User, e *entry) error {
	list, err := d.groups(ctx, e, u.Login)
	if err != nil {
		return fmt.Errorf("groups of %q: %w", cleanText(u.DN), err)
	}
	setGroups(u, list)
	return nil
}

// find asks for the one entry that has the login.
func (d *Directory) find(ctx context.Context, login string) (match, error) {
	for _, req := range d.settings.requests(login) {
		found, err := d.search(ctx, req)
		base := req.Scope == goldap.ScopeBaseObject
		switch {
		case base && (hasCode(err, goldap.LDAPResultNoSuchObject) || hasCode(err, goldap.LDAPResultInvalidDNSyntax)),
			err == nil && len(found) == 0:
			continue
		case hasCode(err, goldap.LDAPResultSizeLimitExceeded):
			return match{}, fmt.Errorf("more than %d entries: %w", maxCandidates, identity.ErrAmbiguous)
		case err != nil:
			return match{}, fmt.Errorf("search below %q: %w", req.BaseDN, err)
		}
		return d.settings.choose(found, d.settings.spellings(login))
	}
	return match{}, identity.ErrNotFound
}

// unseen makes a user of a login that only a bind can prove to be one.
func (d *Directory) unseen(login string) (*identity.User, error) {
	spellings := d.settings.spellings(login)
	login = spellings[len(spellings)-1]
	name, ok := d.settings.template.fill(login)
	if !ok || !oneSpelling(login) {
		return nil, identity.ErrNotFound
	}
	return &identity.User{ID: identity.Fold(name), Login: login, Directory: d.name, DN: name, Active: true}, nil
}

// Verify has the server check a password. It answers Wrong without asking for a
// password that no server should see: empty, longer than 4096 octets, with NUL,
// or not UTF-8.
func (d *Directory) Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error) {
	password, ok := c.(identity.Password)
	if !ok {
		return identity.Unsupported, nil
	}
	if !plausiblePassword(password.Reveal()) {
		return identity.Wrong, nil
	}
	if u.DN == "" {
		return identity.Wrong, fmt.Errorf("directory %s: user %q has no DN to bind with", d.name, u.Login)
	}
	begin := time.Now()
	result, err := d.cluster.Bind(ctx, u.DN, password.Reveal())
	if err != nil {
		return identity.Wrong, fmt.Errorf("directory %s: bind as %q: %w", d.name, cleanText(u.DN), err)
	}
	if result.Code == goldap.LDAPResultInvalidCredentials {
		d.refusals.add(time.Since(begin))
	}
	v, err := verdict(result, u.Active)
	if err != nil {
		if strings.Contains(result.Text, password.Reveal()) { // errors are logged
			err = fmt.Errorf("the server answers %s", resultText(result.Code, "(text withheld: it repeats the password)"))
		}
		return identity.Wrong, fmt.Errorf("directory %s: bind as %q at %s: %w", d.name, cleanText(u.DN), result.Server, err)
	}
	if v == identity.MustChange && d.settings.mustChange && proven(result) {
		return identity.Right, nil
	}
	return v, nil
}

// VerifyNobody takes as long as a wrong password did lately. It fails when no
// server is up, so that an outage is not taken for an unknown user. No server is
// asked.
func (d *Directory) VerifyNobody(ctx context.Context, _ string, c identity.Credential) error {
	password, ok := c.(identity.Password)
	if !ok || !plausiblePassword(password.Reveal()) {
		return nil // Verify would not ask either
	}
	up := false
	for _, server := range d.cluster.Status() {
		up = up || server.State != upstream.StateDown
	}
	if !up {
		return fmt.Errorf("directory %s: no server is up", d.name)
	}
	if err := d.refusals.wait(ctx); err != nil {
		return fmt.Errorf("directory %s: %w", d.name, err)
	}
	return nil
}
