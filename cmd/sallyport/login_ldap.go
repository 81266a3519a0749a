package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/ldapclient"
)

// loginLDAPCmd is "sallyport login ldap".
type loginLDAPCmd struct {
	User        string        `arg:"" help:"A login, or a whole bind name: a DN, or DOMAIN\\login."`
	URL         string        `name:"url" placeholder:"URL" help:"ldap:// or ldaps:// and host:port; the first address of listen.ldap if absent."`
	Application string        `placeholder:"NAME" help:"Whose base DN to use; needed when several applications have LDAP."`
	StartTLS    bool          `name:"starttls" help:"Upgrade the connection to TLS before the bind."`
	CA          string        `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM file with the authority to trust."`
	ServerName  string        `placeholder:"NAME" help:"The name that the certificate must carry; the host of the URL if absent."`
	Timeout     time.Duration `default:"10s" help:"How long to wait for an answer."`
}

// Run asks for the password, binds and prints the answer.
func (c *loginLDAPCmd) Run(ctx context.Context, env *environment) error {
	url, dn, ca, err := c.target(env)
	if err != nil {
		return err
	}
	password, err := loginPassword(ctx, env)
	if err != nil {
		return err
	}
	res, err := ldapclient.Bind(ctx, url, ldapclient.Options{
		StartTLS: c.StartTLS, CAFile: ca, ServerName: c.ServerName, Timeout: c.Timeout,
	}, dn, password)
	if err != nil {
		return err
	}
	report := loginReport{
		Verdict: "reject", Answer: fmt.Sprintf("%s, result %d", res.Name, res.Code),
		WhoAmI: res.WhoAmI, TLS: res.TLS, Millis: millis(res.Took),
	}
	if res.Code == 0 {
		report.Verdict = "accept"
	}
	if res.Message != "" {
		report.Messages = []string{res.Message}
	}
	return report.print(env)
}

// target finds out where to bind and as whom. The configuration is read only for
// what the flags do not say.
func (c *loginLDAPCmd) target(env *environment) (url, dn, ca string, err error) {
	whole := strings.ContainsAny(c.User, `=\`)
	if c.URL != "" && whole {
		return c.URL, c.User, c.CA, nil
	}
	cfg, err := env.loadConfig()
	if err != nil {
		return "", "", "", err
	}
	url, dn, ca = c.URL, c.User, c.CA
	if url == "" {
		if len(cfg.Listen.LDAP) == 0 {
			return "", "", "", errors.New("the configuration has no listen.ldap: name a server by --url")
		}
		url = "ldap://" + reachable(cfg.Listen.LDAP[0])
	}
	if ca == "" && cfg.TLS.SelfSigned != "" {
		ca = filepath.Join(cfg.TLS.SelfSigned, "ca.pem")
	}
	if !whole {
		app, err := pickApplication(cfg, c.Application, "ldap", func(a *config.Application) bool { return a.LDAP != nil })
		if err != nil {
			return "", "", "", err
		}
		dn = userDN(app.LDAP, c.User)
	}
	return url, dn, ca, nil
}

// userDN makes the bind DN of a login.
func userDN(app *config.ApplicationLDAP, login string) string {
	template := app.UserDN
	if template == "" {
		template = "uid={login},ou=users," + app.BaseDN
	}
	return strings.ReplaceAll(template, "{login}", ldap.EscapeDN(login))
}
