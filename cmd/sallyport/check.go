package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
)

// checkCmd is "sallyport check".
type checkCmd struct{}

// checkReport is what a check found, for --json.
type checkReport struct {
	OK       bool     `json:"ok"`
	Faults   []string `json:"faults"`
	Warnings []string `json:"warnings"`
	Advice   []string `json:"advice"`
}

// Run builds everything that the configuration describes, prints each fault,
// warning and piece of advice, and ends with exit code 3 if there is a fault.
func (checkCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := env.loadConfig()
	report := checkReport{Faults: []string{}, Warnings: []string{}, Advice: []string{}}
	if err == nil {
		report.Warnings = texts(cfg.Warnings)
		report.Advice = texts(cfg.Advice())
		var warnings, advice []config.Warning
		warnings, advice, err = tryOut(ctx, env, cfg)
		report.Warnings = append(report.Warnings, texts(warnings)...)
		report.Advice = append(report.Advice, texts(advice)...)
	}
	if err != nil {
		report.Faults = strings.Split(strings.TrimSpace(err.Error()), "\n")
	}
	report.OK = err == nil
	if env.json {
		if printErr := env.printJSON(report); printErr != nil {
			return printErr
		}
		if err != nil {
			return &exitError{exitConfig, errSilent}
		}
		return nil
	}
	for _, w := range report.Warnings {
		fmt.Fprintln(env.stderr, "warning:", onScreen(w))
	}
	for _, a := range report.Advice {
		fmt.Fprintln(env.stderr, "advice:", onScreen(a))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%s: ok, warnings: %d\n", env.configPath, len(report.Warnings))
	return nil
}

// tryOut builds what the configuration describes and throws it away.
func tryOut(ctx context.Context, env *environment, cfg *config.Config) (warnings, advice []config.Warning, err error) {
	scratch, err := os.MkdirTemp("", "sallyport-check-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a directory to check in: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if warnings, advice, err = daemon.Check(ctx, cfg, scratch, log); err != nil {
		return warnings, advice, &exitError{exitConfig, err}
	}
	return warnings, advice, nil
}

func texts(warnings []config.Warning) []string {
	list := make([]string, len(warnings))
	for i, w := range warnings {
		list[i] = w.String()
	}
	return list
}
