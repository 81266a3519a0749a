package ldap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Find returns that user of those whom the filter fits whose login comes first;
// identity.ErrNotFound if it fits none. Whether a value is the one that exact or in
// ask for is up to the directory's own rules, which mostly pass over case; what no
// server can be asked is looked at here. More candidates than search_limit are an
// error, since one that was left out could be the first.
func (d *Directory) Find(ctx context.Context, f filter.Filter) (*identity.User, error) {
	u, err := d.findBy(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.name, err)
	}
	return u, nil
}

func (d *Directory) findBy(ctx context.Context, f filter.Filter) (*identity.User, error) {
	if may, err := d.settings.possible(f, d.name); err != nil || !may {
		return nil, cmp.Or(err, identity.ErrNotFound)
	}
	if d.settings.base == "" || d.settings.template != nil && d.settings.anonymous {
		return nil, errors.New("users can be found by login alone: for anything else, set base_dn and bind_dn")
	}
	list, err := d.candidates(ctx, f)
	if err != nil {
		return nil, err
	}
	inGroup := f.Only(byGroup)
	for _, c := range list {
		fits, err := c.fits(d.settings, f)
		if err != nil {
			return nil, err
		}
		if !fits {
			continue
		}
		if err := d.complete(ctx, c.user, c.entry); err != nil {
			return nil, err
		}
		if fits, err = inGroup.User(c.user); err != nil || fits {
			return c.user, err
		}
	}
	return nil, identity.ErrNotFound
}

func byGroup(t filter.Term) bool { return t.Field == "groups__name" }

// alike reports whether all users of a directory have the same for the field.
func (s *settings) alike(t filter.Term) bool {
	switch t.Field {
	case "source", "type", "is_superuser":
		return true
	case "groups__name":
		return s.groups.lookup == "none"
	case "attributes":
		return len(t.Path) != 1 || !slices.Contains(s.attributes, t.Path[0])
	case "username", "id", "dn":
		return t.Lookup == "isnull"
	}
	return false
}

// possible reports whether the filter can fit anybody here, without asking.
func (s *settings) possible(f filter.Filter, directory string) (bool, error) {
	const some = "there is one"
	return f.Only(s.alike).User(&identity.User{Directory: directory, Login: some, ID: some, DN: some})
}

// candidate is an entry that the server took for one that fits.
type candidate struct {
	entry *entry
	user  *identity.User // without groups
}

// candidates asks for those that the filter may fit, and puts them in order.
func (d *Directory) candidates(ctx context.Context, f filter.Filter) ([]candidate, error) {
	requests, err := d.settings.findRequests(f)
	if err != nil {
		return nil, err
	}
	var list []candidate
	for _, req := range requests {
		found, err := d.searchMany(ctx, req)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if d.settings.loginOf(e) == "" {
				continue // nobody who could log in
			}
			u, err := d.settings.user(e, d.name)
			if err != nil {
				return nil, err
			}
			list = append(list, candidate{e, u})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(
			strings.Compare(identity.Fold(a.user.Login), identity.Fold(b.user.Login)),
			strings.Compare(a.user.Login, b.user.Login), strings.Compare(a.user.DN, b.user.DN))
	})
	return list, nil
}

// searchMany makes a search that may find as many entries as search_limit.
func (d *Directory) searchMany(ctx context.Context, req *goldap.SearchRequest) ([]*entry, error) {
	found, err := d.search(ctx, req)
	if hasCode(err, goldap.LDAPResultSizeLimitExceeded) && req.SizeLimit > groupPage {
		// It can be the server's own limit, which does not bind pages.
		req.Controls = []goldap.Control{goldap.NewControlPaging(groupPage)}
		found, err = d.search(ctx, req)
	}
	switch base := req.Scope == goldap.ScopeBaseObject; {
	case base && (hasCode(err, goldap.LDAPResultNoSuchObject) || hasCode(err, goldap.LDAPResultInvalidDNSyntax)):
		return nil, nil
	case hasCode(err, goldap.LDAPResultSizeLimitExceeded), errors.Is(err, goldap.ErrSizeLimitExceeded), len(found) > req.SizeLimit:
		return nil, fmt.Errorf("the server has more than %d entries to choose from for this filter (search_limit), or is not willing to send as many: name a field that it can look for, such as username or email, or raise the limit", d.settings.limit)
	case err != nil:
		return nil, fmt.Errorf("search below %q: %w", cleanText(req.BaseDN), err)
	}
	return found, nil
}

// fits reports whether a candidate is what the filter asks for, groups apart.
func (c candidate) fits(s *settings, f filter.Filter) (bool, error) {
	for _, t := range f.Terms() {
		if equality(t) && !c.same(s, t) {
			return false, nil
		}
	}
	return f.Only(func(t filter.Term) bool { return !equality(t) && !byGroup(t) && !s.alike(t) }).User(c.user)
}

// equality reports whether the server decides by its own rules what is equal.
func equality(t filter.Term) bool {
	switch t.Field {
	case "username", "name", "email", "id", "attributes":
		return t.Lookup == "exact" || t.Lookup == "in"
	case "dn":
		return t.Lookup == "exact" || t.Lookup == "in" || t.Lookup == "iexact"
	}
	return false
}

// same reports whether what the server found equal is what the user has: an entry
// can have several values for what a user has one of.
func (c candidate) same(s *settings, t filter.Term) bool {
	anyOf := func(equal func(want string) bool) bool { return slices.ContainsFunc(texts(t), equal) }
	sameOf := func(attributes []string, value string) bool {
		for _, a := range attributes {
			if list := c.entry.texts(a); len(list) > 0 {
				return len(list) == 1 || anyOf(func(want string) bool { return identity.Fold(want) == identity.Fold(value) })
			}
		}
		return anyOf(func(want string) bool { return identity.Fold(want) == identity.Fold(value) })
	}
	switch t.Field {
	case "username":
		return sameOf(s.loginNames(), c.user.Login)
	case "name":
		return sameOf(s.names, c.user.Name)
	case "email":
		return sameOf(s.emails, c.user.Email)
	case "dn":
		return anyOf(func(want string) bool { return sameName(want, c.entry.name) })
	case "id":
		return anyOf(func(want string) bool {
			return strings.EqualFold(want, c.user.ID) || c.user.ID == c.user.DN && sameName(want, c.entry.name)
		})
	}
	return true
}

func sameName(text string, name dn.DN) bool {
	other, err := dn.Parse(text)
	return err == nil && other.Key() == name.Key()
}

// texts lists the texts that a term of equality asks for.
func texts(t filter.Term) []string {
	values, ok := t.Value.([]any)
	if !ok {
		values = []any{t.Value}
	}
	var list []string
	for _, v := range values {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}
