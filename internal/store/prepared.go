package store

import (
	"context"
	"database/sql"
)

// prepared is a transaction that compiles each statement once: an import runs the
// same few of them a hundred thousand times. They end with the transaction.
type prepared struct {
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
}

var _ querier = (*prepared)(nil)

func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := p.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := p.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.stmts[query] = stmt
	return stmt, nil
}

// QueryContext implements querier.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRowContext implements querier.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return p.tx.QueryRowContext(ctx, query, args...) // fails the same way; a Row cannot be made of an error
	}
	return stmt.QueryRowContext(ctx, args...)
}

// ExecContext implements querier.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}
