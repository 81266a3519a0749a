package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

// pluginCallCmd is "sallyport plugin call". With --user the directories are asked who
// it is; without, nobody is, and what the function wants to know is said by the other
// options.
type pluginCallCmd struct {
	loginQuestion `embed:""`

	Function string `arg:"" placeholder:"NAME.FUNCTION" help:"The function, as policies name it behind \"plugin.\"."`
	Args     string `default:"[]" placeholder:"JSON" help:"Its arguments, as a list in JSON."`
	Yes      bool   `help:"Call a function that changes something, all the same."`
	Verbose  bool   `help:"Show what the plugin writes."`
}

// answerJSON is an answer, for --json.
type answerJSON struct {
	Function string  `json:"function"`
	Value    any     `json:"value"`
	TookMS   float64 `json:"took_ms"`
}

// Run starts the plugin as the server would, calls the function once and prints
// what it answers. Its exit code is 1 when there is no answer.
func (c *pluginCallCmd) Run(ctx context.Context, env *environment) error {
	name, function, ok := strings.Cut(c.Function, ".")
	if !ok || name == "" || function == "" {
		return &exitError{exitUsage, fmt.Errorf("%q is not NAME.FUNCTION, such as watchlist.listed", c.Function)}
	}
	args, err := c.arguments()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	if err := checkPlugin(cfg, name); err != nil {
		return err
	}
	l, err := c.about(ctx, env, cfg)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelInfo
	}
	h, err := openPlugin(ctx, env, cfg, name, level)
	if err != nil {
		return err
	}
	defer h.Close()
	return c.call(ctx, env, h.Helpers(), l, args)
}

// about is the login that the function is asked about: of a user whom a directory
// knows, or of nobody.
func (c *pluginCallCmd) about(ctx context.Context, env *environment, cfg *config.Config) (l *regotest.Login, err error) {
	if c.User == "" {
		if l, err = c.nobody(env, cfg, time.Now()); err != nil {
			err = &exitError{exitUsage, err}
		}
		return l, err
	}
	err = withTrial(ctx, env, daemon.OpenDirectories, func(cfg *config.Config, trial *daemon.Trial) error {
		l, err = c.login(ctx, cfg, trial)
		return err
	})
	return l, err
}

// call calls the function once and prints its answer.
func (c *pluginCallCmd) call(ctx context.Context, env *environment, helpers []policyengine.Helper, l *regotest.Login, args []policyengine.Value) error {
	if !regotest.Made(l) {
		return &exitError{exitUsage, errors.New("--set: no login has that, and functions of plugins are told of logins alone: leave it out")}
	}
	helper, err := findFunction(helpers, c.Function)
	if err != nil {
		return err
	}
	if helper.Class == policyengine.SideEffect && !c.Yes {
		return fmt.Errorf("%s changes something (class W), for real and at once: say --yes to call it all the same", c.Function)
	}
	begin := time.Now()
	value, err := helper.Check(ctx, l.Input, args)
	took := time.Since(begin)
	if err != nil {
		return legible(err)
	}
	return c.print(env, value, took)
}

func (c *pluginCallCmd) arguments() ([]policyengine.Value, error) {
	var args []policyengine.Value
	d := json.NewDecoder(strings.NewReader(c.Args))
	if err := d.Decode(&args); err != nil {
		return nil, fmt.Errorf("--args: it must be a list in JSON, such as '[\"erin\", 3]': %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("--args: something stands behind the list")
	}
	return args, nil
}

// findFunction finds a function of a helper by its whole name.
func findFunction(helpers []policyengine.Helper, name string) (policyengine.Helper, error) {
	plugin, _, _ := strings.Cut(name, ".")
	var names []string
	for _, f := range helpers {
		if f.Name == name {
			return f, nil
		}
		if strings.HasPrefix(f.Name, plugin+".") {
			names = append(names, f.Name)
		}
	}
	return policyengine.Helper{}, fmt.Errorf("there is no function %s%s; there are: %s", name, config.DidYouMean(name, names), strings.Join(names, ", "))
}

// nobody is the login that the options describe, of a user without a name.
func (c *pluginCallCmd) nobody(env *environment, cfg *config.Config, now time.Time) (*regotest.Login, error) {
	if _, ok := cfg.Applications[c.Application]; !ok && c.Application != "" {
		return nil, fmt.Errorf("--application: there is no application %q in the configuration", c.Application)
	}
	zone, err := time.LoadLocation(cfg.Login.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("login.time_zone: %w", err)
	}
	in := &policyengine.Input{
		RequestID: "plugin-call", Protocol: cmp.Or(c.Protocol, "radius"), Operation: "auth", Application: c.Application,
		User: &identity.User{Active: true}, AuthMethod: "password",
		ClientIP: c.Client.Unmap(), ClientIPKnown: c.Client.IsValid(), PeerIP: c.Peer.Unmap(),
	}
	if in.Protocol == "ldap" {
		in.Operation = "bind"
	}
	if !in.PeerIP.IsValid() {
		in.PeerIP = loopback()
	}
	if !in.ClientIPKnown {
		in.ClientIP = in.PeerIP
	}
	if in.Now, err = parseMoment(c.Time, now, zone); err != nil {
		return nil, err
	}
	if cfg.GeoIP != (config.GeoIP{}) {
		log := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		in.Geo, in.ASN = daemon.Locate(cfg, in.ClientIP, log)
	}
	overrides, err := c.overrides()
	if err != nil {
		return nil, err
	}
	l, err := regotest.Override(in, overrides, namesAlone)
	if err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	return l, nil
}

// print prints the answer; what its names give away as a secret is masked.
func (c *pluginCallCmd) print(env *environment, value policyengine.Value, took time.Duration) error {
	value = event.Context(map[string]any{"value": value})["value"]
	if env.json {
		return env.printJSON(answerJSON{c.Function, value, milliseconds(took)})
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return say(env, "%s  (%s)", legibleJSON(text), took.Round(10*time.Microsecond))
}
