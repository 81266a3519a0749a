package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checker looks at what one key alone does not tell: references, and what
// excludes or needs each other. It leaves out what only follows from a fault
// that the decoder found.
type checker struct {
	*decoder
	cfg   *Config
	found []*Fault
}

// check collects all faults, and the warnings of a configuration that has none.
func (c *checker) check() {
	c.listeners()
	c.store()
	c.login()
	c.realms()
	for _, name := range plainNames(c, "directories", c.cfg.Directories) {
		c.directory("directories."+name, name)
	}
	c.applications()
	c.policies()
	c.bundle()
	c.outside()
	c.plugins()
}

// refuse reports a fault at path, unless the decoder found one there.
func (c *checker) refuse(path, format string, args ...any) {
	if c.sound(path) {
		c.found = append(c.found, c.places.fault(path, format, args...))
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// plainNames returns the sorted names of a section, and refuses odd ones.
func plainNames[T any](c *checker, path string, section map[string]T) []string {
	all := slices.Sorted(maps.Keys(section))
	for _, name := range all {
		if !plainName.MatchString(name) {
			c.refuse(join(path, printable(name)), "is not a plain name: up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit")
		}
	}
	return all
}

func (c *checker) listeners() {
	l, tls := c.cfg.Listen, c.cfg.TLS
	c.addresses("listen.radius", l.RADIUS, map[string]bool{})
	tcp := map[string]bool{l.HTTP.String(): l.HTTP.Port() != 0}
	c.addresses("listen.ldap", l.LDAP, tcp)
	c.addresses("listen.ldaps", l.LDAPS, tcp)
	for i, a := range l.LDAP {
		if exposed(a) && !c.cfg.LDAP.RequireTLS {
			c.warn(fmt.Sprintf("listen.ldap[%d]", i), "passwords may cross the network without TLS; set ldap.require_tls")
		}
	}
	if exposed(l.HTTP) {
		c.warn("listen.http", "metrics can be read from other machines")
	}
	certificate := tls.Certificate != "" || tls.Key != ""
	switch {
	case (tls.Certificate == "") != (tls.Key == ""):
		c.refuse("tls", "certificate and key go together; one is missing")
	case certificate && tls.SelfSigned != "":
		c.refuse("tls.self_signed", "does not go together with certificate and key")
	}
	if certificate || tls.SelfSigned != "" || !c.sound("tls") {
		return
	}
	if len(l.LDAPS) > 0 {
		c.refuse("listen.ldaps", "needs tls.certificate and tls.key, or tls.self_signed")
	}
	if c.cfg.LDAP.RequireTLS && len(l.LDAP) > 0 {
		c.refuse("ldap.require_tls", "needs tls.certificate and tls.key, or tls.self_signed: without them nobody could log in at listen.ldap")
	}
}

// addresses checks one list. Seen are the addresses of the lists before it.
func (c *checker) addresses(path string, list []ListenAddr, seen map[string]bool) {
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !a.IsValid():
			c.refuse(at, `"off" has no place in a list; leave the list empty`)
		case seen[a.String()]:
			c.refuse(at, "%s is there twice", a)
		}
		seen[a.String()] = a.Port() != 0
	}
}

func (c *checker) store() {
	file, ok := strings.CutPrefix(c.cfg.Store, sqliteScheme)
	switch {
	case strings.HasPrefix(c.cfg.Store, "postgres"):
		c.refuse("store", "PostgreSQL is not supported; write sqlite:FILE")
	case !ok:
		c.refuse("store", "%q is not a store; write sqlite:FILE", c.cfg.Store)
	case file == "" || strings.HasSuffix(file, "/"):
		c.refuse("store", "names no file; write sqlite:FILE")
	case strings.ContainsAny(file, "?#%"):
		c.refuse("store", "the file name must not contain ?, # or %%")
	}
}

