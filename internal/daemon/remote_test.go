package daemon

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// remoteConfig is a configuration with one directory, of one server.
func remoteConfig(server string, change func(*config.LDAPDirectory)) *config.Config {
	cfg := &config.Config{Directories: map[string]*config.Directory{"corp": {Type: "ldap", LDAPDirectory: config.LDAPDirectory{
		Flavor: "openldap", URLs: []string{"ldap://" + server}, StartTLS: "off", TLS: config.UpstreamTLS{MinVersion: "1.2"},
		BaseDN: "dc=x", BindDN: "cn=s,dc=x", BindPassword: config.NewSecret("p"), LoginAttribute: config.Names{"uid"},
		UserFilter: "(objectClass=person)", Groups: config.LDAPGroups{Lookup: "none"},
		Timeout: time.Minute, HealthInterval: time.Hour, Pool: config.UpstreamPool{Binds: 1, Searches: 1, Idle: time.Minute},
		Cache: config.DirectoryCache{Entries: 10, TTL: time.Minute},
	}}}}
	cfg.Login.Timeout = time.Second
	if change != nil {
		change(&cfg.Directories["corp"].LDAPDirectory)
	}
	return cfg
}

// TestRemoteIsShared: a directory goes on for as long as nothing about it changes,
// and ends when nobody holds it any more.
func TestRemoteIsShared(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(ca, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Nothing is said by the server until it goes: so long it is not known to be down.
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	settings := func(change func(*config.LDAPDirectory)) *config.Config {
		return remoteConfig(server.Addr().String(), change)
	}
	open := func(cfg *config.Config, present *Snapshot) *Snapshot {
		s := &Snapshot{cfg: cfg, directories: map[string]source{}}
		if err := s.openLDAP(t.Context(), "corp", resources{present: present, log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	of := func(s *Snapshot) remote { return s.directories["corp"].(remote) }
	first := open(settings(nil), nil)
	second := open(settings(nil), first)
	if of(first).servers != of(second).servers || of(first).Cached != of(second).Cached {
		t.Error("an unchanged directory was made anew")
	}
	same := open(second.cfg, second)
	of(first).Close()
	of(second).Close()
	if n := of(same).holders.Load(); n != 1 {
		t.Errorf("%d Snapshots hold it", n)
	}
	for name, change := range map[string]func(*config.LDAPDirectory){
		"password": func(c *config.LDAPDirectory) { c.BindPassword = config.NewSecret("q") },
		"cache":    func(c *config.LDAPDirectory) { c.Cache.TTL = time.Second },
		"url":      func(c *config.LDAPDirectory) { c.URLs = append(c.URLs, "ldap://127.0.0.1:2") },
	} {
		other := open(settings(change), same)
		if of(other).servers == of(same).servers {
			t.Errorf("changed %s: the directory was kept", name)
		}
		of(other).Close()
	}
	server.Close()
	if _, err := of(same).Lookup(t.Context(), "alice"); err == nil || !of(same).anyDown() {
		t.Fatalf("nobody is there, but %v", err)
	}
	policies, reload := open(same.cfg, same), open(settings(nil), same)
	if of(policies).servers != of(same).servers || of(reload).servers == of(same).servers {
		t.Error("a reload must try a server that is down at once, a change of policies must not")
	}
	of(policies).Close()
	of(reload).Close()
	of(same).Close()
	if _, err := of(same).Lookup(t.Context(), "alice"); err == nil || of(same).holders.Load() != 0 {
		t.Errorf("given up by all: %v", err)
	}

	cfg := settings(func(c *config.LDAPDirectory) { c.TLS.CA = ca }).Directories["corp"].LDAPDirectory
	before, err := newRemoteSettings(&cfg, time.Second)
	if err != nil || os.WriteFile(ca, []byte("two"), 0o600) != nil {
		t.Fatal(err)
	}
	if after, err := newRemoteSettings(&cfg, time.Second); err != nil || string(before.files[0]) == string(after.files[0]) {
		t.Errorf("a file with another text: %v", err)
	}
}
