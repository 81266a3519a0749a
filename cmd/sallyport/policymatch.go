package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyMatchCmd is "sallyport policy match". Nothing is looked up in a
// directory: what conditions ask for is said by options.
type policyMatchCmd struct {
	Scope      string     `required:"" help:"The scope that is asked, such as authorization."`
	Action     string     `help:"The action that is asked for. Without it, whatever the policies say; with it, the values in force too."`
	User       string     `placeholder:"LOGIN" help:"Who logs in, without realm, as the directory spells it."`
	Realm      string     `help:"The user's realm. Default, with --user: the default realm of the configuration."`
	Resolver   string     `placeholder:"DIRECTORY" help:"The directory that the user is in. Default, with --user: that of the realm; needed if it has several."`
	Client     netip.Addr `placeholder:"ADDRESS" help:"Address of the end user. What is not said here restricts nothing."`
	Time       string     `help:"When, as 2026-01-31T08:00 in login.time_zone, or with a zone as in RFC 3339. Default: now."`
	Info       []string   `placeholder:"KEY=VALUE" sep:"none" help:"An attribute of the user, for conditions of section userinfo; groups=a,b lists groups, and userid is the login if not said. For several values, give it several times, as the options below can be."`
	RADIUS     []string   `name:"radius" placeholder:"NAME=VALUE" sep:"none" help:"An attribute of the Access-Request, for section radius:NAME."`
	LDAP       []string   `name:"ldap" placeholder:"FACT=VALUE" sep:"none" help:"A fact of the LDAP connection, for section ldap:FACT: bind_dn, base_dn, tls."`
	Header     []string   `placeholder:"NAME=VALUE" sep:"none" help:"A header of the HTTP request."`
	Helper     []string   `placeholder:"NAME=VALUE" sep:"none" help:"What a condition helper answers: JSON, such as false, 12 or [\"a\"], and else a text."`
	AdminUser  string     `name:"adminuser" placeholder:"NAME" help:"The administrator who acts; in scope admin."`
	AdminRealm string     `name:"adminrealm" placeholder:"REALM" help:"The administrator's realm."`
	PINode     string     `name:"pinode" placeholder:"NODE" help:"Name of the server node. Default, with --user: policies.node of the configuration."`
	UserAgent  string     `placeholder:"NAME" help:"The program that asks."`
}

// Run asks the policies and prints how each came out. Its exit code is 0 when a
// policy matches, and 1 when none does, a policy failed, or values conflict.
func (c *policyMatchCmd) Run(ctx context.Context, env *environment) error {
	cfg, all, err := loadPolicies(ctx, env)
	if err != nil {
		return err
	}
	if err := c.complete(cfg); err != nil {
		return &exitError{exitUsage, err}
	}
	q, err := c.query(cfg, all, time.Now())
	if err != nil {
		return &exitError{exitUsage, err}
	}
	report := newMatchReport(q, all, all.Set.Explain(q))
	return env.report(report, func() error { return report.print(env) }, report.Matched && report.Conflict == "")
}

// complete fills in what the configuration says of the user's realm, and refuses a
// realm and a directory that no login could have: policies would silently not match.
func (c *policyMatchCmd) complete(cfg *config.Config) error {
	if c.Realm != "" && findRealm(cfg, c.Realm) == nil {
		return fmt.Errorf("--realm: there is no realm %q in the configuration%s", c.Realm, config.DidYouMean(c.Realm, slices.Sorted(maps.Keys(cfg.Realms))))
	}
	if c.User == "" {
		return nil
	}
	for name, realm := range cfg.Realms {
		if c.Realm == "" && realm.Default {
			c.Realm = name
		}
	}
	if c.PINode == "" {
		c.PINode = cfg.Policies.Node
	}
	if c.Resolver != "" {
		return nil
	}
	switch directories := directoriesOf(cfg, c.Realm); len(directories) {
	case 0:
	case 1:
		c.Resolver = directories[0]
	default:
		return fmt.Errorf("realm %q has several directories: say by --resolver which one user %q is in: %s", c.Realm, c.User, strings.Join(directories, ", "))
	}
	return nil
}

func directoriesOf(cfg *config.Config, realm string) []string {
	if r := findRealm(cfg, realm); r != nil {
		return r.Directories
	}
	return nil
}

// findRealm finds a realm by its name, without case; nil if there is none.
func findRealm(cfg *config.Config, realm string) *config.Realm {
	for name, r := range cfg.Realms {
		if identity.Fold(name) == identity.Fold(realm) {
			return r
		}
	}
	return nil
}

