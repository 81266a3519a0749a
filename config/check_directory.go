package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// directory checks what depends on the type of a directory, and gives absent
// keys the defaults that depend on others.
func (c *checker) directory(path, name string) {
	switch d := c.cfg.Directories[name]; d.Type {
	case "local":
		if d.Argon2 == nil {
			d.Argon2 = &Argon2{}
			c.section(nil, path+".argon2", reflect.ValueOf(d.Argon2).Elem())
		}
	case "ldap":
		c.ldapDirectory(path, &d.LDAPDirectory)
	}
}

// flavors are the defaults that depend on what the server is.
var flavors = map[string]LDAPDirectory{
	"openldap": {
		LoginAttribute: Names{"uid"}, UserFilter: "(objectClass=person)", IDAttribute: Names{"entryUUID"},
		Groups: LDAPGroups{
			Lookup: "member", Nested: "walk", MemberAttribute: Names{"member", "uniqueMember", "memberUid"},
			Filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
		},
	},
	"active_directory": {
		LoginAttribute: Names{"sAMAccountName", "userPrincipalName"}, IDAttribute: Names{"objectGUID"},
		UserFilter: "(&(objectCategory=person)(objectClass=user))",
		Groups: LDAPGroups{
			Lookup: "memberof", Nested: "in_chain", MemberAttribute: Names{"member"}, Filter: "(objectClass=group)",
		},
	},
	"freeipa": {
		LoginAttribute: Names{"uid"}, UserFilter: "(objectClass=person)", IDAttribute: Names{"ipaUniqueID"},
		Groups: LDAPGroups{
			Lookup: "memberof", Nested: "walk", MemberAttribute: Names{"member"}, Filter: "(objectClass=groupOfNames)",
		},
	},
}

