package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNoPolicy says that there is no stored policy of this name.
var ErrNoPolicy = errors.New("no such policy in the store")

// Policy is a scoped policy as it is stored. What its text means is left to the
// rooms that ask.
type Policy struct {
	// Name is unique to the octet: at most 64 of them, not blank.
	Name string
	// Text is the policy in JSON, at most 64 KiB.
	Text string
	// Position orders the policies by creation. An update keeps it.
	Position         int64
	Created, Updated time.Time
}

const (
	selectPolicies = `SELECT name, text, position, created, updated FROM policies ORDER BY position`
	selectRevision = `SELECT revision FROM policy_revision WHERE id = 1`
)

func scanPolicy(r row) (Policy, error) {
	var p Policy
	var created, updated int64
	err := r.Scan(&p.Name, &p.Text, &p.Position, &created, &updated)
	p.Created, p.Updated = instant(created), instant(updated)
	return p, err
}

func policies(ctx context.Context, q querier) ([]Policy, error) {
	var list []Policy
	err := each(func(r row) error {
		p, err := scanPolicy(r)
		list = append(list, p)
		return err
	})(q.QueryContext(ctx, selectPolicies))
	return list, err
}

// Policies returns all policies in the order of their creation, and the revision
// that they are of.
func (s *Store) Policies(ctx context.Context) ([]Policy, int64, error) {
	list, revision, err := s.readPolicies(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list policies: %w", plainly(err))
	}
	return list, revision, nil
}

func (s *Store) readPolicies(ctx context.Context) (list []Policy, revision int64, err error) {
	if err := s.opened.check(ctx); err != nil {
		return nil, 0, err
	}
	// Both are of the moment of the first question, whatever is written since.
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err := tx.QueryRowContext(ctx, selectRevision).Scan(&revision); err != nil {
		return nil, 0, err
	}
	list, err = policies(ctx, tx)
	return list, revision, err
}

// PoliciesRevision returns the revision of the policies: 0 at first, and one more
// after each change of them. It is cheap enough to be asked every second.
func (s *Store) PoliciesRevision(ctx context.Context) (int64, error) {
	err := s.opened.check(ctx)
	var revision int64
	if err == nil {
		err = s.policyRevision.QueryRowContext(ctx).Scan(&revision)
	}
	if err != nil {
		return 0, fmt.Errorf("read revision of policies: %w", plainly(err))
	}
	return revision, nil
}
