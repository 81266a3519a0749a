package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

// loginQuestion are the options that say which login expression policies are asked
// about. The credential is taken to be right.
type loginQuestion struct {
	User        string     `placeholder:"LOGIN" help:"Who logs in, as they would type it. The directories of the realm are asked for the user."`
	Application string     `help:"The application that is logged in to. Default: the only one."`
	Protocol    string     `enum:"radius,ldap," default:"" help:"radius or ldap. Default: radius where the application has it."`
	Client      netip.Addr `placeholder:"ADDRESS" help:"Address of the end user. Default: not known, as where a NAS does not tell."`
	Peer        netip.Addr `placeholder:"ADDRESS" help:"Address of the NAS or of the LDAP client. Default: 127.0.0.1."`
	Time        string     `help:"When, as 2026-01-31T08:00 in login.time_zone, or with a zone as in RFC 3339. Default: now."`
	Set         []string   `placeholder:"PATH=VALUE" sep:"none" help:"A place of the input, such as radius.nas_identifier=vpn-1; the value is JSON, and else a text. May be given several times."`
}

// attempt is the login as a front-end would understand it.
func (q *loginQuestion) attempt(cfg *config.Config) (*proxy.Attempt, error) {
	name := q.Application
	known := slices.Sorted(maps.Keys(cfg.Applications))
	if name == "" && len(known) == 1 {
		name = known[0]
	}
	app := cfg.Applications[name]
	switch {
	case q.User == "":
		return nil, errors.New("say by --user who logs in")
	case name == "":
		return nil, fmt.Errorf("there are several applications: say by --application which one is meant: %s", strings.Join(known, ", "))
	case app == nil:
		return nil, fmt.Errorf("--application: there is no application %q%s", name, config.DidYouMean(name, known))
	}
	a := &proxy.Attempt{
		ID: "explain", Protocol: proxy.Protocol(q.Protocol), Operation: "auth", Application: name, Username: q.User,
		ClientIP: q.Client, PeerIP: q.Peer, Received: time.Now(),
	}
	if a.Protocol == "" {
		a.Protocol = proxy.RADIUS
		if app.RADIUS == nil && app.LDAP != nil {
			a.Protocol = proxy.LDAP
		}
	}
	if a.Protocol == proxy.LDAP {
		a.Operation = "bind"
		if app.LDAP != nil {
			a.LDAP.BaseDN = app.LDAP.BaseDN
		}
	}
	if !a.PeerIP.IsValid() {
		a.PeerIP = loopback()
	}
	return a, nil
}

func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// overrides are what --set says, as an object. What an option says in words of its
// own is not there.
func (q *loginQuestion) overrides() (map[string]any, error) {
	all := map[string]any{}
	for _, text := range q.Set {
		path, value, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--set %q: write it as PATH=VALUE", text)
		}
		path = strings.TrimPrefix(path, "input.")
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		put(all, v, strings.Split(path, ".")...)
	}
	return all, nil
}

// put puts a value at a path of an object, in the place of what was there.
func put(object map[string]any, v any, path ...string) {
	last := len(path) - 1
	for _, key := range path[:last] {
		below, ok := object[key].(map[string]any)
		if !ok {
			below = map[string]any{}
			object[key] = below
		}
		object = below
	}
	object[path[last]] = v
}

// login asks the directories who it is, and puts the overrides over that.
func (q *loginQuestion) login(ctx context.Context, cfg *config.Config, trial *daemon.Trial) (*regotest.Login, error) {
	a, err := q.attempt(cfg)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	in, err := trial.Login(ctx, a)
	if err != nil {
		return nil, err
	}
	if in.Now, err = parseMoment(q.Time, in.Now, in.Now.Location()); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	overrides, err := q.overrides()
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	l, err := regotest.Override(in, overrides, namesAlone)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--set: %w", err)}
	}
	return l, nil
}

// namesAlone are groups of which nothing else is known: those that were put into an
// input by hand.
func namesAlone(names []string) []identity.Membership {
	all := make([]identity.Membership, len(names))
	for i, name := range names {
		all[i].Name = name
	}
	return all
}

// fixtureLogin is a login of a user of a fixture.
func (q *loginQuestion) fixtureLogin(f *regotest.Fixture) (*regotest.Login, error) {
	overrides, err := q.overrides()
	if err != nil {
		return nil, err
	}
	if q.Client.IsValid() {
		put(overrides, q.Client.Unmap().String(), "client_ip")
	}
	if q.Peer.IsValid() {
		put(overrides, q.Peer.Unmap().String(), "peer_ip")
	}
	if q.Protocol != "" {
		put(overrides, q.Protocol, "request", "protocol")
	}
	if q.Application != "" {
		put(overrides, q.Application, "context", "application", "name")
		put(overrides, q.Application, "context", "application", "slug")
	}
	if q.Time != "" {
		at, err := parseMoment(q.Time, f.Now(), f.Now().Location())
		if err != nil {
			return nil, err
		}
		put(overrides, at.Format(time.RFC3339), "now", "rfc3339")
	}
	l, err := f.Login(q.User, overrides)
	if err != nil {
		return nil, fmt.Errorf("--user, --set: %w", err)
	}
	return l, nil
}

const maxInputFile = 1 << 20 // octets

// readDocument reads an input document; "-" is standard input.
func readDocument(env *environment, file string) (map[string]any, error) {
	r := io.Reader(env.stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read the input: %w", err)
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInputFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	if len(data) > maxInputFile {
		return nil, fmt.Errorf("read the input %s: more than %d octets", file, maxInputFile)
	}
	var document map[string]any
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("read the input %s: it must be an object in JSON: %w", file, err)
	}
	return document, nil
}

// opening is daemon.OpenTrial or daemon.OpenDirectories.
type opening func(ctx context.Context, cfg *config.Config, scratch string, log *slog.Logger) (*daemon.Trial, error)

// withTrial lets ask ask what open opens.
func withTrial(ctx context.Context, env *environment, open opening, ask func(*config.Config, *daemon.Trial) error) (err error) {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "sallyport-ask-")
	if err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	trial, err := open(ctx, cfg, scratch, log)
	if err != nil {
		if _, ok := errors.AsType[*daemon.ConfigurationError](err); ok {
			err = &exitError{exitConfig, err}
		}
		return err
	}
	defer func() { err = errors.Join(err, trial.Close()) }()
	return ask(cfg, trial)
}

// askedAbout says in one line which login was asked about.
func askedAbout(in *policyengine.Input) string {
	text := fmt.Sprintf("login of %s to %s over %s", cmp.Or(in.Login, in.User.Login), in.Application, in.Protocol)
	if in.ClientIPKnown {
		text += fmt.Sprintf(" from %s", in.ClientIP)
	}
	return text + in.Now.Format(", Mon 2006-01-02 15:04:05 MST")
}