func (c *checker) login() {
	zone := c.cfg.Login.TimeZone
	if _, err := time.LoadLocation(zone); err != nil || zone == "" {
		c.refuse("login.time_zone", "%q is not a time zone known here; write an IANA name such as Europe/Vienna, UTC or Local", zone)
	}
	if c.cfg.RADIUS.MessageAuthenticator == "off" {
		c.warn("radius.message_authenticator", "off leaves answers open to forgery (CVE-2024-3596); limit is safer, require safest")
	}
}

func (c *checker) realms() {
	known := slices.Sorted(maps.Keys(c.cfg.Directories))
	lower, byDefault, used := map[string]string{}, "", map[string]bool{}
	for _, name := range plainNames(c, "realms", c.cfg.Realms) {
		path, realm := join("realms", name), c.cfg.Realms[name]
		if other, ok := lower[strings.ToLower(name)]; ok {
			c.refuse(path, "is the realm %q again; names of realms are compared without case", other)
		}
		lower[strings.ToLower(name)] = name
		if realm.Default && byDefault != "" {
			c.refuse(path+".default", "realm %q is the default already; at most one can be", byDefault)
		} else if realm.Default {
			byDefault = name
		}
		c.realmNames(path, name, realm, lower)
		for i, dir := range realm.Directories {
			at := fmt.Sprintf("%s.directories[%d]", path, i)
			if _, ok := c.cfg.Directories[dir]; !ok && c.sound("directories") {
				c.refuse(at, "there is no directory %q%s", dir, DidYouMean(dir, known))
			}
			if slices.Contains(realm.Directories[:i], dir) {
				c.refuse(at, "%q is there twice", dir)
			}
			used[dir] = true
		}
	}
	if len(c.cfg.Realms) == 0 {
		c.warn("realms", "there is no realm; every login is refused")
	} else if byDefault == "" {
		c.warn("realms", "no realm has default: true; logins without a realm are refused")
	}
	for _, dir := range known {
		if !used[dir] {
			c.warn(join("directories", dir), "no realm uses this directory")
		}
	}
}

func (c *checker) policies() {
	if p := &c.cfg.Policies; p.Node == "" {
		p.Node, _ = os.Hostname() // without one, no policy with a pinode matches
	}
	for i, pattern := range c.cfg.Policies.Scoped {
		path := fmt.Sprintf("policies.scoped[%d]", i)
		if pattern == "" {
			c.refuse(path, "%w", errEmpty)
		} else if _, err := filepath.Match(pattern, ""); err != nil {
			c.refuse(path, "%q is not a pattern: a bracket is not closed", pattern)
		}
	}
}

var (
	pluginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	sha256Hex  = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

func (c *checker) plugins() {
	p := c.cfg.Plugins
	if len(p.Allow) > 0 && p.Directory == "" {
		c.refuse("plugins.allow", "needs plugins.directory")
	}
	seen := map[string]bool{}
	for i, plugin := range p.Allow {
		path := fmt.Sprintf("plugins.allow[%d]", i)
		switch {
		case plugin.Name == "":
		case !pluginName.MatchString(plugin.Name):
			c.refuse(path+".name", "%q is not a plugin name: a small letter, then small letters, digits and underscores, 64 at the most (policies use it as a name)", plugin.Name)
		case seen[plugin.Name]:
			c.refuse(path+".name", "%q is there twice", plugin.Name)
		}
		seen[plugin.Name] = true
		if plugin.SHA256 != "" && !sha256Hex.MatchString(plugin.SHA256) {
			c.refuse(path+".sha256", "is not a SHA-256: 64 hexadecimal digits")
		}
		for _, name := range slices.Sorted(maps.Keys(plugin.OnFailure)) {
			if plugin.OnFailure[name] == nil {
				c.refuse(path+".on_failure."+printable(name), "has no value; write what the function answers when it fails")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(plugin.Env)) {
			if !envName.MatchString(name) {
				c.refuse(path+".env."+printable(name), "is not a name of an environment variable")
			}
		}
	}
}
