package regotest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// The fixture answers for everything that policies can ask.
var (
	_ rego.Users    = (*Fixture)(nil)
	_ rego.Resolver = (*Fixture)(nil)
	_ rego.Web      = (*Fixture)(nil)
	_ rego.Native   = (*Fixture)(nil)
)

// User returns the first user of this name.
func (f *Fixture) User(login string) (*identity.User, error) {
	u, err := f.UserByLogin(context.Background(), "", login)
	if err != nil {
		names := make([]string, len(f.users))
		for i, known := range f.users {
			names[i] = known.Login
		}
		return nil, fmt.Errorf("the fixture has no user %.80q%s", login, config.DidYouMean(login, names))
	}
	return u, nil
}

// UserByLogin implements rego.Users; directories are asked in the order in which
// the fixture has users of them.
func (f *Fixture) UserByLogin(_ context.Context, directory, login string) (*identity.User, error) {
	for _, u := range f.users {
		if (directory == "" || u.Directory == directory) && identity.SameLogin(u.Login, login) {
			return u, nil
		}
	}
	return nil, identity.ErrNotFound
}

// FindUser implements rego.Users.
func (f *Fixture) FindUser(_ context.Context, want filter.Filter) (*identity.User, error) {
	var directories []string
	for _, u := range f.users {
		if !slices.Contains(directories, u.Directory) {
			directories = append(directories, u.Directory)
		}
	}
	byOrder := slices.SortedStableFunc(slices.Values(f.users), func(a, b *identity.User) int {
		if a.Directory != b.Directory {
			return slices.Index(directories, a.Directory) - slices.Index(directories, b.Directory)
		}
		return strings.Compare(a.Login, b.Login)
	})
	for _, u := range byOrder {
		if fits, err := want.User(u); fits || err != nil {
			return u, err
		}
	}
	return nil, identity.ErrNotFound
}

func hostKey(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Lookup implements rego.Resolver. A name that the fixture does not have has no
// addresses, and an address is its own.
func (f *Fixture) Lookup(_ context.Context, host string, version int) ([]string, error) {
	found := f.dns[hostKey(host)]
	if addr, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{addr.Unmap()}
	}
	texts := []string{}
	for _, addr := range found {
		if version == 0 || addr.Is4() == (version == 4) {
			texts = append(texts, addr.String())
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts), nil
}

// Reverse implements rego.Resolver: the first name that has the address.
func (f *Fixture) Reverse(_ context.Context, text string) (string, error) {
	if text == "" {
		return text, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("%.80q is no address", text)
	}
	for _, host := range slices.Sorted(maps.Keys(f.dns)) {
		if slices.Contains(f.dns[host], addr.Unmap()) {
			return host, nil
		}
	}
	return text, nil
}

// Has implements rego.Native, for the scoped policies of the fixture.
func (f *Fixture) Has(name string) bool {
	_, ok := f.scoped[name]
	return ok
}

// Applies implements rego.Native.
func (f *Fixture) Applies(_ context.Context, name string, _ *policyengine.Input) (bool, error) {
	return f.scoped[name], nil
}

// Reads implements rego.Native.
func (*Fixture) Reads(string) policyengine.Reads { return policyengine.Reads{} }
