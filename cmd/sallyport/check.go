package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/sallyport-auth/sallyport/internal/daemon"
)

// checkCmd is "sallyport check".
type checkCmd struct{}

// Run builds everything that the configuration describes, prints each fault and
// warning, and ends with exit code 3 if there is a fault.
func (checkCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(env.stderr, "warning:", w)
	}
	scratch, err := os.MkdirTemp("", "sallyport-check-")
	if err != nil {
		return fmt.Errorf("make a directory to check in: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := daemon.Check(ctx, cfg, scratch, log); err != nil {
		return &exitError{exitConfig, err}
	}
	if env.json {
		return env.printJSON(map[string]any{"ok": true, "warnings": cfg.Warnings})
	}
	fmt.Fprintf(env.stdout, "%s: ok, %d warnings\n", env.configPath, len(cfg.Warnings))
	return nil
}