// query is the question that the options ask. Options that are not there do not
// restrict.
func (c *policyMatchCmd) query(cfg *config.Config, all *policyengine.Scoped, now time.Time) (*scoped.Query, error) {
	given := func(text string) scoped.Arg { return scoped.Arg{Value: text, Given: text != ""} }
	q := &scoped.Query{
		Scope: scoped.Is(c.Scope), Action: given(c.Action), Active: scoped.OnlyActive,
		User: given(c.User), Realm: given(c.Realm), Resolver: given(c.Resolver), ClientAddr: c.Client,
		AdminUser: given(c.AdminUser), AdminRealm: given(c.AdminRealm), PINode: given(c.PINode), UserAgent: given(c.UserAgent),
	}
	var err error
	if q.Now, err = parseMoment(c.Time, now, all.Options.Location); err != nil {
		return nil, err
	}
	info, err := facts("info", c.Info)
	if err != nil {
		return nil, err
	}
	if c.User != "" {
		known, err := userFacts(c.User, info)
		if err != nil {
			return nil, err
		}
		q.UserObject = &scoped.User{
			Login: c.User, Realm: c.Realm, Resolver: c.Resolver,
			Info: func() (map[string]any, error) { return known, nil },
		}
		q.User, q.Realm, q.Resolver = scoped.Arg{}, scoped.Arg{}, scoped.Arg{}
		q.UserAgent = scoped.Is(c.UserAgent)
	}
	if err := c.headers(q); err != nil {
		return nil, err
	}
	q.World, err = c.world(cfg)
	return q, err
}

// userFacts are the attributes of the user: those given, and those that every user
// has at a login, single texts and the groups, which are a list however many there
// are. What is not said of these is empty, but for the userid, which is the login.
func userFacts(login string, given map[string][]string) (map[string]any, error) {
	info := map[string]any{}
	for key, values := range given {
		info[key] = oneOrAll(values)
	}
	if name, ok := given["username"]; ok && !slices.Equal(name, []string{login}) {
		return nil, fmt.Errorf("--info username: it is what --user says, %q", login)
	}
	for key, absent := range map[string]string{"username": login, "userid": login, "name": "", "email": ""} {
		switch len(given[key]) {
		case 0:
			info[key] = absent
		case 1:
		default:
			return nil, fmt.Errorf("--info %s: a user has just one, and several are given", key)
		}
	}
	groups := []string{}
	for _, text := range given["groups"] {
		groups = append(groups, scoped.SplitList(text)...)
	}
	info["groups"] = groups
	return info, nil
}

func (c *policyMatchCmd) headers(q *scoped.Query) error {
	headers, err := facts("header", c.Header)
	if err != nil || len(headers) == 0 {
		return err
	}
	q.HTTP = &scoped.HTTPRequest{Headers: map[string]string{}}
	for name, values := range headers {
		q.HTTP.Headers[name] = strings.Join(values, ", ")
	}
	return nil
}

// world answers from the options.
func (c *policyMatchCmd) world(cfg *config.Config) (*scoped.World, error) {
	radius, err := facts("radius", c.RADIUS)
	if err != nil {
		return nil, err
	}
	ldap, err := facts("ldap", c.LDAP)
	if err != nil {
		return nil, err
	}
	helpers, err := facts("helper", c.Helper)
	if err != nil {
		return nil, err
	}
	sections := map[string]map[string][]string{"radius": radius, "ldap": ldap}
	return &scoped.World{
		Resolvers: func(realm string) []string { return directoriesOf(cfg, realm) },
		Fact: func(section, key string) (any, bool, error) {
			values, ok := sections[section][key]
			return oneOrAll(values), ok, nil
		},
		Helper: func(call scoped.Call) (any, error) {
			values, ok := helpers[call.Name]
			if !ok {
				return nil, fmt.Errorf("no helper is asked here; say what it answers by --helper %s=VALUE", call.Name)
			}
			return helperAnswer(values), nil
		},
	}, nil
}

// facts reads KEY=VALUE options; a key that is given several times has several
// values.
func facts(option string, given []string) (map[string][]string, error) {
	values := make(map[string][]string, len(given))
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--%s %q: write it as NAME=VALUE", option, text)
		}
		values[key] = append(values[key], value)
	}
	return values, nil
}

// helperAnswer is what a helper answers: each value is read as JSON, so that it has
// the type that the helper would give it, and is a text if it is not JSON.
func helperAnswer(values []string) any {
	answers := make([]any, len(values))
	for i, text := range values {
		if err := json.Unmarshal([]byte(text), &answers[i]); err != nil {
			answers[i] = text
		}
	}
	if len(answers) == 1 {
		return answers[0]
	}
	return answers
}

func oneOrAll(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// parseMoment reads a point of time, in the time zone of the policies unless it
// says another one; the empty text is now.
func parseMoment(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return now.In(zone), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--time %q: write it as 2026-01-31T08:00 or 2026-01-31T08:00:00Z", text)
}
