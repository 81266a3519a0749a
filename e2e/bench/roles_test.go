package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	layeh "layeh.com/radius"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
	"github.com/sallyport-auth/sallyport/proxy/ldap"
	"github.com/sallyport-auth/sallyport/proxy/radius"
	"github.com/sallyport-auth/sallyport/rego"
)

// roles are the servers that are compared. Each serves until its context ends,
// with dir for its files.
var roles = map[string]func(ctx context.Context, dir string, listening chan<- addresses) error{
	"bare-layeh":  serveBare,
	"stub":        sallyport{}.serve,
	"stub-policy": sallyport{policy: true}.serve,
	"argon2id":    sallyport{hash: true}.serve,
	"directory":   serveDirectory,
}

// serveBare accepts every request that layeh's server hands over.
func serveBare(ctx context.Context, _ string, listening chan<- addresses) error {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := layeh.PacketServer{
		SecretSource: layeh.StaticSecretSource([]byte(secret)),
		Handler: layeh.HandlerFunc(func(w layeh.ResponseWriter, r *layeh.Request) {
			_ = w.Write(r.Response(layeh.CodeAccessAccept)) // a lost answer is seen by the load
		}),
	}
	go func() {
		<-ctx.Done()
		_ = s.Shutdown(context.WithoutCancel(ctx))
	}()
	listening <- addresses{RADIUS: conn.LocalAddr().String()}
	if err := s.Serve(conn); !errors.Is(err, layeh.ErrServerShutdown) {
		return err
	}
	return nil
}

// sallyport is Sallyport as its daemon puts it together, with one group binding.
type sallyport struct {
	policy bool // asks the quick start's policy vpn_members too
	hash   bool // users are in the store, passwords hashed at the default cost
}

// settings are all but the policy. Whatever is not written has its default.
const settings = `
listen: {radius: ["127.0.0.1:0"], ldap: ["127.0.0.1:0"]}
realms: {corp: {default: true, directories: [local]}}
directories: {local: {type: local, seed: users.csv}}
applications:
  vpn:
    radius: {clients: [127.0.0.1/32], secret: ` + secret + `}
    ldap: {base_dn: "` + baseDN + `"}
    policies:
      bindings:
        - {group: vpn-users}
`

func (o sallyport) serve(ctx context.Context, dir string, listening chan<- addresses) error {
	text := settings
	if o.policy {
		text += "        - {policy: vpn_members}\npolicies: {expressions: policies}\n"
	}
	cfg, err := config.Parse(filepath.Join(dir, "sallyport.yaml"), []byte(text), os.LookupEnv)
	if err != nil {
		return err
	}
	users, done, err := o.directory(ctx, cfg, dir)
	if err != nil {
		return err
	}
	defer done()
	expressions, err := o.expressions(ctx, cfg)
	if err != nil {
		return err
	}
	return serveLogins(ctx, cfg, proxy.Source{Name: "local", Type: "local", Directory: users}, expressions, listening)
}

// serveLogins serves one realm with one directory.
func serveLogins(
	ctx context.Context, cfg *config.Config, users proxy.Source, expressions map[string]policyengine.Expression, listening chan<- addresses,
) error {
	engine, err := policyengine.New(cfg, policyengine.Options{Expressions: expressions})
	if err != nil {
		return err
	}
	recorder, err := newRecorder()
	if err != nil {
		return err
	}
	return listenAndServe(ctx, cfg, proxy.New(proxy.Options{
		Realms:  []proxy.Realm{{Name: "corp", Default: true, Directories: []proxy.Source{users}}},
		Decider: engine, Recorder: recorder, Timeout: cfg.Login.Timeout, Location: time.Local,
	}), listening)
}

// listenAndServe puts both front-ends before a proxy.
func listenAndServe(ctx context.Context, cfg *config.Config, login *proxy.Proxy, listening chan<- addresses) error {
	radiusTable, err := radius.NewTable(cfg, login)
	if err != nil {
		return err
	}
	ldapTable, err := ldap.NewTable(cfg, login, nil)
	if err != nil {
		return err
	}
	r := radius.NewServer(radiusTable, radius.Options{RADIUS: cfg.RADIUS, LoginTimeout: cfg.Login.Timeout})
	l := ldap.NewServer(ldapTable, ldap.Options{LDAP: cfg.LDAP})
	if err := errors.Join(r.Listen(cfg.Listen.RADIUS[0]), l.Listen(cfg.Listen.LDAP[0])); err != nil {
		return errors.Join(err, r.Close(), l.Close())
	}
	listening <- addresses{RADIUS: r.Addrs()[0].String(), LDAP: l.Addrs()[0].String()}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return r.Serve(ctx) })
	both.Go(func() error { return l.Serve(ctx) })
	return both.Wait()
}

// directory is where the users are: in memory, or in a store that is filled
// from a seed file like any other.
func (o sallyport) directory(ctx context.Context, cfg *config.Config, dir string) (proxy.Directory, func(), error) {
	if !o.hash {
		return newMemory(), func() {}, nil
	}
	var csv strings.Builder
	csv.WriteString("login,password,groups\n")
	for n := range userCount {
		fmt.Fprintf(&csv, "%s,%s,vpn-users\n", login(n), password(n))
	}
	seed := cfg.Directories["local"].Seed
	if err := os.WriteFile(seed, []byte(csv.String()), 0o600); err != nil {
		return nil, nil, err
	}
	users, err := store.Open(ctx, filepath.Join(dir, "users.db"))
	if err != nil {
		return nil, nil, err
	}
	argon2 := cfg.Directories["local"].Argon2
	if _, err := local.SeedCSV(ctx, users, argon2, seed); err != nil {
		return nil, nil, errors.Join(err, users.Close())
	}
	d, err := local.New("local", users, cfg.Directories["local"], slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, errors.Join(err, users.Close())
	}
	return d, func() { d.Close(); users.Close() }, nil
}

// expressions loads the quick start's policy, which needs no helper.
func (o sallyport) expressions(ctx context.Context, cfg *config.Config) (map[string]policyengine.Expression, error) {
	if !o.policy {
		return nil, nil
	}
	const file = "vpn_members.rego"
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "quickstart", "policies", "rego", file))
	if err != nil {
		return nil, err
	}
	dir := cfg.Policies.Expressions
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
		return nil, err
	}
	set, err := rego.Load(ctx, dir, rego.Options{})
	if err != nil {
		return nil, err
	}
	return set.Expressions(), nil
}
