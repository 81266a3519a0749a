package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/userimport"
)

type userImportCmd struct {
	File           string   `arg:"" help:"CSV or LDIF file; \"-\" is standard input."`
	Format         string   `enum:"auto,csv,ldif" default:"auto" help:"Format of the file: csv, ldif, or by the ending of its name (${default})."`
	DryRun         bool     `short:"n" help:"Say what would happen and store nothing."`
	Update         bool     `help:"Change users who exist: name, e-mail, password, further groups, disabled. Without it they are skipped."`
	Partial        bool     `help:"Store the good records of a file with faults. Without it, a fault is enough to store nothing."`
	LoginAttribute []string `placeholder:"NAME" help:"LDIF attribute with the login; can be given several times, the first that an entry has counts (sAMAccountName, uid)."`
}

// Run imports the file and prints the report.
func (c *userImportCmd) Run(ctx context.Context, env *environment) error {
	format := userimport.Format(c.Format)
	if format == "auto" {
		if format = userimport.FormatOf(c.File); format == "" {
			return &exitError{exitUsage, fmt.Errorf("the name %s does not tell the format; give it by --format=csv or --format=ldif", c.File)}
		}
	}
	cfg, err := env.loadConfig() // before a long file is read
	if err != nil {
		return err
	}
	file, err := c.read(env, format)
	if err != nil {
		return err
	}
	return c.withImportStore(ctx, env, func(s *store.Store) error { return c.run(ctx, env, cfg, s, file) })
}

func (c *userImportCmd) read(env *environment, format userimport.Format) (*userimport.File, error) {
	name, r := "standard input", io.Reader(env.stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		defer f.Close()
		name, r = c.File, f
	}
	return userimport.Read(name, r, format, userimport.Options{LoginAttributes: c.LoginAttribute})
}

// withImportStore runs f with the store, which is made if it is missing: by a dry
// run in a place that is removed afterwards.
func (c *userImportCmd) withImportStore(ctx context.Context, env *environment, f func(s *store.Store) error) error {
	if !c.DryRun {
		return withNewStore(ctx, env, func(_ *config.Config, s *store.Store) error { return f(s) })
	}
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.StoreFile(), store.MustExist())
	if errors.Is(err, store.ErrMissing) {
		dir, err := os.MkdirTemp("", "sallyport-dry-run-")
		if err != nil {
			return fmt.Errorf("make a store for the dry run: %w", err)
		}
		return errors.Join(withStoreIn(ctx, filepath.Join(dir, "dry-run.db"), f), os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

func withStoreIn(ctx context.Context, file string, f func(s *store.Store) error) error {
	s, err := store.Open(ctx, file)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

func (c *userImportCmd) run(ctx context.Context, env *environment, cfg *config.Config, s *store.Store, file *userimport.File) error {
	h, err := hasher(cfg)
	if err != nil {
		return err
	}
	report, err := userimport.Run(ctx, s, file, userimport.Plan{
		Update: c.Update, Partial: c.Partial, DryRun: c.DryRun, Hasher: h,
		CheckLogin: func(login string) error { return checkLogin(cfg, login) },
		Progress:   hashProgress(env.stderr),
	})
	if err != nil {
		return err
	}
	for _, group := range report.GroupsAdded {
		warnMisspelled(env, cfg, group)
	}
	return env.report(report, func() error { return report.WriteText(env.stdout) }, report.Faults == 0)
}

// hashProgress shows on a terminal how far the hashing is; elsewhere it is nil.
func hashProgress(w io.Writer) func(done, total int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return progressTo(f, time.Now)
}

// progressTo writes a line that it writes over, a few times a second, and wipes it
// in the end.
func progressTo(w io.Writer, now func() time.Time) func(done, total int) {
	const pause = 200 * time.Millisecond
	last := now()
	return func(done, total int) {
		switch t := now(); {
		case done == total:
			fmt.Fprint(w, "\r\x1b[K")
		case t.Sub(last) >= pause:
			last = t
			fmt.Fprintf(w, "\rhashing passwords: %d of %d", done, total)
		}
	}
}
