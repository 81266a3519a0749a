package store

import (
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// millis is how an instant is stored; the zero Time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the reverse of millis.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// each calls f for every row of what a query returned, and closes it.
func each(f func(row) error) func(*sql.Rows, error) error {
	return func(rows *sql.Rows, err error) error {
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err below has what matters
		for rows.Next() {
			if err := f(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

// names collects, sorted, the single text column of what a query returned. The
// order is Go's and not the database's, whose collation may differ.
func names(rows *sql.Rows, err error) ([]string, error) {
	var list []string
	err = each(func(r row) error {
		var name string
		err := r.Scan(&name)
		list = append(list, name)
		return err
	})(rows, err)
	slices.Sort(list)
	return list, err
}

// memberships collects, sorted by name, what a query for ID and name of groups
// returned.
func memberships(rows *sql.Rows, err error) ([]identity.Membership, error) {
	var list []identity.Membership
	err = each(func(r row) error {
		var m identity.Membership
		err := r.Scan(&m.ID, &m.Name)
		list = append(list, m)
		return err
	})(rows, err)
	slices.SortFunc(list, func(a, b identity.Membership) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// one turns the result of a statement that touched no row into missing.
func one(missing error) func(sql.Result, error) error {
	return func(res sql.Result, err error) error {
		if err != nil {
			return err
		}
		switch n, err := res.RowsAffected(); {
		case err != nil:
			return err
		case n == 0:
			return missing
		}
		return nil
	}
}

// clip shortens a text from outside for an error.
func clip(s string) string {
	const limit = 64
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
