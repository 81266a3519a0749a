package testenv

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// moduleDirs is where distributions put slapd's modules, schemaDirs where they
// put its schemas.
var (
	moduleDirs = []string{"/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/libexec/openldap"}
	schemaDirs = []string{"/etc/ldap/schema", "/etc/openldap/schema"}
)

func existing(t testing.TB, what string, dirs []string) string {
	t.Helper()
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	missing(t, fmt.Sprintf("slapd has no %s in any of %v", what, dirs))
	return ""
}

// tree is the LDIF to load.
func (o SlapdOptions) tree() string {
	if o.LDIF != "" {
		return o.LDIF
	}
	text := TreeLDIF
	if slices.Contains(o.Modules, "ppolicy") {
		text += "\n" + PolicyLDIF
	}
	return text + PlainUsersLDIF(o.Users)
}

// config is the text of slapd.conf.
func (s *Slapd) config(t testing.TB, o SlapdOptions) string {
	var b strings.Builder
	schemas := existing(t, "schemas", schemaDirs)
	for _, name := range []string{"core", "cosine", "inetorgperson", "nis"} {
		fmt.Fprintf(&b, "include %s/%s.schema\n", schemas, name)
	}
	backend := "mdb"
	if o.Proxy != "" {
		backend = "ldap"
	}
	fmt.Fprintf(&b, "modulepath %s\nmoduleload back_%s\n", existing(t, "modules", moduleDirs), backend)
	for _, module := range o.Modules {
		fmt.Fprintf(&b, "moduleload %s\n", module)
	}
	fmt.Fprintf(&b, "pidfile %s/pid\nargsfile %[1]s/args\n", s.dir)
	fmt.Fprintf(&b, "TLSCACertificateFile %s\nTLSCertificateFile %s/server.pem\nTLSCertificateKeyFile %[2]s/server.key\n", s.CAFile, s.dir)
	b.WriteString("sizelimit unlimited\nloglevel none\n")
	if o.Threads > 0 {
		fmt.Fprintf(&b, "threads %d\n", o.Threads)
	}
	b.WriteString(o.Global + "\n")
	if o.Proxy != "" {
		fmt.Fprintf(&b, "database ldap\nsuffix %q\nuri %q\nrebind-as-user yes\n%s\n", s.BaseDN, o.Proxy, o.Database)
		return b.String()
	}
	fmt.Fprintf(&b, "database mdb\nsuffix %q\nrootdn %q\nrootpw %q\n", s.BaseDN, s.AdminDN, s.AdminPassword)
	fmt.Fprintf(&b, "directory %s/db\nmaxsize 1073741824\ndbnosync\n", s.dir)
	b.WriteString("index objectClass,uid,cn,mail,member,uniqueMember,memberUid eq\n")
	if slices.Contains(o.Modules, "memberof") {
		b.WriteString("index memberOf eq\n")
	}
	b.WriteString("access to attrs=userPassword by anonymous auth by * none\n")
	b.WriteString("access to * by users read by anonymous auth\n")
	b.WriteString(o.Database + "\n")
	for _, module := range o.Modules {
		fmt.Fprintf(&b, "overlay %s\n", module)
		switch {
		case module == "refint":
			b.WriteString("refint_attributes member uniqueMember\n")
		case module == "ppolicy" && !o.HideLockout:
			b.WriteString("ppolicy_use_lockout\n")
		}
	}
	return b.String()
}
