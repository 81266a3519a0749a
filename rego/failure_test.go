package rego

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// hanging is a world in which nobody answers before the caller has given up.
type hanging struct{ *people }

func (hanging) Lookup(ctx context.Context, _ string, _ int) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Reverse(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// TestFailures has whatever can go wrong in a policy: it takes no longer than it
// may, and ends in an exception that says what it was.
func TestFailures(t *testing.T) {
	waits := policyengine.Helper{
		Name: "t.waits", Result: policyengine.TypeBoolean, Class: policyengine.ReadsNetwork,
		Condition: conditionFunc(func(ctx context.Context, _ *policyengine.Input, _ []policyengine.Value) (policyengine.Value, error) {
			<-ctx.Done()
			return true, nil
		}),
	}
	panics := helper("t.panics", policyengine.TypeBoolean, func([]policyengine.Value) (policyengine.Value, error) { panic("boom") })
	const soon, ample = 50 * time.Millisecond, 20 * time.Second
	for _, tt := range []struct {
		name, lines string
		time        time.Duration
		code        policyengine.ExceptionCode
		want        string
	}{
		{"directory down", `allow if not ak_is_group_member("bob", {})`, ample, policyengine.ExceptionHelper, "connection refused"},
		{"name servers hang", `allow if resolve_dns("x", 4) == []`, soon, policyengine.ExceptionTimeout, "timed out"},
		{"helper hangs", `allow if not plugin.t.waits()`, soon, policyengine.ExceptionTimeout, "timed out"},
		{"helper panics", `allow if not plugin.t.panics(1)`, ample, policyengine.ExceptionPanic, "p.rego:5:10: plugin.t.panics: panic: boom"},
		{"endless work", `allow if count([1 | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); some c in numbers.range(1, 1000); a + b == c]) > 0`, soon, policyengine.ExceptionTimeout, "timed out"},
		{"circle of policies", `allow if not ak_call_policy(concat("", ["p"]), {}).passing`, ample, policyengine.ExceptionHelper, "circle"},
		{"large result", "long := concat(\"\", [\"0123456789\" | some i in numbers.range(1, 1000)])\nraw_result := {x: long | some x in numbers.range(1, 1000)}", ample, policyengine.ExceptionResult, "raw_result has more than 65536 octets"},
		{"large pattern", `allow if regex_match("x", concat("", ["(((x{1,99}){1,99}){1,99}){1,99}", ""]))`, ample, policyengine.ExceptionHelper, "pattern"},
		{"conflict", "allow if input.client_ip\nallow := false if input.peer_ip", ample, policyengine.ExceptionConflict, "conflicting"},
		{"wrong type", `allow if not regex_match(input.request.user.email, "x")`, ample, policyengine.ExceptionHelper, "the value is null"},
		{"function of OPA", `allow if not net.cidr_contains(input.request.id, "10.0.0.1")`, ample, policyengine.ExceptionHelper, "net.cidr_contains"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := loadWith(t, Options{Users: &people{down: true}, DNS: hanging{}, Helpers: []policyengine.Helper{waits, panics}}, map[string]string{"p.rego": policyText(tt.lines)})
			ctx, cancel := context.WithTimeout(t.Context(), tt.time)
			defer cancel()
			r, err := set.Expressions()["p"].Eval(ctx, alice())
			var x *policyengine.Exception
			if !errors.As(err, &x) || x.Code != tt.code || x.Policy != "p" || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v: %+v", err, x)
			}
			if r.Passing || r.Messages != nil || r.Raw != nil || r.Events != nil {
				t.Errorf("a failed policy has a result: %+v", r)
			}
		})
	}
}

// TestCanceled: whoever asked has left.
func TestCanceled(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{"p.rego": policyText("allow := true")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := set.Expressions()["p"].Eval(ctx, alice())
	var x *policyengine.Exception
	if !errors.As(err, &x) || x.Code != policyengine.ExceptionCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestLargeResultMemory: what is too large is not copied first.
func TestLargeResultMemory(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{"p.rego": policyText("big := concat(\"\", [\"0123456789abcdef\" | some i in numbers.range(1, 65536)])\nraw_result := [big | some i in numbers.range(1, 10)]")})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := set.Expressions()["p"].Eval(t.Context(), alice())
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "octets") {
		t.Errorf("error %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d octets were needed", grown)
	}
}

// TestRegexEngine: a policy may choose the backtracking engine, with a limit of
// time; a library that it uses keeps its own.
func TestRegexEngine(t *testing.T) {
	t.Cleanup(pyregex.StopClock)
	const annotation = "# METADATA\n# custom:\n#   regex_engine: backtracking\n"
	look := `allow if regex_match(input.request.user.username, "^(?=al)\\w+$")`
	set := loadWith(t, Options{}, map[string]string{
		"p.rego": annotation + policyText(look+"\nraw_result := regex_replace(\"aa-bb\", `(.)\\1`, `<\\1>`)"),
		"q.rego": named("q", `allow if regex_match(input.request.user.username, "^al")`),
	})
	if r, err := set.Expressions()["p"].Eval(t.Context(), alice()); err != nil || !r.Passing || r.Raw != "<a>-<b>" {
		t.Errorf("%+v, error %v", r, err)
	}
	set = loadWith(t, Options{}, map[string]string{"p.rego": annotation + policyText("allow if not regex_match(concat(\"\", array.concat([\"a\" | some i in numbers.range(1, 64)], [\"!\"])), `^(?=a)(a+)+$`)")})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if r, err := set.Expressions()["p"].Eval(ctx, alice()); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("%+v after %v", r, time.Since(start))
	}
	for name, files := range map[string]map[string]string{
		"more than RE2 can do at offset 1": {"p.rego": policyText(look)},
		"must be re2 or backtracking":      {"p.rego": strings.Replace(annotation, "backtracking", "pcre", 1) + policyText("")},
		"belongs to the package":           {"p.rego": policyText(annotation + "allow if input.client_ip_known")},
		"l.rego:3:":                        {"p.rego": annotation + policyText(""), "l.rego": "package sallyport.lib.l\n\nx if regex_match(\"x\", \"(?=y)\")"},
	} {
		if _, err := load(t, files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestLongFaults: what the evaluator says may quote a value, however long it is.
func TestLongFaults(t *testing.T) {
	set := loadWith(t, Options{}, map[string]string{"p.rego": policyText("allow if to_number(input.ldap.bind_dn) > 5")})
	in := alice()
	in.LDAP.BindDN = strings.Repeat("9", 64<<10)
	_, err := set.policies["p"].Eval(t.Context(), in)
	if err == nil || !strings.Contains(err.Error(), "to_number: ") || len(err.Error()) > 2*maxLineLen {
		t.Errorf("%d octets: %.200v", len(fmt.Sprint(err)), err)
	}
}
