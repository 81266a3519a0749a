package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// knownSecrets are the RADIUS secrets of the quick start: everybody knows them.
var knownSecrets = []string{"testing123"}

// shortSecret is the length below which a RADIUS secret can be guessed from
// captured packets (RFC 2865 section 3 wants 16 octets or more where possible).
const shortSecret = 12

func (c *checker) applications() {
	clients, bases, domains := map[netip.Prefix]string{}, map[string]string{}, map[string]string{}
	radius := false
	for _, name := range plainNames(c, "applications", c.cfg.Applications) {
		path, app := join("applications", name), c.cfg.Applications[name]
		if app.RADIUS == nil && app.LDAP == nil {
			c.refuse(path, "has neither radius nor ldap, so that nobody can log in to it")
		}
		if app.RADIUS != nil {
			radius = true
			c.radius(path+".radius", app.RADIUS, clients)
		}
		if app.LDAP != nil {
			c.ldap(path+".ldap", app.LDAP, bases)
			c.domains(path+".ldap.domains", app.LDAP.Domains, domains)
		}
		c.bindings(path+".policies", app.Policies)
	}
	switch {
	case radius && len(c.cfg.Listen.RADIUS) == 0:
		c.warn("listen", "radius is empty, but applications have RADIUS clients")
	case !radius && len(c.cfg.Listen.RADIUS) > 0:
		c.warn("listen.radius", "no application has RADIUS clients; every request is discarded")
	}
	switch {
	case len(bases) > 0 && len(c.cfg.Listen.LDAP)+len(c.cfg.Listen.LDAPS) == 0:
		c.warn("listen", "ldap and ldaps are empty, but applications have an LDAP base DN")
	case len(bases) == 0 && len(c.cfg.Listen.LDAP)+len(c.cfg.Listen.LDAPS) > 0:
		c.warn("listen", "no application has an LDAP base DN; every bind is refused")
	}
}

// radius checks the RADIUS clients of an application. Seen maps the networks of
// the others to where they are.
func (c *checker) radius(path string, r *ApplicationRADIUS, seen map[netip.Prefix]string) {
	outside := false
	for i, p := range r.Clients {
		at := fmt.Sprintf("%s.clients[%d]", path, i)
		if !p.IsValid() {
			continue // the decoder has told
		}
		if other, ok := seen[p]; ok {
			c.refuse(at, "%s is there twice, first as %s", p, other)
			continue
		}
		seen[p] = at
		outside = outside || !loopback(p)
	}
	secret := r.Secret.Reveal()
	switch {
	case slices.Contains(knownSecrets, secret) && slices.ContainsFunc(c.cfg.Listen.RADIUS, exposed):
		c.refuse(path+".secret", "is the secret of the quick start, which everybody knows; listen.radius is open to other machines, so write another one")
	case outside && secret != "" && len(secret) < shortSecret:
		c.warn(path+".secret", "has fewer than %d characters and can be guessed from captured packets", shortSecret)
	}
	if r.MessageAuthenticator == "off" {
		c.warn(path+".message_authenticator", "off leaves answers open to forgery (CVE-2024-3596); limit is safer, require safest")
	}
}

// loopback reports whether a network has loopback addresses only.
func loopback(p netip.Prefix) bool {
	return p.Addr().IsLoopback() && (p.Addr().Is6() || p.Bits() >= 8)
}

