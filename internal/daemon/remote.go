package daemon

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
)

// remote is an LDAP directory whose users are remembered. Snapshots share it for as
// long as its settings stay the same, so that a change of policies neither connects
// anew nor forgets users and which servers are down.
type remote struct {
	*directory.Cached
	servers  *ldap.Directory
	settings *remoteSettings
	holders  *atomic.Int32 // Snapshots
}

// remoteSettings are what a remote is made of.
type remoteSettings struct {
	ldap  config.LDAPDirectory
	limit time.Duration // of a look-up
	files [][]byte      // what the TLS settings name
}

// Close gives the directory up. The last one who holds it ends the look-ups at work,
// then all connections.
func (r remote) Close() error {
	if r.holders.Add(-1) > 0 {
		return nil
	}
	return errors.Join(r.Cached.Close(), r.servers.Close())
}

// openLDAP makes a directory of type ldap, or holds the present one.
func (s *Snapshot) openLDAP(_ context.Context, name string, r resources) error {
	cfg := &s.cfg.Directories[name].LDAPDirectory
	settings, err := newRemoteSettings(cfg, s.cfg.Login.Timeout)
	if err == nil && r.present != nil {
		present, ok := r.present.directories[name].(remote)
		if ok && reflect.DeepEqual(present.settings, settings) && (s.cfg == r.present.cfg || !present.anyDown()) {
			present.holders.Add(1)
			s.directories[name] = present
			return nil
		}
	}
	// What cannot be read of the files, New reports in the administrator's terms.
	servers, err := ldap.New(name, cfg, ldap.Options{Log: r.log, Observer: r.directories.observer(name), Trial: r.trial})
	if err != nil {
		return s.cfg.Fault("directories."+name, "%w", err)
	}
	fresh := remote{directory.NewCached(servers, cfg.Cache, s.cfg.Login.Timeout), servers, settings, new(atomic.Int32)}
	fresh.holders.Add(1)
	s.directories[name] = fresh
	return nil
}

// newRemoteSettings reads the files, too: a certificate is renewed under its name.
func newRemoteSettings(cfg *config.LDAPDirectory, limit time.Duration) (*remoteSettings, error) {
	s := &remoteSettings{ldap: *cfg, limit: limit}
	for _, file := range []string{cfg.TLS.CA, cfg.TLS.Certificate, cfg.TLS.Key} {
		var text []byte
		if file != "" {
			var err error
			if text, err = os.ReadFile(file); err != nil {
				return nil, err
			}
		}
		s.files = append(s.files, text)
	}
	return s, nil
}

// anyDown reports whether a server is known to be down: a reload is how an
// administrator has it tried at once.
func (r remote) anyDown() bool {
	return slices.ContainsFunc(r.servers.Status(), func(s ldap.ServerStatus) bool { return s.State == upstream.StateDown })
}
