package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
	"github.com/sallyport-auth/sallyport/proxy/radius"
)

// loginRADIUSCmd is "sallyport login radius".
type loginRADIUSCmd struct {
	User             string        `arg:"" help:"The user name, with or without realm."`
	Server           string        `placeholder:"HOST:PORT" help:"Where to send to; the first address of listen.radius if absent."`
	Application      string        `placeholder:"NAME" help:"Whose shared secret to use; needed when several applications have RADIUS."`
	SecretFile       string        `type:"existingfile" placeholder:"FILE" help:"Take the shared secret from this file instead."`
	NASIdentifier    string        `placeholder:"TEXT" default:"sallyport-login" help:"The NAS-Identifier to send."`
	CallingStationID string        `placeholder:"TEXT" help:"The Calling-Station-Id to send, such as the address of the user."`
	Unsigned         bool          `help:"Send no Message-Authenticator, as many password clients do."`
	Timeout          time.Duration `default:"10s" help:"How long to wait for an answer."`
}

// Run asks for the password, sends it by PAP and prints the answer.
func (c *loginRADIUSCmd) Run(ctx context.Context, env *environment) error {
	server, secret, err := c.target(env)
	if err != nil {
		return err
	}
	password, err := loginPassword(ctx, env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	res, err := radiusclient.Exchange(ctx, server, secret, radiusclient.Request{
		Username: c.User, Password: password.Reveal(),
		NASIdentifier: c.NASIdentifier, CallingStationID: c.CallingStationID, Unsigned: c.Unsigned,
	})
	if err != nil {
		return err
	}
	report := loginReport{Verdict: "reject", Answer: res.Code.String(), Messages: res.Messages, Millis: millis(res.Took)}
	switch res.Code {
	case 2:
		report.Verdict = "accept"
	case 11:
		report.Verdict = "challenge"
	}
	for _, a := range res.Attributes {
		name, value, shown := radius.DescribeAttribute(a.Type, a.Value)
		if shown && name != "Reply-Message" { // the messages have been taken already
			report.Attributes = append(report.Attributes, reportAttribute{name, value})
		}
	}
	return report.print(env)
}

// target finds out where to send, and the secret. The configuration is read only
// for what the flags do not say.
func (c *loginRADIUSCmd) target(env *environment) (string, config.Secret, error) {
	var secret config.Secret
	if c.SecretFile != "" {
		var err error
		if secret, err = readSecretFile(c.SecretFile); err != nil {
			return "", secret, err
		}
		if c.Server != "" {
			return c.Server, secret, nil
		}
	}
	cfg, err := env.loadConfig()
	if err != nil {
		return "", secret, err
	}
	server := c.Server
	if server == "" {
		if len(cfg.Listen.RADIUS) == 0 {
			return "", secret, errors.New("the configuration has no listen.radius: name a server by --server")
		}
		server = reachable(cfg.Listen.RADIUS[0])
	}
	if c.SecretFile == "" {
		app, err := pickApplication(cfg, c.Application, "radius", func(a *config.Application) bool { return a.RADIUS != nil })
		if err != nil {
			return "", secret, err
		}
		secret = app.RADIUS.Secret
	}
	return server, secret, nil
}

// readSecretFile reads a shared secret, less the line end behind it.
func readSecretFile(name string) (config.Secret, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return config.Secret{}, fmt.Errorf("read the shared secret: %w", err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return config.Secret{}, fmt.Errorf("read the shared secret: %s is empty", name)
	}
	return config.NewSecret(text), nil
}
