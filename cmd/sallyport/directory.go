package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// directoryCmd is "sallyport directory".
type directoryCmd struct {
	Test directoryTestCmd `cmd:"" help:"Try out a directory of type ldap, step by step: servers, TLS, service account, and with --user search, groups and password."`
}

// directoryTestCmd is "sallyport directory test".
type directoryTestCmd struct {
	Name       string        `arg:"" help:"The directory, as the configuration calls it."`
	User       string        `placeholder:"LOGIN" help:"Look this user up too, and try a password, which is asked for (or read from the first line of standard input; an empty one leaves that step out)."`
	NoPassword bool          `help:"Do not ask for a password."`
	Timeout    time.Duration `default:"1m" help:"How long all steps may take together."`
}

// stepReport is one step, for --json.
type stepReport struct {
	Server string  `json:"server,omitempty"`
	Step   string  `json:"step"`
	OK     bool    `json:"ok"`
	Tried  string  `json:"tried"`
	Got    string  `json:"got,omitempty"`
	Error  string  `json:"error,omitempty"`
	Advice string  `json:"advice,omitempty"`
	Millis float64 `json:"ms"`
}

// Run goes through the steps and prints each as it ends. Its exit code is 1 when
// one of them failed.
func (c *directoryTestCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	settings, err := c.settings(cfg)
	if err != nil {
		return err
	}
	// Before anything is opened: an open directory probes its servers, and a
	// service account that they refuse must not get locked while somebody types.
	password, err := c.password(ctx, env)
	if err != nil {
		return err
	}
	dir, err := ldap.New(c.Name, settings, ldap.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return &exitError{exitConfig, cfg.Fault("directories."+c.Name, "%w", err)}
	}
	defer dir.Close()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()

	steps := []stepReport{}
	server := ""
	err = dir.Diagnose(ctx, c.User, password, func(s ldap.Step) {
		report := reportStep(s)
		steps = append(steps, report)
		if env.json {
			return
		}
		heading := s.Server
		if heading == "" {
			heading = "user " + c.User
		}
		if heading != server {
			server = heading
			fmt.Fprintln(env.stdout, server)
		}
		report.print(env)
	})
	if env.json {
		if err := env.printJSON(steps); err != nil {
			return err
		}
	}
	switch failed := slices.ContainsFunc(steps, func(s stepReport) bool { return !s.OK }); {
	case ctx.Err() != nil:
		return fmt.Errorf("directory %s: not all steps were made: %w", c.Name, ctx.Err())
	case failed && env.json:
		return errSilent
	}
	return err
}

// settings are what the configuration says of the directory.
func (c *directoryTestCmd) settings(cfg *config.Config) (*config.LDAPDirectory, error) {
	directory, ok := cfg.Directories[c.Name]
	switch {
	case !ok:
		names := slices.Sorted(maps.Keys(cfg.Directories))
		return nil, fmt.Errorf("there is no directory %q; there are: %s", c.Name, strings.Join(names, ", "))
	case directory.Type != "ldap":
		return nil, fmt.Errorf("directory %q is of type %s and has no servers to test", c.Name, directory.Type)
	}
	return &directory.LDAPDirectory, nil
}

// password asks for the user's password; nil when none is to be tried.
func (c *directoryTestCmd) password(ctx context.Context, env *environment) (func() (identity.Password, error), error) {
	if c.NoPassword || c.User == "" {
		return nil, nil
	}
	secret, err := loginPassword(ctx, env)
	if err != nil || secret.Reveal() == "" {
		return nil, err
	}
	return func() (identity.Password, error) { return identity.NewPassword(secret.Reveal()), nil }, nil
}

func reportStep(s ldap.Step) stepReport {
	r := stepReport{
		Server: s.Server, Step: s.Name, OK: s.Err == nil, Tried: s.Tried, Got: s.Got, Advice: s.Advice, Millis: millis(s.Took),
	}
	if s.Err != nil {
		r.Error = s.Err.Error()
	}
	return r
}

// print writes a step as a paragraph.
func (r *stepReport) print(env *environment) {
	verdict, came := "ok", r.Got
	if !r.OK {
		verdict, came = "FAILED", r.Error
	}
	fmt.Fprintf(env.stdout, "  %-12s  %-6s  %s (%.1f ms)\n", r.Step, verdict, onScreen(r.Tried), r.Millis)
	if came != "" {
		fmt.Fprintf(env.stdout, "                        %s\n", onScreen(came))
	}
	if r.Advice != "" {
		fmt.Fprintf(env.stdout, "                        advice: %s\n", onScreen(r.Advice))
	}
}

// onScreen takes away what a terminal would not print but obey. Anybody can put
// that into a certificate, and it is shown before it is trusted.
func onScreen(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
