package rego

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/policyengine"
)

var errDown = errors.New("ldap://dc1: connection refused")

// people are users of one directory. While down is set nobody is found.
type people struct {
	list  []*identity.User
	down  bool
	asked int
}

func (p *people) UserByLogin(_ context.Context, directory, login string) (*identity.User, error) {
	return p.find(func(u *identity.User) (bool, error) {
		return u.Login == login && (directory == "" || u.Directory == directory), nil
	})
}

func (p *people) FindUser(_ context.Context, f filter.Filter) (*identity.User, error) {
	return p.find(f.User)
}

func (p *people) find(fits func(*identity.User) (bool, error)) (*identity.User, error) {
	p.asked++
	if p.down {
		return nil, errDown
	}
	for _, u := range p.list {
		if ok, err := fits(u); ok || err != nil {
			return u, err
		}
	}
	return nil, identity.ErrNotFound
}

func colleagues() *people {
	return &people{list: []*identity.User{
		{
			ID: "id-bob", Login: "bob", Directory: "local", Email: "bob@example.org", Active: true, Groups: []string{"staff"},
			Memberships: []identity.Membership{{ID: "1", Name: "staff", DN: "cn=staff", Attributes: map[string][]string{"site": {"Oslo"}}}}, Authenticators: []string{"static"},
		},
		{ID: "id-alice", Login: "alice", Directory: "partner", Email: "alice@example.org", Groups: []string{"guests"}, Memberships: []identity.Membership{{Name: "guests"}}},
	}}
}

// names answers for DNS.
type names struct{ asked int }

func (n *names) Lookup(_ context.Context, host string, version int) ([]string, error) {
	n.asked++
	if host == "vpn.example.org" && version != 6 {
		return []string{"10.0.0.1", "10.0.0.2"}, nil
	}
	return []string{}, nil
}

func (n *names) Reverse(_ context.Context, addr string) (string, error) {
	n.asked++
	return "host-" + addr + ".example.org", nil
}

// site answers for web servers.
type site struct {
	method, url string
	options     webget.Options
}

func (s *site) Do(_ context.Context, method, url string, o webget.Options) (webget.Response, error) {
	s.method, s.url, s.options = method, url, o
	if url == "https://down.example.org/" {
		return webget.Response{}, errDown
	}
	return webget.Response{Status: 200, Headers: map[string]string{"etag": "1"}, Body: `{"days": 3}`, JSON: map[string]any{"days": 3}}, nil
}

// scopes are scoped policies by whether they apply; broken ones have no answer.
type scopes map[string]bool

func (s scopes) Has(name string) bool {
	_, ok := s[name]
	return ok
}

func (s scopes) Applies(_ context.Context, name string, _ *policyengine.Input) (bool, error) {
	if name == "broken" {
		return false, errDown
	}
	return s[name], nil
}

func (s scopes) Reads(name string) policyengine.Reads {
	if name == "timed" {
		return policyengine.Reads{Uncacheable: "scoped policy timed has a time"}
	}
	return policyengine.Reads{Paths: []policyengine.Path{"client_ip"}}
}

// helper is a condition helper t.NAME with one number as argument.
func helper(name string, result policyengine.ValueType, f func(args []policyengine.Value) (policyengine.Value, error)) policyengine.Helper {
	return policyengine.Helper{
		Name: name, Args: []policyengine.ValueType{policyengine.TypeNumber}, Result: result, Class: policyengine.ReadsNetwork,
		Condition: conditionFunc(func(_ context.Context, _ *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
			return f(args)
		}),
	}
}

func debugLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// loadWith loads policies that can use more than helpers.
func loadWith(t testing.TB, o Options, files map[string]string) *Set {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Load(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// decisionFunc asks what a test wants to know within a decision.
type decisionFunc func(ctx context.Context, in *policyengine.Input)

func (f decisionFunc) Eval(ctx context.Context, in *policyengine.Input) (policyengine.Result, error) {
	f(ctx, in)
	return policyengine.Result{Passing: true}, nil
}

func (decisionFunc) Reads() policyengine.Reads { return policyengine.Reads{Uncacheable: "a test"} }

// decide calls f with the context of a decision, which policies share.
func decide(t *testing.T, in *policyengine.Input, f decisionFunc) {
	t.Helper()
	app := &config.Application{Policies: config.ApplicationPolicies{Timeout: time.Minute, Bindings: []config.Binding{
		{Policy: "f", Enabled: true, Timeout: time.Minute, FailureResult: "refuse", Stage: "access"},
	}}}
	engine, err := policyengine.New(&config.Config{Applications: map[string]*config.Application{"vpn": app}},
		policyengine.Options{Expressions: map[string]policyengine.Expression{"f": f}})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := engine.Decide(t.Context(), policyengine.StageAccess, in); err != nil || !d.Allowed {
		t.Fatalf("%+v, error %v", d, err)
	}
}
