package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins"
)

// pluginCmd is "sallyport plugin". Its commands start processes of their own and
// end them again; those of a running server are left alone.
type pluginCmd struct {
	List     pluginListCmd     `cmd:"" help:"Start every condition helper, and list how each is; those that are not listed in plugins.allow too, which are not started. Exit code 1 if one does not start."`
	Describe pluginDescribeCmd `cmd:"" help:"Say what a condition helper offers: its functions, their arguments, and the facts that they read."`
	Call     pluginCallCmd     `cmd:"" help:"Call one function of a condition helper for a login that nobody makes."`
	Scaffold pluginScaffoldCmd `cmd:"" help:"Write the beginning of a condition helper in Go, with a test: ready to build."`
}

// openPlugin starts one program as the server would. The caller closes the Host.
func openPlugin(ctx context.Context, env *environment, cfg *config.Config, name string, level slog.Level) (*plugins.Host, error) {
	log := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: level}))
	h, err := plugins.Open(ctx, cfg, plugins.Options{Log: log, Only: name})
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return h, nil
}

// listedPlugins are the names in plugins.allow, each once.
func listedPlugins(cfg *config.Config) []string {
	var names []string
	for _, a := range cfg.Plugins.Allow {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// checkPlugin refuses a program that is not listed.
func checkPlugin(cfg *config.Config, name string) error {
	listed := listedPlugins(cfg)
	switch {
	case len(listed) == 0:
		return errors.New("the configuration lists no plugins; plugins.allow does")
	case !slices.Contains(listed, name):
		return fmt.Errorf("no plugin %q in plugins.allow%s; there are: %s", name, config.DidYouMean(name, listed), strings.Join(listed, ", "))
	}
	return nil
}

type pluginListCmd struct{}

// pluginListJSON is the list as --json prints it.
type pluginListJSON struct {
	Plugins []pluginStateJSON `json:"plugins"`
	// Unlisted are in the directory, and not run.
	Unlisted []string `json:"unlisted"`
}

// pluginStateJSON is how one program is after a start.
type pluginStateJSON struct {
	Name      string   `json:"name"`
	State     string   `json:"state"` // "failed" when it did not start
	Version   string   `json:"version"`
	Functions []string `json:"functions"`
	Error     string   `json:"error,omitempty"`
}

// stateFailed is the state of a program that did not start.
const stateFailed = "failed"

// Run starts all programs, some at a time, and lists them.
func (pluginListCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	unlisted, err := plugins.Unlisted(cfg)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	names := listedPlugins(cfg)
	list := pluginListJSON{Plugins: make([]pluginStateJSON, len(names)), Unlisted: orEmpty(unlisted)}
	const atOnce = 4
	slots := make(chan struct{}, atOnce)
	var starting sync.WaitGroup
	for i, name := range names {
		starting.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			list.Plugins[i] = tryPlugin(ctx, env, cfg, name)
		})
	}
	starting.Wait()
	failed := slices.ContainsFunc(list.Plugins, func(p pluginStateJSON) bool { return p.State == stateFailed })
	return env.report(list, func() error { return list.print(env) }, !failed)
}

// tryPlugin starts a program, looks at it and ends it.
func tryPlugin(ctx context.Context, env *environment, cfg *config.Config, name string) pluginStateJSON {
	h, err := openPlugin(ctx, env, cfg, name, slog.LevelError)
	if err != nil {
		return pluginStateJSON{Name: name, State: stateFailed, Functions: []string{}, Error: err.Error()}
	}
	defer h.Close()
	status := h.Status()[0]
	one := pluginStateJSON{Name: name, State: string(status.State), Version: status.Version, Functions: []string{}}
	for _, f := range h.Descriptions()[0].Functions {
		one.Functions = append(one.Functions, f.Name)
	}
	return one
}

// print prints a table, and why programs did not start.
func (l *pluginListJSON) print(env *environment) error {
	if len(l.Plugins)+len(l.Unlisted) == 0 {
		return say(env, "no plugins; plugins.allow in the configuration lists those that are to run")
	}
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tVERSION\tFUNCTIONS")
	for _, p := range l.Plugins {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", onScreen(p.Name), p.State, orDash(onScreen(p.Version)), orDash(strings.Join(p.Functions, ", ")))
	}
	for _, name := range l.Unlisted {
		fmt.Fprintf(table, "%s\tnot listed\t-\t-\n", onScreen(name))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range l.Plugins {
		if p.Error != "" {
			fmt.Fprintln(env.stderr, legible(errors.New(p.Error)))
		}
	}
	return nil
}
