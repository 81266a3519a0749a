package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store is an open store. Its methods may be called by several goroutines.
type Store struct {
	file        string
	opened      *openedFile
	read, write *sql.DB

	userByLogin, userByID, groupsOfUser, policyRevision, userRevision *sql.Stmt
}

// Option changes how Open works.
type Option func(*options)

type options struct {
	log       *slog.Logger
	mustExist bool
	readOnly  bool
}

// WithLog makes the Store report a migration of the schema, and once that its
// file was replaced or removed.
func WithLog(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// MustExist makes Open refuse, with ErrMissing, to make a file.
func MustExist() Option { return func(o *options) { o.mustExist = true } }

// ReadOnly makes Open leave the file as it is: it must exist (ErrMissing) and have
// the schema of this program (ErrOldSchema), and nothing can be changed in it
// (ErrReadOnly). SQLite may lay its two empty side files next to it, which belong
// to whom the file belongs to.
func ReadOnly() Option { return func(o *options) { o.mustExist, o.readOnly = true, true } }

// Open opens the store in a file and brings its schema up to date. The file is
// made, readable by its owner only, if it does not exist; its directory must. A
// file with a newer schema than this program knows is refused. Close the Store
// in the end.
func Open(ctx context.Context, file string, opts ...Option) (*Store, error) {
	o := options{log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&o)
	}
	s := &Store{file: file}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", file, plainly(err)), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o options) error {
	path, err := filepath.Abs(s.file)
	if err != nil {
		return err
	}
	if s.opened, err = openFile(path, o); err != nil {
		return err
	}
	busyTimeout := fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds())
	readers := url.Values{"_pragma": {busyTimeout, "query_only(1)"}}
	if o.readOnly {
		readers.Set("mode", "ro")
	} else if err := s.openWriter(ctx, path, busyTimeout, o); err != nil {
		return err
	}
	s.read, err = openPool(path, max(4, 2*runtime.GOMAXPROCS(0)), readers)
	if err != nil {
		return err
	}
	if o.readOnly {
		if err := checkSchema(ctx, s.read); err != nil {
			return err
		}
	}
	return s.prepare(ctx)
}

// openWriter opens the connection for changes, and makes the first of them: the
// schema is brought up to date.
func (s *Store) openWriter(ctx context.Context, path, busyTimeout string, o options) (err error) {
	// Writers take the lock when they begin: one that starts by reading and
	// is overtaken by another process could not go on.
	s.write, err = openPool(path, 1, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {busyTimeout, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	})
	if err != nil {
		return err
	}
	return migrate(ctx, s.write, o.log)
}

func openPool(path string, size int, params url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// prepare compiles the statements that are asked again and again.
func (s *Store) prepare(ctx context.Context) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.userByLogin, selectUser + ` WHERE login_folded = ?`},
		{&s.userByID, selectUser + ` WHERE id = ?`},
		{&s.groupsOfUser, selectGroupsOfUser},
		{&s.policyRevision, selectRevision},
		{&s.userRevision, selectUserRevision},
	} {
		stmt, err := s.read.PrepareContext(ctx, p.text)
		if err != nil {
			return fmt.Errorf("prepare statement: %w", err)
		}
		*p.stmt = stmt
	}
	return nil
}

// Close closes the store. It is called once, after the last use.
func (s *Store) Close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{s.userByLogin, s.userByID, s.groupsOfUser, s.policyRevision, s.userRevision} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	// The writer goes last: closing the last connection empties the log into
	// the file, which a reader may not do.
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store %s: %w", s.file, err)
	}
	return nil
}

// Ping finds out whether the store can be read, and is still the file that was
// opened.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.opened.check(ctx); err != nil {
		return err
	}
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1 FROM users LIMIT 1`).Scan(&one); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read store %s: %w", s.file, err)
	}
	return nil
}

// change runs f, which changes users or groups, as transact does, and counts it:
// one time too many does no harm.
func (s *Store) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE user_revision SET revision = revision + 1 WHERE id = 1`)
		return err
	})
}

// transact runs f in a transaction of the writer. What f returns ends it: an
// error undoes everything. ErrBusy means that the transaction could not begin.
func (s *Store) transact(ctx context.Context, f func(tx *sql.Tx) error) error {
	if err := s.opened.check(ctx); err != nil {
		return err
	}
	if s.write == nil {
		return ErrReadOnly
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err = plainly(err); errors.Is(err, ErrBusy) {
		return err
	}
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // for a panic in f: it must not leave the store locked
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// querier is what a pool and a transaction have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
