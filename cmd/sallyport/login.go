package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// loginCmd is "sallyport login": a client that tries a login.
type loginCmd struct {
	RADIUS loginRADIUSCmd `cmd:"" name:"radius" help:"Send an Access-Request, as a NAS would."`
	LDAP   loginLDAPCmd   `cmd:"" name:"ldap" help:"Bind, as an LDAP application would."`
}

// loginReport is what a try came to, for --json.
type loginReport struct {
	Verdict    string            `json:"verdict"`
	Answer     string            `json:"answer"`
	Messages   []string          `json:"messages,omitempty"`
	Attributes []reportAttribute `json:"attributes,omitempty"`
	WhoAmI     string            `json:"who_am_i,omitempty"`
	TLS        string            `json:"tls,omitempty"`
	Millis     float64           `json:"ms"`
}

// reportAttribute is an attribute of the answer.
type reportAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// print reports the try, and makes the exit code: 0 for accepted, 1 otherwise.
func (r loginReport) print(env *environment) error {
	var err error
	if r.Verdict != "accept" {
		err = errSilent
	}
	if env.json {
		return errors.Join(env.printJSON(r), err)
	}
	fmt.Fprintf(env.stdout, "%s (%s, %.1f ms)\n", r.Verdict, r.Answer, r.Millis)
	for _, m := range r.Messages {
		fmt.Fprintf(env.stdout, "  message    %q\n", m)
	}
	for _, a := range r.Attributes {
		fmt.Fprintf(env.stdout, "  attribute  %s = %s\n", a.Name, a.Value)
	}
	if r.WhoAmI != "" {
		fmt.Fprintf(env.stdout, "  who am i   %s\n", r.WhoAmI)
	}
	if r.TLS != "" {
		fmt.Fprintf(env.stdout, "  tls        %s\n", r.TLS)
	}
	return err
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// pickApplication finds the application to log in to: the named one, or the only
// one that fits.
func pickApplication(cfg *config.Config, name, protocol string, fits func(*config.Application) bool) (*config.Application, error) {
	if name != "" {
		app := cfg.Applications[name]
		if app == nil || !fits(app) {
			return nil, fmt.Errorf("there is no application %q with %s in the configuration", name, protocol)
		}
		return app, nil
	}
	var names []string
	for _, key := range slices.Sorted(maps.Keys(cfg.Applications)) {
		if fits(cfg.Applications[key]) {
			names = append(names, key)
		}
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("choose one of the applications with %s by --application: %s", protocol, strings.Join(names, ", "))
	}
	return cfg.Applications[names[0]], nil
}

// reachable turns an address to listen on into one to connect to: a wildcard
// becomes loopback.
func reachable(a config.ListenAddr) string {
	text := a.String()
	if a.Addr().IsUnspecified() {
		host := "127.0.0.1"
		if a.Addr().Is6() {
			host = "[::1]"
		}
		text = fmt.Sprintf("%s:%d", host, a.Port())
	}
	return text
}