// ldap checks how the DNs of an application look. It is a light check: the LDAP
// front-end normalizes DNs in full.
func (c *checker) ldap(path string, l *ApplicationLDAP, seen map[string]string) {
	if l.BaseDN == "" {
		return // the decoder has told
	}
	base, err := plainDN(l.BaseDN)
	if err != nil {
		c.refuse(path+".base_dn", "%w", err)
		return
	}
	if other, ok := seen[base]; ok {
		c.refuse(path+".base_dn", "%q is there twice, first as %s", l.BaseDN, other)
	} else {
		seen[base] = path + ".base_dn"
	}
	if l.UserDN == "" {
		return
	}
	user, err := plainDN(l.UserDN)
	switch {
	case err != nil:
		c.refuse(path+".user_dn", "%w", err)
	case strings.Count(l.UserDN, "{login}") != 1:
		c.refuse(path+".user_dn", "must have {login} exactly once, as in uid={login},ou=users,%s", l.BaseDN)
	case !strings.HasSuffix(user, ","+base) && !strings.Contains(user+base, `\`):
		c.refuse(path+".user_dn", "must end in the base DN %q; other bind DNs never reach this application", l.BaseDN)
	}
}

var (
	rdn       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*(\.[0-9]+)*$|^[0-9]+(\.[0-9]+)+$`)
	dnEscapes = regexp.MustCompile(`\\(.|$)`)
)

// plainDN is a DN in small letters without blanks around "," and "=". Escaped
// characters stay as they are.
func plainDN(dn string) (string, error) {
	// Escapes are hidden from the splitting behind characters that no text has.
	var hidden []string
	text := dnEscapes.ReplaceAllStringFunc(dn, func(s string) string {
		hidden = append(hidden, s)
		return "\x00"
	})
	parts := strings.Split(text, ",")
	for i, part := range parts {
		attribute, value, ok := strings.Cut(part, "=")
		attribute, value = strings.TrimSpace(attribute), strings.TrimSpace(value)
		if !ok || value == "" || !rdn.MatchString(attribute) {
			return "", fmt.Errorf("%q is not a DN: each part is attribute=value, as in ou=users,dc=example,dc=org", dn)
		}
		parts[i] = strings.ToLower(attribute + "=" + value)
	}
	plain := strings.Join(parts, ",")
	for _, s := range hidden {
		plain = strings.Replace(plain, "\x00", s, 1)
	}
	return plain, nil
}

// domains checks whose bind names an application takes. Seen maps the domains of
// the others, in lower case, to where they are.
func (c *checker) domains(path string, list []string, seen map[string]string) {
	for i, domain := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if domain != "*" && !plainName.MatchString(domain) {
			c.refuse(at, "%q is neither a plain name, such as CORP or corp.example, nor *", domain)
			continue
		}
		key := strings.ToLower(domain)
		if other, ok := seen[key]; ok {
			c.refuse(at, "%q is there twice, first as %s; take one of them out", domain, other)
			continue
		}
		seen[key] = at
		if domain != "*" {
			c.domainRealm(at, domain)
		}
	}
}

// domainRealm warns of a domain whose logins no realm knows.
func (c *checker) domainRealm(path, domain string) {
	var names []string
	fallback := false
	for name, realm := range c.cfg.Realms {
		if realm == nil {
			continue
		}
		fallback = fallback || realm.Default
		for _, known := range slices.Concat([]string{name}, realm.Aliases, realm.UPNSuffixes) {
			names = append(names, strings.ToLower(known))
		}
	}
	slices.Sort(names)
	if slices.Contains(names, strings.ToLower(domain)) {
		return
	}
	switch mean := DidYouMean(strings.ToLower(domain), names); {
	case !fallback:
		c.warn(path, "no realm has the name, alias or UPN suffix %q, so that its users are refused%s", domain, mean)
	case mean != "":
		c.warn(path, `no realm has the name, alias or UPN suffix %q, so that %[1]s\login is refused and login@%[1]s is a login of the default realm%[2]s`, domain, mean)
	}
}

// bindings checks that each binding names one thing.
func (c *checker) bindings(path string, p ApplicationPolicies) {
	active := false
	for i, b := range p.Bindings {
		at := fmt.Sprintf("%s.bindings[%d]", path, i)
		var kinds []string
		for _, kind := range []struct{ key, value string }{
			{"group", b.Group}, {"user", b.User}, {"policy", b.Policy}, {"scoped", b.Scoped},
		} {
			if kind.value != "" {
				kinds = append(kinds, kind.key)
			}
			if kind.value != strings.TrimSpace(kind.value) {
				c.refuse(join(at, kind.key), "%q begins or ends with a blank: take it out", kind.value)
			}
		}
		switch len(kinds) {
		case 0:
			c.refuse(at, "names nothing; write one of group, user, policy and scoped")
		case 1:
		default:
			c.refuse(at, "names %s; write only one of them, and a binding for each other", listing(kinds))
		}
		c.userRealm(at+".user", b.User)
		active = active || b.Enabled && !b.DryRun
	}
	if !active {
		c.warn(path, "no binding decides; everybody with the right credentials comes in")
	}
}

// userRealm warns of a user of a realm that does not exist but looks like one
// that does. Others may be logins that are e-mail addresses.
func (c *checker) userRealm(path, user string) {
	at := strings.LastIndexByte(user, '@')
	if at < 0 {
		return
	}
	realm := strings.ToLower(user[at+1:])
	var names []string
	for name := range c.cfg.Realms {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	if mean := DidYouMean(realm, names); mean != "" && !slices.Contains(names, realm) {
		c.warn(path, "there is no realm %q, so that %q is a login as it stands%s", user[at+1:], user, mean)
	}
}
