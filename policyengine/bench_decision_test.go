package policyengine_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// sample is a decision as many are: a group, office hours, networks. It calls no
// function of ours, so that OPA alone can decide it too.
const sample = `package sallyport.policies.sample

default allow := false

workday if not input.now.weekday in {"Saturday", "Sunday"}

office_hours if {
	workday
	input.now.hour >= 8
	input.now.hour < 18
}

networks := ["10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"]

trusted if {
	some network in networks
	net.cidr_contains(network, input.client_ip)
}

allow if {
	"vpn-users" in input.request.user.groups
	office_hours
	trusted
}

messages contains "The VPN is for its group, in office hours and from known networks." if not allow
`

// sampleInput is a login of a user with 20 groups that the sample lets in.
func sampleInput() *policyengine.Input {
	groups := []string{"vpn-users"}
	for i := range 19 {
		groups = append(groups, fmt.Sprintf("department-%02d", i))
	}
	slices.Sort(groups)
	in := login("alice", groups, time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC))
	in.ClientIP = netip.MustParseAddr("192.0.2.7")
	return in
}

func sampleEngine(b *testing.B, entries int) *policyengine.Engine {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sample.rego"), []byte(sample), 0o600); err != nil {
		b.Fatal(err)
	}
	set, err := rego.Load(b.Context(), dir, rego.Options{})
	if err != nil {
		b.Fatal(err)
	}
	cfg := &config.Config{
		Policies: config.Policies{Cache: config.PolicyCache{Entries: entries, TTL: time.Hour}},
		Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
			Timeout: time.Minute, Bindings: []config.Binding{
				{Policy: "sample", Enabled: true, Timeout: time.Minute, FailureResult: "refuse", Stage: "access"},
			},
		}}},
	}
	engine, err := policyengine.New(cfg, policyengine.Options{Expressions: set.Expressions()})
	if err != nil {
		b.Fatal(err)
	}
	return engine
}

// BenchmarkDecision makes the same decision as a program of Go, by OPA alone with
// an input that is there already, and by the engine without and with its cache.
func BenchmarkDecision(b *testing.B) {
	in := sampleInput()
	b.Run("plain", func(b *testing.B) {
		networks := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("192.0.2.0/24")}
		b.ReportAllocs()
		for b.Loop() {
			if !plainly(in, networks) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("opa", func(b *testing.B) { benchmarkOPA(b, in) })
	for name, entries := range map[string]int{"uncached": 0, "cached": 10} {
		b.Run(name, func(b *testing.B) {
			engine := sampleEngine(b, entries)
			b.ReportAllocs()
			for b.Loop() {
				if d, err := engine.Decide(b.Context(), policyengine.StageAccess, in); err != nil || !d.Allowed {
					b.Fatal(d, err)
				}
			}
			if s := engine.CacheStats().Policies["sample"]; entries > 0 && s.Misses > 1 {
				b.Fatalf("not cached: %+v", s)
			}
		})
	}
}

// plainly is the sample in Go.
func plainly(in *policyengine.Input, networks []netip.Prefix) bool {
	day, hour := in.Now.Weekday(), in.Now.Hour()
	return in.User.InGroup("vpn-users") && day != time.Saturday && day != time.Sunday && hour >= 8 && hour < 18 &&
		slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(in.ClientIP) })
}

func benchmarkOPA(b *testing.B, in *policyengine.Input) {
	query, err := opa.New(opa.Query("data.sallyport.policies.sample"), opa.Module("sample.rego", sample)).PrepareForEval(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	input := opaInput(in.User, in)
	b.ReportAllocs()
	for b.Loop() {
		rs, err := query.Eval(b.Context(), opa.EvalParsedInput(input))
		if err != nil || rs[0].Expressions[0].Value.(map[string]any)["allow"] != true {
			b.Fatal(rs, err)
		}
	}
}

// opaInput is as much of the input document as the sample reads.
func opaInput(u *identity.User, in *policyengine.Input) ast.Value {
	return ast.MustInterfaceToValue(map[string]any{
		"request":   map[string]any{"user": map[string]any{"groups": u.Groups}},
		"client_ip": in.ClientIP.String(),
		"now":       map[string]any{"weekday": in.Now.Weekday().String(), "hour": in.Now.Hour()},
	})
}
