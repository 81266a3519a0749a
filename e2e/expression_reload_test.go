package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
)

// version is two policies and a library that all say which version they are.
func version(n int) map[string]string {
	return map[string]string{
		"first.rego":        named("first", fmt.Sprintf("import data.sallyport.lib.number\n\nmessages contains sprintf(\"first-%d-%%d\", [number.n])", n)),
		"below/second.rego": named("second", fmt.Sprintf("messages contains \"second-%d\"", n)),
		"lib/number.rego":   fmt.Sprintf("package sallyport.lib.number\n\nn := %d\n", n),
	}
}

func saysVersion(n int) string { return fmt.Sprintf("first-%d-%d second-%d", n, n, n) }

// TestReloadedPolicies: under sixteen logins at once each answer is that of one
// version of the policies, and after a reload that of the new one.
func TestReloadedPolicies(t *testing.T) {
	t.Parallel()
	text := expressive(app{"vpn", "bindings: [{policy: first}, {policy: second}]"}) + athome + "policies: {expressions: expressions}\n"
	s := startIn(t, expressing(t, text, version(1)))
	type answer struct {
		begun time.Time
		text  string
	}
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		answers []answer
	)
	ctx, stop := context.WithCancel(t.Context())
	loop := func(login func() string) {
		for ctx.Err() == nil {
			a := answer{begun: time.Now()}
			a.text = strings.Join(strings.Fields(login()), " ")
			mu.Lock()
			answers = append(answers, a)
			mu.Unlock()
		}
	}
	for range 8 {
		b := s.binder(t)
		running.Go(func() { loop(func() string { return b.bind("alice", "vpn").text }) })
		running.Go(func() {
			loop(func() string {
				ask, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				res, err := radiusclient.Exchange(ask, s.radius, config.NewSecret("testing123"), radiusclient.Request{Username: "alice", Password: "alice-pw"})
				if err != nil {
					return err.Error()
				}
				return strings.Join(res.Messages, " ")
			})
		})
	}
	defer running.Wait()
	defer stop()
	const rounds = 4
	for n := 1; n <= rounds; n++ {
		if n > 1 {
			writePolicies(t, s.dir, version(n))
			s.hangup("reloaded")
		}
		reloaded := time.Now()
		s.eventually("logins after the reload", 10*time.Second, func() bool {
			mu.Lock()
			defer mu.Unlock()
			after := 0
			for _, a := range answers {
				if a.begun.After(reloaded) {
					after++
				}
			}
			return after > 64
		})
		mu.Lock()
		for _, a := range answers {
			old := n > 1 && a.text == saysVersion(n-1)
			if a.text != saysVersion(n) && (!old || a.begun.After(reloaded)) {
				t.Errorf("version %d, %s after the reload: %q", n, a.begun.Sub(reloaded), a.text)
			}
		}
		answers = nil
		mu.Unlock()
	}
}
