package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/proxy"
)

// Handler decides logins; *proxy.Proxy is one.
type Handler interface {
	// Login decides. An Outcome always exists.
	Login(ctx context.Context, a *proxy.Attempt) proxy.Outcome
	// Refuse records a login that ended before anything was asked, and returns
	// its Outcome with texts.
	Refuse(ctx context.Context, a *proxy.Attempt, r proxy.Reason) proxy.Outcome
}

var _ Handler = (*proxy.Proxy)(nil)

// defaultLoginTimeout bounds a login where the configuration does not say.
const defaultLoginTimeout = 10 * time.Second

// Table is what the configuration says about LDAP: which base DN belongs to
// which application, how a bind name says who the user is, who decides, and the
// certificate. It is immutable; a reload makes a new one for Server.Use.
type Table struct {
	handler Handler
	tls     *tls.Config // nil: neither StartTLS nor LDAPS

	bases map[dn.Key]*base // by the key of the base DN
	// contexts are the base DNs as written, sorted: the root DSE's namingContexts.
	contexts []string
	// domains are the applications of bind names that are no DN, by domain in lower
	// case, or by anyDomain.
	domains map[string]*base

	timeout         time.Duration
	refuseAnonymous bool
	requireTLS      bool
	policyRefusal   int
}

// base is an application's part of the tree.
type base struct {
	application string
	dn          string // as written
	templates   []template
	patterns    []pattern
}

// NewTable builds a Table. t is the TLS configuration of StartTLS and LDAPS, nil
// for none; it must carry a certificate or a way to get one. The error joins all
// faults, each with its place in the configuration.
func NewTable(cfg *config.Config, h Handler, t *tls.Config) (*Table, error) {
	table := &Table{
		handler:         h,
		tls:             t,
		bases:           make(map[dn.Key]*base),
		domains:         make(map[string]*base),
		timeout:         cfg.Login.Timeout,
		refuseAnonymous: cfg.LDAP.AnonymousBind == "refuse",
		requireTLS:      cfg.LDAP.RequireTLS,
		policyRefusal:   cfg.LDAP.PolicyRefusalCode,
	}
	if table.policyRefusal == 0 {
		table.policyRefusal = invalidCredentials
	}
	if table.timeout <= 0 {
		table.timeout = defaultLoginTimeout
	}
	var faults []error
	if cfg.LDAP.RequireTLS && t == nil {
		faults = append(faults, cfg.Fault("ldap.require_tls", "there is no certificate, so no bind could succeed: set tls.certificate and tls.key"))
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Applications)) {
		app := cfg.Applications[name]
		if app == nil || app.LDAP == nil {
			continue
		}
		faults = append(faults, table.add(cfg, name, app.LDAP)...)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.Sort(table.contexts)
	return table, nil
}

// add enters an application and returns what is wrong with it.
func (t *Table) add(cfg *config.Config, name string, app *config.ApplicationLDAP) []error {
	path := "applications." + name + ".ldap."
	root, err := dn.Parse(app.BaseDN)
	if err != nil {
		return []error{cfg.Fault(path+"base_dn", "%q is not a distinguished name: write it like dc=example,dc=org", app.BaseDN)}
	}
	if len(root) == 0 {
		return []error{cfg.Fault(path+"base_dn", "the base DN is empty: it would take every bind there is; write it like dc=example,dc=org")}
	}
	b := &base{application: name, dn: app.BaseDN}
	key := root.Key()
	if twin, ok := t.bases[key]; ok {
		return []error{cfg.Fault(path+"base_dn", "%q is the base DN of application %q already: give each application its own", app.BaseDN, twin.application)}
	}
	t.bases[key] = b
	t.contexts = append(t.contexts, app.BaseDN)
	faults := t.addDomains(cfg, path+"domains", app.Domains, b)
	if app.UserDN == "" {
		b.templates = defaultTemplates(root)
	} else if tmpl, err := parseTemplate(app.UserDN, root); err != nil {
		faults = append(faults, cfg.Fault(path+"user_dn", "%q: %w", app.UserDN, err))
	} else {
		b.templates = []template{tmpl}
	}
	return append(faults, b.addPatterns(cfg, path+"user_dn_patterns", app.UserDNPatterns)...)
}

// addDomains enters the domains of an application.
func (t *Table) addDomains(cfg *config.Config, path string, domains []string, b *base) (faults []error) {
	for i, domain := range domains {
		key := strings.ToLower(domain)
		if twin, ok := t.domains[key]; ok {
			faults = append(faults, cfg.Fault(fmt.Sprintf("%s[%d]", path, i),
				"%q is a domain of application %q already: a name belongs to one application", domain, twin.application))
			continue
		}
		t.domains[key] = b
	}
	return faults
}

// addPatterns compiles the patterns of an application.
func (b *base) addPatterns(cfg *config.Config, path string, patterns []string) (faults []error) {
	if len(patterns) > maxPatterns {
		return []error{cfg.Fault(path, "there are %d patterns, and %d are the most: join some with |", len(patterns), maxPatterns)}
	}
	for i, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			faults = append(faults, cfg.Fault(fmt.Sprintf("%s[%d]", path, i), "%w", err))
			continue
		}
		b.patterns = append(b.patterns, p)
	}
	return faults
}

// find returns the application whose base DN is the longest that a name ends
// in, or nil. Names are compared RDN by RDN, never by characters.
func (t *Table) find(name dn.Key) *base {
	for name != "" {
		if b := t.bases[name]; b != nil {
			return b
		}
		_, name = name.Cut(1)
	}
	return nil
}
