package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/plugins"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

// pluginCallCmd is "sallyport plugin call". As for policy match, nothing is looked
// up in a directory: what the function wants to know of the user is said by options.
type pluginCallCmd struct {
	Function    string     `arg:"" placeholder:"NAME.FUNCTION" help:"The function, as policies name it behind \"plugin.\"."`
	Args        string     `default:"[]" placeholder:"JSON" help:"Its arguments, as a list in JSON."`
	User        string     `placeholder:"LOGIN" help:"Who logs in, without realm, as the directory spells it."`
	Realm       string     `help:"The user's realm. Default, with --user: the default realm of the configuration."`
	Resolver    string     `placeholder:"DIRECTORY" help:"The directory that the user is in. Default, with --user: that of the realm; needed if it has several."`
	Application string     `help:"The application that is logged in to."`
	Protocol    string     `enum:"radius,ldap" default:"radius" help:"radius or ldap."`
	Client      netip.Addr `placeholder:"ADDRESS" help:"Address of the end user; it is located if geoip files are configured."`
	Peer        netip.Addr `default:"127.0.0.1" placeholder:"ADDRESS" help:"Address of the NAS or of the LDAP client."`
	Time        string     `help:"When, as 2026-01-31T08:00 in login.time_zone, or with a zone as in RFC 3339. Default: now."`
	Set         []string   `placeholder:"PATH=VALUE" sep:"none" help:"A place of the input of policies, such as geoip.lat=52.5 or request.user.groups=[\"staff\"]; the value is JSON, and else a text. May be given several times."`
	Yes         bool       `help:"Call a function that changes something, all the same."`
	Verbose     bool       `help:"Show what the plugin writes."`
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
	in, err := c.input(env, cfg, time.Now())
	if err != nil {
		return &exitError{exitUsage, err}
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
	helper, err := findFunction(h, c.Function)
	if err != nil {
		return err
	}
	if helper.Class == policyengine.SideEffect && !c.Yes {
		return fmt.Errorf("%s changes something (class W), for real and at once: say --yes to call it all the same", c.Function)
	}
	begin := time.Now()
	value, err := helper.Check(ctx, in, args)
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

// findFunction finds a function of the one program of a Host.
func findFunction(h *plugins.Host, name string) (policyengine.Helper, error) {
	var names []string
	for _, f := range h.Helpers() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return policyengine.Helper{}, fmt.Errorf("there is no function %s%s; there are: %s", name, config.DidYouMean(name, names), strings.Join(names, ", "))
}

// input is the login that the options describe.
func (c *pluginCallCmd) input(env *environment, cfg *config.Config, now time.Time) (*policyengine.Input, error) {
	who := policyMatchCmd{User: c.User, Realm: c.Realm, Resolver: c.Resolver}
	if err := who.complete(cfg); err != nil {
		return nil, err
	}
	if _, ok := cfg.Applications[c.Application]; !ok && c.Application != "" {
		return nil, fmt.Errorf("--application: there is no application %q in the configuration", c.Application)
	}
	zone, err := time.LoadLocation(cfg.Login.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("login.time_zone: %w", err)
	}
	in := &policyengine.Input{
		RequestID: "plugin-call", Protocol: c.Protocol, Operation: "auth", Application: c.Application,
		User:  &identity.User{ID: c.User, Login: c.User, Directory: who.Resolver, Active: true},
		Login: c.User, Realm: who.Realm, AuthMethod: "password",
		ClientIP: c.Client.Unmap(), ClientIPKnown: c.Client.IsValid(), PeerIP: c.Peer.Unmap(),
	}
	if d := cfg.Directories[who.Resolver]; d != nil {
		in.Source = policyengine.Source{Name: who.Resolver, Type: d.Type}
	}
	if c.Protocol == "ldap" {
		in.Operation = "bind"
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
	return c.override(in)
}

// override puts what --set says over a login.
func (c *pluginCallCmd) override(in *policyengine.Input) (*policyengine.Input, error) {
	overrides, err := (&loginQuestion{Set: c.Set}).overrides()
	if err != nil || len(overrides) == 0 {
		return in, err
	}
	l, err := regotest.Override(in, overrides, namesAlone)
	if err == nil && !regotest.Made(l) {
		err = errors.New("no login has that")
	}
	if err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	return l.Input, nil
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
