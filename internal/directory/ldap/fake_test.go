package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/dn"
)

var errDown = errors.New("connection refused")

// server is a directory in memory that understands filters.
type server struct {
	entries []*goldap.Entry
	// bind answers binds; searchErr, if set, every search for which it returns
	// an error.
	bind      func(name, password string) (upstream.BindResult, error)
	searchErr func(req *goldap.SearchRequest) error
	controls  []goldap.Control // of each search
	up        bool

	mu       sync.Mutex
	searched []*goldap.SearchRequest
	bound    []string
}

// add puts an entry in: "attribute: value" lines, after its name.
func (s *server) add(name string, lines ...string) *server {
	attributes := map[string][]string{}
	for _, line := range lines {
		attribute, value, _ := strings.Cut(line, ": ")
		attributes[attribute] = append(attributes[attribute], value)
	}
	s.entries = append(s.entries, goldap.NewEntry(name, attributes))
	return s
}

func (s *server) Search(_ context.Context, req *goldap.SearchRequest) (*goldap.SearchResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searched = append(s.searched, req)
	if !s.up {
		return nil, errDown
	}
	if s.searchErr != nil {
		if err := s.searchErr(req); err != nil {
			return nil, err
		}
	}
	filter, err := goldap.CompileFilter(req.Filter)
	if err != nil {
		return nil, err
	}
	base, err := dn.Parse(req.BaseDN)
	if err != nil {
		return nil, &goldap.Error{ResultCode: goldap.LDAPResultInvalidDNSyntax, Err: err}
	}
	result, there := &goldap.SearchResult{Controls: s.controls}, false
	for _, e := range s.entries {
		name, err := dn.Parse(e.DN)
		if err != nil {
			result.Entries = append(result.Entries, e) // a server that lies
			continue
		}
		if !name.Key().Under(base.Key()) {
			continue
		}
		there = true
		if (req.Scope != goldap.ScopeBaseObject || name.Key() == base.Key()) && s.fits(e, filter) {
			result.Entries = append(result.Entries, reduced(e, req.Attributes))
		}
	}
	if !there && req.BaseDN != testBase {
		return nil, &goldap.Error{ResultCode: goldap.LDAPResultNoSuchObject, Err: errors.New("")}
	}
	if req.SizeLimit > 0 && len(result.Entries) > req.SizeLimit {
		return nil, &goldap.Error{ResultCode: goldap.LDAPResultSizeLimitExceeded, Err: errors.New("")}
	}
	return result, nil
}

// reduced is an entry with the attributes that were asked for.
func reduced(e *goldap.Entry, asked []string) *goldap.Entry {
	out := &goldap.Entry{DN: e.DN}
	for _, a := range e.Attributes {
		base, _, _ := strings.Cut(a.Name, ";")
		if slices.ContainsFunc(asked, func(s string) bool { return strings.EqualFold(s, base) || strings.EqualFold(s, a.Name) }) {
			out.Attributes = append(out.Attributes, a)
		}
	}
	return out
}

func (s *server) fits(e *goldap.Entry, f *ber.Packet) bool {
	test := func(c *ber.Packet) bool { return s.fits(e, c) }
	switch f.Tag {
	case goldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return !test(c) })
	case goldap.FilterOr:
		return slices.ContainsFunc(f.Children, test)
	case goldap.FilterNot:
		return !test(f.Children[0])
	case goldap.FilterPresent:
		return len(e.GetEqualFoldAttributeValues(f.Data.String())) > 0
	case goldap.FilterEqualityMatch:
		attribute, value := f.Children[0].Data.String(), f.Children[1].Data.String()
		return slices.ContainsFunc(e.GetEqualFoldAttributeValues(attribute), func(v string) bool { return alike(v, value) })
	case goldap.FilterExtensibleMatch: // the rule of chains
		attribute, value := f.Children[1].Data.String(), f.Children[2].Data.String()
		return s.chained(e, attribute, value, map[string]bool{})
	}
	return false
}

