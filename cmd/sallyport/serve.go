package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
)

// serveCmd is "sallyport serve".
type serveCmd struct {
	LogLevel string `enum:",debug,info,warn,error" default:"" placeholder:"LEVEL" help:"Overrides log.level: debug, info, warn or error."`
	Welcome  string `type:"existingfile" placeholder:"FILE" help:"Print this text once all listeners are open."`
}

// Run serves until SIGTERM or SIGINT. It never reads standard input.
func (c *serveCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := c.load(env)
	if err != nil {
		return err
	}
	log, level := daemon.NewLogger(env.stderr, cfg.Log)
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w.String())
	}
	relaxGC()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err = daemon.Run(ctx, cfg, daemon.Options{
		Load:   func() (*config.Config, error) { return c.load(env) },
		Reload: hangups(ctx),
		Ready:  func(daemon.Addresses) { c.welcome(env) },
		Log:    log,
		Level:  level,
	})
	if _, ok := errors.AsType[*daemon.ConfigurationError](err); ok {
		return &exitError{exitConfig, err}
	}
	return err
}

// load reads the configuration, at the start and for each reload.
func (c *serveCmd) load(env *environment) (*config.Config, error) {
	cfg, err := env.loadConfig()
	if err == nil && c.LogLevel != "" {
		cfg.Log.Level = c.LogLevel
	}
	return cfg, err
}

// relaxGC lets the garbage grow to four times what is in use. That costs some
// twenty megabytes, a hundred while argon2id hashes are made; collecting as often
// as is usual costs a fifth of a login. GOGC in the environment goes first.
func relaxGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// hangups turns SIGHUP into requests to reload. Several that arrive during a
// reload make one more.
func hangups(ctx context.Context) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	reload := make(chan struct{}, 1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case reload <- struct{}{}:
			default:
			}
		}
	}()
	return reload
}

// welcome prints the text of --welcome. Not to be able to is no reason to stop.
func (c *serveCmd) welcome(env *environment) {
	if c.Welcome == "" {
		return
	}
	text, err := os.ReadFile(c.Welcome)
	if err != nil {
		fmt.Fprintln(env.stderr, "sallyport: read welcome text:", err)
		return
	}
	fmt.Fprintf(env.stdout, "\n%s\n", text)
}
