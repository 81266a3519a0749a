package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. Another process may do the same at the
// same moment: each migration is one transaction, so the loser of that race
// fails as a whole and finds the work done when it looks again.
func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	const attempts = 5
	started := time.Now()
	for range attempts {
		err = migrateOnce(ctx, db, files, log)
		if err == nil || ctx.Err() != nil || time.Since(started) >= patience {
			break
		}
	}
	return err
}

func migrateOnce(ctx context.Context, db *sql.DB, files fs.FS, log *slog.Logger) error {
	provider, err := newProvider(db, files, log)
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if current > target {
		return tooNew(current, target)
	}
	if current == target {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema from version %d to %d: %w", current, target, err)
	}
	log.InfoContext(ctx, "store migrated", "from", current, "to", target)
	return nil
}

func newProvider(db *sql.DB, files fs.FS, log *slog.Logger) (*goose.Provider, error) {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

func tooNew(current, target int64) error {
	return fmt.Errorf("its schema has version %d, but this program knows versions up to %d only; use the newer Sallyport that wrote it, or another file",
		current, target)
}

// checkSchema refuses a schema that is not the one of this program, and changes
// nothing: goose would make its table where there is none.
func checkSchema(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := newProvider(db, files, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	target := sources[len(sources)-1].Version
	var tables, current int64
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		if err := db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&current); err != nil {
			return err
		}
	}
	switch {
	case current > target:
		return tooNew(current, target)
	case current < target:
		return fmt.Errorf("%w: version %d, and %d is due", ErrOldSchema, current, target)
	}
	return nil
}