// chained follows members downwards.
func (s *server) chained(e *goldap.Entry, attribute, value string, seen map[string]bool) bool {
	if seen[e.DN] {
		return false
	}
	seen[e.DN] = true
	for _, member := range e.GetEqualFoldAttributeValues(attribute) {
		if alike(member, value) {
			return true
		}
		for _, below := range s.entries {
			if alike(below.DN, member) && s.chained(below, attribute, value, seen) {
				return true
			}
		}
	}
	return false
}

// alike compares names as names and other values as caseIgnoreMatch does, and
// takes ü for u as Active Directory.
func alike(a, b string) bool {
	if strings.Contains(a, "=") {
		left, err := dn.Parse(a)
		right, err2 := dn.Parse(b)
		return err == nil && err2 == nil && left.Key() == right.Key()
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "ü", "u") }
	return plain(a) == plain(b)
}

func (s *server) Bind(_ context.Context, name, password string) (upstream.BindResult, error) {
	s.mu.Lock()
	s.bound = append(s.bound, name)
	s.mu.Unlock()
	if !s.up {
		return upstream.BindResult{}, errDown
	}
	return s.bind(name, password)
}

func (s *server) Status() []upstream.ServerStatus {
	if s.up {
		return []upstream.ServerStatus{{State: upstream.StateDown}, {State: upstream.StateUp}}
	}
	return []upstream.ServerStatus{{State: upstream.StateDown}}
}

func (s *server) Close() error { return nil }
func (s *server) Diagnose(_ context.Context, report func(upstream.Step)) {
	report(upstream.Step{Name: "connect", Got: "connected"})
}

// filters are what was searched, in order.
func (s *server) filters() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, req := range s.searched {
		list = append(list, req.Filter)
	}
	return list
}

const testBase = "dc=example,dc=org"

// testConfig is a directory as the configuration has it when defaults are
// filled in, changed by change.
func testConfig(change func(*config.LDAPDirectory)) *config.LDAPDirectory {
	cfg := &config.LDAPDirectory{
		Flavor: "openldap", URLs: []string{"ldap://127.0.0.1"}, BaseDN: testBase, BindDN: "cn=svc," + testBase,
		LoginAttribute: config.Names{"uid"}, UserFilter: "(objectClass=person)", IDAttribute: config.Names{"entryUUID"},
		NameAttribute: config.Names{"displayName", "cn"}, EmailAttribute: config.Names{"mail"}, MustChange: "refuse",
		Groups: config.LDAPGroups{
			Lookup: "member", Nested: "walk", BaseDN: testBase, Filter: "(objectClass=groupOfNames)",
			MemberAttribute: config.Names{"member"}, NameAttribute: "cn", MaxDepth: 10,
		},
	}
	if change != nil {
		change(cfg)
	}
	return cfg
}

// activeDirectory turns a configuration into one for Active Directory.
func activeDirectory(cfg *config.LDAPDirectory) {
	cfg.Flavor = "active_directory"
	cfg.LoginAttribute = config.Names{"sAMAccountName", "userPrincipalName", "mail"}
	cfg.UserFilter = "(objectClass=user)"
	cfg.IDAttribute = config.Names{"objectGUID"}
	cfg.Groups.Lookup, cfg.Groups.Nested, cfg.Groups.Filter = "memberof", "in_chain", "(objectClass=group)"
}

// open makes a directory with a server in memory.
func open(tb testing.TB, s *server, change func(*config.LDAPDirectory)) *Directory {
	tb.Helper()
	set, err := newSettings(testConfig(change))
	if err != nil {
		tb.Fatal(err)
	}
	s.up = true
	return &Directory{name: "corp", settings: set, cluster: s}
}

// person is what most entries of users have.
func person(lines ...string) []string { return append([]string{"objectClass: person"}, lines...) }