// ldapDirectory completes and checks a directory of type ldap. Filters and DNs
// are parsed in full by the directory itself.
func (c *checker) ldapDirectory(path string, d *LDAPDirectory) {
	c.flavor(d)
	c.servers(path, d)
	t := d.TLS
	if (t.Certificate == "") != (t.Key == "") {
		c.refuse(path+".tls", "certificate and key go together; one is missing")
	}
	switch password := d.BindPassword.Reveal(); {
	case d.BindDN != "" && password == "" && c.sound(path+".bind_password"):
		c.refuse(path+".bind_password", "is missing: a bind with a name and no password proves nothing and would be anonymous")
	case d.BindDN == "" && password != "":
		c.refuse(path+".bind_dn", "is missing: bind_password belongs to it")
	}
	for _, at := range []struct{ key, dn string }{
		{"base_dn", d.BaseDN}, {"bind_dn", d.BindDN}, {"groups.base_dn", d.Groups.BaseDN},
	} {
		if at.dn == "" || at.key == "bind_dn" && strings.ContainsAny(at.dn, `@\`) && !strings.Contains(at.dn, "=") {
			continue // Active Directory takes user@domain and DOMAIN\user
		}
		if _, err := plainDN(at.dn); err != nil {
			c.refuse(path+"."+at.key, "%w", err)
		}
	}
	switch {
	case d.UserDN == "" && d.BaseDN == "":
		c.refuse(path+".base_dn", "is missing: it says where users are searched (or set user_dn)")
	case d.UserDN == "":
	case strings.Count(d.UserDN, "{login}") != 1:
		c.refuse(path+".user_dn", "must have {login} in exactly one place, as in uid={login},ou=people,dc=example,dc=org")
	case d.BindDN == "":
		c.warn(path+".user_dn", "without bind_dn users have no groups and no attributes")
	}
	if d.Groups.BaseDN == "" && d.BaseDN == "" && d.BindDN != "" && d.Groups.Lookup != "none" {
		c.refuse(path+".groups.base_dn", "is missing: it says where groups are searched (or set base_dn, or groups.lookup: none)")
	}
	if d.Groups.Nested == "in_chain" && d.Flavor != "active_directory" {
		c.refuse(path+".groups.nested", "in_chain is a rule of Active Directory, with which other servers find no groups at all: write walk, or flavor: active_directory")
	}
	for i, domain := range d.Domains {
		if !plainName.MatchString(domain) {
			c.refuse(fmt.Sprintf("%s.domains[%d]", path, i), "%q is not the name of a domain, such as corp.example", domain)
		}
	}
	if limit := c.cfg.Login.Timeout; d.Timeout >= limit && c.sound(path+".timeout") {
		c.warn(path+".timeout", "%s is not below login.timeout (%s): a login whose first server does not answer never asks another one", d.Timeout, limit)
	}
	c.attributeNames(path, d)
	if d.MustChange == "allow" {
		c.warn(path+".must_change", "allow lets users in with a password that they must change first")
	}
}

// flavor fills in what the file leaves open.
func (c *checker) flavor(d *LDAPDirectory) {
	defaults, ok := flavors[d.Flavor]
	if !ok {
		return // the decoder has told
	}
	for _, f := range []struct {
		into *string
		by   string
	}{
		{&d.UserFilter, defaults.UserFilter},
		{&d.Groups.Lookup, defaults.Groups.Lookup},
		{&d.Groups.Nested, defaults.Groups.Nested},
		{&d.Groups.Filter, defaults.Groups.Filter},
		{&d.Groups.BaseDN, d.BaseDN},
	} {
		if *f.into == "" {
			*f.into = f.by
		}
	}
	for _, f := range []struct {
		into *Names
		by   Names
	}{
		{&d.LoginAttribute, defaults.LoginAttribute},
		{&d.IDAttribute, defaults.IDAttribute},
		{&d.NameAttribute, Names{"displayName", "cn"}},
		{&d.EmailAttribute, Names{"mail"}},
		{&d.Groups.MemberAttribute, defaults.Groups.MemberAttribute},
	} {
		if len(*f.into) == 0 {
			*f.into = f.by
		}
	}
}

var srvName = regexp.MustCompile(`^_ldaps?\._tcp(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)+\.?$`)

// servers checks where the servers are.
func (c *checker) servers(path string, d *LDAPDirectory) {
	switch {
	case len(d.URLs) == 0 && d.SRV == "":
		c.refuse(path+".urls", "is missing: write [ldaps://HOST], or srv")
	case len(d.URLs) > 0 && d.SRV != "":
		c.refuse(path+".srv", "does not go together with urls")
	case d.SRV != "" && !srvName.MatchString(d.SRV):
		c.refuse(path+".srv", "%q is not the name of an SRV record: write _ldap._tcp.DOMAIN or _ldaps._tcp.DOMAIN", d.SRV)
	case d.SRV != "" && d.StartTLS == "off" && !strings.HasPrefix(d.SRV, "_ldaps."):
		c.warn(path+".start_tls", "passwords cross the network in clear text")
	}
	seen := map[string]bool{}
	for i, text := range d.URLs {
		at := fmt.Sprintf("%s.urls[%d]", path, i)
		u, err := upstreamURL(text)
		if err != nil {
			c.refuse(at, "%w", err)
			continue
		}
		if seen[u.Scheme+"://"+u.Host] {
			c.refuse(at, "is there twice")
		}
		seen[u.Scheme+"://"+u.Host] = true
		if u.Scheme == "ldap" && d.StartTLS == "off" && !loopbackHost(u.Hostname()) {
			c.warn(at, "passwords cross the network in clear text; write ldaps://, or start_tls: require")
		}
	}
}

// upstreamURL parses the URL of an LDAP server, which has a host, perhaps a port
// and nothing else.
func upstreamURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, errors.New("is not the URL of an LDAP server: write ldaps://HOST or ldap://HOST, with :PORT if it is not the usual one")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%q is not a port", port)
		}
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("has more than a host and a port; base DN and service account have keys of their own")
	}
	return u, nil
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)(;[A-Za-z0-9-]+)*$`)

// attributeNames refuses what cannot be the name of an attribute.
func (c *checker) attributeNames(path string, d *LDAPDirectory) {
	for _, list := range []struct {
		key   string
		names []string
	}{
		{"login_attribute", d.LoginAttribute},
		{"id_attribute", d.IDAttribute},
		{"name_attribute", d.NameAttribute},
		{"email_attribute", d.EmailAttribute},
		{"attributes", d.Attributes},
		{"group_attributes", d.GroupAttributes},
		{"groups.member_attribute", d.Groups.MemberAttribute},
		{"groups.name_attribute", []string{d.Groups.NameAttribute}},
	} {
		for i, name := range list.names {
			at := path + "." + list.key
			if strings.HasSuffix(list.key, "attributes") {
				at = fmt.Sprintf("%s[%d]", at, i)
			}
			switch {
			case name != "" && !attributeName.MatchString(name):
				c.refuse(at, "%q is not the name of an attribute", name)
			case holdsSecret(name):
				c.refuse(at, "%q holds credentials, which are never read", name)
			}
		}
	}
}

// secretAttributes hold what proves who a user is, or a computer. Policies must
// not see it.
var secretAttributes = []string{
	"userPassword", "2.5.4.35", "authPassword", "1.3.6.1.4.1.4203.1.3.4",
	"pwdHistory", "1.3.6.1.4.1.42.2.27.8.1.20", "passwordHistory",
	"sambaNTPassword", "sambaLMPassword", "sambaPasswordHistory", "sambaClearTextPassword",
	"krbPrincipalKey", "krbPwdHistory", "ipaNTHash", "ipatokenOTPkey", "ipatokenRadiusSecret",
	"unicodePwd", "1.2.840.113556.1.4.90", "ntPwdHistory", "lmPwdHistory", "dBCSPwd", "supplementalCredentials",
	"unixUserPassword", "msSFU30Password", "msDS-ManagedPassword", "ms-Mcs-AdmPwd", "msLAPS-Password",
	"msLAPS-EncryptedPassword", "msLAPS-EncryptedPasswordHistory", "msFVE-RecoveryPassword",
	"trustAuthIncoming", "trustAuthOutgoing",
}

// holdsSecret reports whether an attribute is one of them, whatever its options.
func holdsSecret(name string) bool {
	name, _, _ = strings.Cut(name, ";")
	return slices.ContainsFunc(secretAttributes, func(s string) bool { return strings.EqualFold(s, name) })
}

// realmNames checks the other names of a realm. Taken maps the names and aliases
// of realms, in lower case, to whose they are.
func (c *checker) realmNames(path, name string, realm *Realm, taken map[string]string) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"aliases", realm.Aliases}, {"upn_suffixes", realm.UPNSuffixes}} {
		for i, other := range list.names {
			at := fmt.Sprintf("%s.%s[%d]", path, list.key, i)
			if !plainName.MatchString(other) {
				c.refuse(at, "%q is not a plain name: up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit", other)
				continue
			}
			switch owner, ok := taken[strings.ToLower(other)]; {
			case ok && owner == name:
				c.refuse(at, "%q is a name of this realm already; names are compared without case, so leave it out", other)
				continue
			case ok:
				c.refuse(at, "%q is a name of realm %q already", other, owner)
				continue
			}
			taken[strings.ToLower(other)] = name
		}
	}
}
