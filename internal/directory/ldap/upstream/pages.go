package upstream

import (
	"context"
	"errors"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// maxPages bounds the pages of one search.
const maxPages = 64

// search searches on c. If r has the control for paged results (RFC 2696), the
// result is all pages. They are asked for on this very connection, to which the
// cookie belongs, and by one search at a time, because OpenLDAP remembers one
// cookie per connection. r stays as it is.
func (c *serviceConn) search(ctx context.Context, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	at := slices.IndexFunc(r.Controls, func(c ldap.Control) bool { return c.GetControlType() == ldap.ControlTypePaging })
	if at < 0 {
		c.wire.allow()
		return searchSafely(c.conn, r)
	}
	wanted, ok := r.Controls[at].(*ldap.ControlPaging)
	if !ok {
		return nil, errors.New("the control for paged results is of a type that is not known")
	}
	if err := c.paged.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.paged.Release(1)
	query, page, all := *r, ldap.NewControlPaging(wanted.PagingSize), &ldap.SearchResult{}
	query.Controls = slices.Clone(r.Controls)
	query.Controls[at] = page
	for range maxPages {
		c.wire.allow()
		res, err := searchSafely(c.conn, &query)
		if err != nil {
			return all, err
		}
		all.Entries = append(all.Entries, res.Entries...)
		all.Referrals = append(all.Referrals, res.Referrals...)
		if r.SizeLimit > 0 && len(all.Entries) > r.SizeLimit {
			return all, ldap.ErrSizeLimitExceeded
		}
		more, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(more.Cookie) == 0 {
			return all, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		page.SetCookie(more.Cookie)
	}
	return all, &ldap.Error{ResultCode: ldap.LDAPResultSizeLimitExceeded, Err: errors.New("more pages than one search may have")}
}
