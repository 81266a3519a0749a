package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of policies.
const (
	maxPolicyName = 64        // octets
	maxPolicyText = 64 * 1024 // octets
	maxPolicies   = 100_000
)

// PolicyChange is what to do to the policies.
type PolicyChange struct {
	// Delete names policies to remove. They go first: one that is in Put too is
	// added anew, behind all others.
	Delete []string
	// Put are policies to add in this order, or to update if there is one of that
	// name. Name and Text alone count. A text that is the same changes nothing.
	Put []Policy
}

// ChangePolicies asks decide what to do to the policies and does it, all or
// nothing, in one transaction: no other program changes them in between. It
// returns the revision afterwards, which is another one only if something was
// changed. An error of decide undoes everything; ErrNoPolicy means that a policy
// to delete is not there.
//
// decide gets all policies in the order of their creation. Nobody else can
// change the store while it runs, so it must be quick, and must not try to.
func (s *Store) ChangePolicies(ctx context.Context, now time.Time, decide func(current []Policy) (PolicyChange, error)) (revision int64, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		current, err := policies(ctx, tx)
		if err != nil {
			return err
		}
		w := newPolicyWriter(tx, current, now)
		c, err := decide(current)
		if err != nil {
			return err
		}
		if err := w.write(ctx, c); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, selectRevision).Scan(&revision)
	})
	if err != nil {
		return 0, fmt.Errorf("change policies: %w", err)
	}
	return revision, nil
}

// policyWriter carries out one PolicyChange.
type policyWriter struct {
	tx      querier
	now     int64
	texts   map[string]string // of the policies that there are, by name
	last    int64             // the greatest position
	changed bool
}

func newPolicyWriter(tx *sql.Tx, current []Policy, now time.Time) *policyWriter {
	w := &policyWriter{
		tx:    &prepared{tx, make(map[string]*sql.Stmt)},
		now:   millis(now),
		texts: make(map[string]string, len(current)),
	}
	for _, p := range current {
		w.texts[p.Name], w.last = p.Text, p.Position
	}
	return w
}

func (w *policyWriter) write(ctx context.Context, c PolicyChange) error {
	if err := w.check(c); err != nil {
		return err
	}
	for _, name := range c.Delete {
		if err := w.remove(ctx, name); err != nil {
			return fmt.Errorf("delete policy %q: %w", name, err)
		}
	}
	for _, p := range c.Put {
		if err := w.put(ctx, p); err != nil {
			return fmt.Errorf("policy %q: %w", p.Name, err)
		}
	}
	if !w.changed {
		return nil
	}
	_, err := w.tx.ExecContext(ctx, `UPDATE policy_revision SET revision = revision + 1 WHERE id = 1`)
	return err
}

// check reports, all at once, what is wrong with a change.
func (w *policyWriter) check(c PolicyChange) error {
	var faults []error
	for _, name := range c.Delete {
		if _, ok := w.texts[name]; !ok {
			faults = append(faults, fmt.Errorf("delete policy %q: %w", clip(name), ErrNoPolicy))
		}
	}
	given := make(map[string]bool, len(c.Put))
	for _, p := range c.Put {
		if err := checkPolicy(p); err != nil {
			faults = append(faults, err)
		} else if given[p.Name] {
			faults = append(faults, fmt.Errorf("policy %q is given twice", p.Name))
		}
		given[p.Name] = true
	}
	return errors.Join(faults...)
}

func checkPolicy(p Policy) error {
	switch {
	case strings.TrimSpace(p.Name) == "":
		return fmt.Errorf("policy name %q is blank", clip(p.Name))
	case len(p.Name) > maxPolicyName:
		return fmt.Errorf("policy name %q has %d octets, at most %d are allowed", clip(p.Name), len(p.Name), maxPolicyName)
	case !utf8.ValidString(p.Name):
		return fmt.Errorf("policy name %q is not valid UTF-8", p.Name)
	case strings.ContainsFunc(p.Name, unicode.IsControl):
		return fmt.Errorf("policy name %q has a control character", p.Name)
	case len(p.Text) > maxPolicyText:
		return fmt.Errorf("policy %q: its text has %d octets, at most %d are allowed", p.Name, len(p.Text), maxPolicyText)
	case !utf8.ValidString(p.Text):
		return fmt.Errorf("policy %q: its text is not valid UTF-8", p.Name)
	case !json.Valid([]byte(p.Text)):
		return fmt.Errorf("policy %q: its text is not JSON", p.Name)
	}
	return nil
}

func (w *policyWriter) remove(ctx context.Context, name string) error {
	delete(w.texts, name)
	w.changed = true
	_, err := w.tx.ExecContext(ctx, `DELETE FROM policies WHERE name = ?`, name)
	return err
}

func (w *policyWriter) put(ctx context.Context, p Policy) (err error) {
	switch text, ok := w.texts[p.Name]; {
	case ok && text == p.Text:
		return nil
	case ok:
		_, err = w.tx.ExecContext(ctx, `UPDATE policies SET text = ?, updated = ? WHERE name = ?`, p.Text, w.now, p.Name)
	case len(w.texts) >= maxPolicies:
		return fmt.Errorf("at most %d policies can be stored", maxPolicies)
	default:
		w.last++
		_, err = w.tx.ExecContext(ctx, `INSERT INTO policies (name, text, position, created, updated) VALUES (?, ?, ?, ?, ?)`,
			p.Name, p.Text, w.last, w.now, w.now)
	}
	w.texts[p.Name] = p.Text
	w.changed = true
	return err
}
