package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSRVDomain(t *testing.T) {
	for name, want := range map[string]string{
		"_ldap._tcp.corp.example":                        "corp.example",
		"_ldaps._tcp.Corp.Example.":                      "corp.example",
		"_ldap._tcp.dc._msdcs.corp.example":              "corp.example",
		"_ldap._tcp.Paris._sites.dc._msdcs.corp.example": "corp.example",
		"_ldap._tcp": "", "corp.example": "",
	} {
		if got := srvDomain(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestUsableRecords(t *testing.T) {
	r, err := newResolver("_ldap._tcp.corp.example", true, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := []*net.SRV{
		{Target: "b.corp.example.", Port: 389, Priority: 10},
		{Target: "A.corp.example.", Port: 389, Priority: 20},
		{Target: "a.corp.example", Port: 389, Priority: 20},
		{Target: "corp.example", Port: 389, Priority: 5},
		{Target: "evil.example.", Port: 389},
		{Target: "evilcorp.example.", Port: 389},
		{Target: "10.0.0.1", Port: 389},
		{Target: "a/b@x.corp.example", Port: 389},
		{Target: ".", Port: 389},
		{Target: "c.corp.example", Port: 0},
	}
	records, foreign := r.usable(found)
	var got []string
	for _, s := range records {
		got = append(got, s.Target)
	}
	if want := []string{"corp.example", "b.corp.example", "a.corp.example"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"evil.example", "evilcorp.example", "10.0.0.1", "a/b@x.corp.example"}; !slices.Equal(foreign, want) {
		t.Errorf("foreign: %v", foreign)
	}
	var many []*net.SRV
	for i := range 100 {
		many = append(many, &net.SRV{Target: fmt.Sprintf("dc%d.corp.example", i), Port: 389})
	}
	if records, _ := r.usable(many); len(records) != maxServers {
		t.Errorf("%d servers", len(records))
	}
}

func TestByWeight(t *testing.T) {
	records := []net.SRV{
		{Target: "a", Priority: 1, Weight: 0},
		{Target: "b", Priority: 1, Weight: 10},
		{Target: "c", Priority: 1, Weight: 30},
		{Target: "d", Priority: 2, Weight: 65535},
	}
	for draw, want := range map[string]string{"0 0 0": "abcd", "1 0 0": "bacd", "10 0 0": "bacd", "11 0 0": "cabd", "40 10 0": "cbad"} {
		numbers := strings.Fields(draw)
		got := ""
		for _, s := range byWeight(records, func(n int) int {
			var v int
			if len(numbers) > 0 {
				_, _ = fmt.Sscan(numbers[0], &v)
				numbers = numbers[1:]
			}
			if v >= n {
				t.Fatalf("%s: %d is not below %d", draw, v, n)
			}
			return v
		}) {
			got += s.Target
		}
		if got != want {
			t.Errorf("%s: %s, want %s", draw, got, want)
		}
	}
}

// TestSRV goes through a life: no DNS, servers, no DNS again, other servers.
func TestSRV(t *testing.T) {
	t.Parallel()
	first, second := newFake(t, nil), newFake(t, nil)
	record := func(f *fake, priority uint16) *net.SRV {
		_, port, _ := net.SplitHostPort(f.addr)
		var n uint16
		_, _ = fmt.Sscan(port, &n)
		return &net.SRV{Target: "localhost.", Port: n, Priority: priority}
	}
	var answer atomic.Pointer[[]*net.SRV]
	cfg := settingsOf()
	cfg.SRV = "_ldap._tcp.localhost"
	var l logs
	c := openNow(t, cfg, Options{Log: l.logger(), Resolve: func(_ context.Context, name string) ([]*net.SRV, error) {
		if name != cfg.SRV {
			return nil, fmt.Errorf("asked for %s", name)
		}
		if a := answer.Load(); a != nil {
			return *a, nil
		}
		return nil, errors.New("no DNS")
	}})
	_, err := bindAlice(t, c, "right")
	o := outage(t, err, OutcomeUnreachable)
	if o.Failures[0].Server != cfg.SRV || !strings.Contains(err.Error(), "no DNS") {
		t.Errorf("error: %v", err)
	}
	if s := c.Status(); len(s) != 1 || s[0].State != StateDown {
		t.Errorf("status: %+v", s)
	}
	asked := func() string { r, _ := bindAlice(t, c, "right"); return r.Server }
	// becomes waits until binds are answered by a server.
	becomes := func(f *fake) {
		t.Helper()
		_, port, _ := net.SplitHostPort(f.addr)
		within(t, 2*hurriedEvery, func() bool { c.resolver.hurry(); return asked() == "ldap://localhost:"+port })
	}
	answer.Store(&[]*net.SRV{record(second, 20), record(first, 10), {Target: "elsewhere.example.", Port: 389}})
	becomes(first)
	if l.count("outside of the domain") != 1 || l.count("elsewhere.example") != 1 {
		t.Error("the foreign server is not in the log")
	}
	answer.Store(nil)
	within(t, 2*hurriedEvery, func() bool { c.resolver.hurry(); return len(c.resolver.failures()) > 0 })
	becomes(first)
	answer.Store(&[]*net.SRV{record(second, 10)})
	becomes(second)
	within(t, 2*time.Second, func() bool { return first.open.Load() == 0 })
	var steps []string
	c.Diagnose(t.Context(), func(s Step) { steps = append(steps, s.Name) })
	if want := []string{StepResolve, StepConnect, StepTLS, StepBind, StepRootDSE}; !slices.Equal(steps, want) {
		t.Errorf("diagnosis: %v", steps)
	}
}

// TestSRVComesUp: DNS that is late needs no login to be asked again.
func TestSRVComesUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, port, _ := net.SplitHostPort(f.addr)
	var n uint16
	_, _ = fmt.Sscan(port, &n)
	var calls atomic.Int64
	cfg := settingsOf()
	cfg.SRV = "_ldap._tcp.localhost"
	c := openNow(t, cfg, Options{Resolve: func(context.Context, string) ([]*net.SRV, error) {
		if calls.Add(1) == 1 {
			return nil, errors.New("no DNS")
		}
		return []*net.SRV{{Target: "localhost.", Port: n}}, nil
	}})
	within(t, 5*time.Second, func() bool { return c.Status()[0].State == StateUp })
}

// TestSRVDiagnoseWaits: a diagnosis right after the start goes on to the servers,
// although they come from another look-up than the one that it shows.
func TestSRVDiagnoseWaits(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, port, _ := net.SplitHostPort(f.addr)
	var n uint16
	_, _ = fmt.Sscan(port, &n)
	cfg := settingsOf()
	cfg.SRV = "_ldap._tcp.localhost"
	var calls atomic.Int64
	diagnosed := make(chan struct{})
	c := openNow(t, cfg, Options{Resolve: func(ctx context.Context, _ string) ([]*net.SRV, error) {
		if calls.Add(1) == 1 {
			select {
			case <-diagnosed:
			case <-ctx.Done():
			}
		}
		return []*net.SRV{{Target: "localhost.", Port: n}}, nil
	}})
	within(t, 5*time.Second, func() bool { return calls.Load() == 1 })
	var steps []string
	c.Diagnose(t.Context(), func(s Step) {
		if steps = append(steps, s.Name); s.Name == StepResolve {
			close(diagnosed)
		}
	})
	if want := []string{StepResolve, StepConnect, StepTLS, StepBind, StepRootDSE}; !slices.Equal(steps, want) {
		t.Errorf("diagnosis: %v", steps)
	}
}
