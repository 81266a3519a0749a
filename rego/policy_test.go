package rego

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// conditionFunc is a condition helper made of a function.
type conditionFunc func(ctx context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error)

func (f conditionFunc) Check(ctx context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
	return f(ctx, in, args)
}

// listed is a helper that knows erin.
var listed = policyengine.Helper{
	Name: "watchlist.listed", Args: []policyengine.ValueType{policyengine.TypeString}, Result: policyengine.TypeBoolean,
	Class: policyengine.ReadsState, Reads: []policyengine.Path{"request.user.username"},
	Condition: conditionFunc(func(_ context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
		if in.User.Login == "mallory" {
			return nil, errors.New("the helper is dead")
		}
		return args[0] == "erin", nil
	}),
}

func user(login string, groups ...string) *policyengine.Input {
	return &policyengine.Input{
		RequestID: "r1", Protocol: "radius", Operation: "auth", Application: "vpn", Realm: "corp",
		User:     &identity.User{ID: "id-" + login, Login: login, Directory: "local", Active: true, Groups: groups},
		Source:   policyengine.Source{Name: "local", Type: "local"},
		ClientIP: netip.MustParseAddr("198.51.100.7"), PeerIP: netip.MustParseAddr("10.0.0.1"),
		Now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC),
	}
}

func alice() *policyengine.Input { return user("alice", "net-admins", "staff", "vpn-users") }

// eval evaluates a policy that has these lines, for alice.
func eval(t *testing.T, lines string, helpers ...policyengine.Helper) (policyengine.Result, error) {
	t.Helper()
	set, err := load(t, map[string]string{"p.rego": policyText(lines)}, helpers...)
	if err != nil {
		t.Fatal(err)
	}
	return set.Expressions()["p"].Eval(t.Context(), alice())
}

func TestQuickStartPolicies(t *testing.T) {
	set, err := Load(t.Context(), "../examples/quickstart/policies/rego", Options{Helpers: []policyengine.Helper{listed}})
	if err != nil {
		t.Fatal(err)
	}
	all := set.Expressions()
	for _, tt := range []struct {
		policy   string
		in       *policyengine.Input
		passing  bool
		messages []string
		failed   bool
	}{
		{"vpn_members", user("alice", "vpn-users"), true, nil, false},
		{"vpn_members", user("bob"), false, []string{"You are not in the group vpn-users."}, false},
		{"watchlist", user("alice"), true, nil, false},
		{"watchlist", user("erin"), false, []string{"You are on the watch list."}, false},
		{"watchlist", user("mallory"), false, nil, true},
	} {
		r, err := all[tt.policy].Eval(t.Context(), tt.in)
		if r.Passing != tt.passing || !slices.Equal(r.Messages, tt.messages) || (err != nil) != tt.failed {
			t.Errorf("%s for %s: %+v, error %v", tt.policy, tt.in.User.Login, r, err)
		}
	}
	if len(all) != 2 {
		t.Errorf("%d policies, want two", len(all))
	}
}

func TestEval(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        policyengine.Result
	}{
		{"default", "", policyengine.Result{Raw: false}},
		{"allowed", "allow if input.request.user.username == \"alice\"", policyengine.Result{Passing: true, Raw: true}},
		{"a set of messages is sorted", "messages contains m if some m in [\"b\", \"a\", \"c\", \"a\"]", policyengine.Result{Messages: []string{"a", "b", "c"}, Raw: false}},
		{"an array of messages is kept", `messages := ["b", "a", "b"]`, policyengine.Result{Messages: []string{"b", "a", "b"}, Raw: false}},
		{"messages for the audit", `messages := ["a", {"text": "b", "audience": "audit"}, {"text": "c", "audience": "user"}, {"text": "d"}]`, policyengine.Result{Messages: []string{"a", "c", "d"}, Notes: []string{"b"}, Raw: false}},
		{"raw result", `raw_result := {"class": "vpn"}`, policyengine.Result{Raw: map[string]any{"class": "vpn"}}},
		{"ak_message first", "allow if { ak_message(\"x\"); ak_message(\"a\") }\nmessages contains \"b\"", policyengine.Result{Passing: true, Messages: []string{"x", "a", "b"}, Raw: true}},
		{"ak_message before what fails", `allow if { ak_message("denied"); input.request.protocol == "ldap" }`, policyengine.Result{Messages: []string{"denied"}, Raw: false}},
		{"ak_message in every rule", "allow if ak_message(\"one\")\nallow if ak_message(\"two\")", policyengine.Result{Passing: true, Messages: []string{"one", "two"}, Raw: true}},
		{"duplicates of ak_message are kept", "allow if { ak_message(\"x\"); ak_message(\"x\") }", policyengine.Result{Passing: true, Messages: []string{"x", "x"}, Raw: true}},
		{"the clock is the decision's", `allow if time.clock(time.now_ns()) == [9, 30, 0]`, policyengine.Result{Passing: true, Raw: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := eval(t, tt.lines)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvalFails(t *testing.T) {
	helper := func(name string, result policyengine.ValueType, f conditionFunc) policyengine.Helper {
		return policyengine.Helper{Name: name, Args: []policyengine.ValueType{policyengine.TypeNumber}, Result: result, Class: policyengine.ReadsNetwork, Condition: f}
	}
	helpers := []policyengine.Helper{
		helper("t.broken", policyengine.TypeBoolean, func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			return nil, errors.New("no answer from 10.0.0.9")
		}),
		helper("t.panics", policyengine.TypeBoolean, func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			panic("boom")
		}),
		helper("t.lies", policyengine.TypeBoolean, func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			return "true", nil
		}),
		helper("t.nothing", policyengine.TypeBoolean, func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			return nil, nil
		}),
		helper("t.infinite", policyengine.TypeNumber, func(context.Context, *policyengine.Input, []policyengine.Value) (policyengine.Value, error) {
			inf := 1e308
			return inf * 10, nil
		}),
		listed,
	}
	for _, tt := range []struct{ name, lines, want string }{
		{"helper", "allow if plugin.t.broken(1)", "p.rego:5:10: plugin.t.broken: no answer from 10.0.0.9"},
		{"helper under not", "allow if not plugin.t.broken(1)", "no answer"},
		{"helper in another rule", "allow := true\nmessages contains \"x\" if plugin.t.broken(1)", "no answer"},
		{"helper in a comprehension", "allow if count([1 | plugin.t.broken(1)]) == 0", "no answer"},
		{"panic", "allow if not plugin.t.panics(1)", "plugin.t.panics: panic: boom"},
		{"result of a wrong type", "allow if plugin.t.lies(1)", "answered with a string, it declares a boolean"},
		{"no result", "allow if not plugin.t.nothing(1)", "answered with null"},
		{"no number", "allow if plugin.t.infinite(1) > 5", "no number of JSON"},
		{"argument of a wrong type", "allow if not plugin.t.broken(input.request.user.username)", "argument 1 is a string: it must be a number"},
		{"null argument", "allow if not plugin.watchlist.listed(input.request.user.email)", "argument 1 is null: it must be a string"},
		{"OPA's own function", `allow if not net.cidr_contains(input.request.user.username, "10.0.0.1")`, "net.cidr_contains"},
		{"conflict", "x := 1 if input.client_ip\nx := 2 if input.peer_ip\nallow if x == 1", "produced conflicting values"},
		{"allow is no boolean", `allow := input.request.user.username`, "allow is a string: it must be true or false"},
		{"allow is null", `allow := input.request.user.email`, "allow is null"},
		{"messages is text", `messages := "no"`, "messages is a string"},
		{"a message is a number", `messages := ["a", 5]`, "messages: item 2: a number"},
		{"a message without text", `messages := [{"audience": "user"}]`, "text is null"},
		{"a message for nobody", `messages := [{"text": "x", "audience": "all"}]`, `audience is "all"`},
		{"a message with more", `messages := [{"text": "x", "for": "user"}]`, `unknown key "for"`},
		{"too many messages", "messages contains sprintf(\"%d\", [i]) if some i in numbers.range(1, 33)", "more than 32 messages"},
		{"a long message", "messages contains concat(\"\", [\"x\" | some i in numbers.range(1, 513)])", "513 octets"},
		{"too many calls of ak_message", "allow if { every i in numbers.range(1, 33) { ak_message(sprintf(\"%d\", [i])) } }", "more than 32 messages"},
		{"a long ak_message", "allow if ak_message(concat(\"\", [\"x\" | some i in numbers.range(1, 513)]))", "513 octets"},
		{"ak_message of no text", "allow if ak_message(input.client_ip_known)", "the text is a boolean: it must be a string"},
		{"computed pattern", `allow if not regex_match("x", concat("", ["(", input.request.user.username]))`, "missing ), unterminated group"},
		{"value of a wrong type", `allow if not regex_match(input.request.user.email, "x")`, "the value is null: it must be a string"},
		{"long value", "allow if not regex_match(concat(\"\", [\"xxxxxxxxxxxxxxxx\" | some i in numbers.range(1, 4097)]), \"y\")", "at most 65536"},
		{"long pattern", "allow if not regex_match(\"x\", concat(\"\", [\"y\" | some i in numbers.range(1, 1025)]))", "at most 1024"},
		{"address of a wrong type", `allow if not ip_in_network(input.geoip.country, "10.0.0.0/8")`, "the address is null"},
		{"computed network", `allow if not ip_in_network("10.0.0.1", concat("/", [input.peer_ip, "8"]))`, "has host bits set"},
		{"another user's groups", `allow if not ak_is_group_member("bob", {})`, `user "bob" is not the one who logs in`},
		{"another user's key", `allow if not ak_is_group_member(object.union(input.request.user, {"pk": "5"}), {})`, "is not the one who logs in"},
		{"no user", `allow if not ak_is_group_member({"name": "alice"}, {})`, "has no username"},
		{"a number as user", `allow if not ak_is_group_member(input.now.hour, {})`, "the user is a number"},
		{"computed filter", `allow if not ak_is_group_member("alice", {input.request.user.username: "x"})`, `a group has no field "alice"`},
		{"computed filters", `allow if not ak_is_group_member("alice", input.request.user.groups)`, "the filter object is an array"},
		{"value of a filter", `allow if not ak_is_group_member("alice", {"name": input.request.user.groups})`, "name__exact needs text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := eval(t, tt.lines, helpers...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if r.Passing || r.Messages != nil || r.Raw != nil {
				t.Errorf("a failed policy has a result: %+v", r)
			}
		})
	}
	set, err := load(t, map[string]string{"p.rego": policyText("")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Expressions()["p"].Eval(t.Context(), &policyengine.Input{}); err == nil {
		t.Error("evaluated a policy for nobody")
	}
}

func TestDeadline(t *testing.T) {
	waits := policyengine.Helper{
		Name: "t.waits", Result: policyengine.TypeBoolean, Class: policyengine.ReadsNetwork,
		Condition: conditionFunc(func(ctx context.Context, _ *policyengine.Input, _ []policyengine.Value) (policyengine.Value, error) {
			<-ctx.Done()
			return true, nil
		}),
	}
	for name, lines := range map[string]string{
		"in a helper": "allow if plugin.t.waits()",
		"in Rego":     "allow if count([1 | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); some c in numbers.range(1, 1000); a + b == c]) > 0",
	} {
		t.Run(name, func(t *testing.T) {
			set, err := load(t, map[string]string{"p.rego": policyText(lines)}, waits)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = set.Expressions()["p"].Eval(ctx, alice())
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timed out") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestMembership(t *testing.T) {
	for call, want := range map[string]bool{
		`(input.request.user, {"name": "vpn-users"})`:                              true,
		`(input.context.pending_user, {"name": "vpn-users"})`:                      true,
		`("Alice", {"name": "vpn-users"})`:                                         true,
		`({"username": "alice"}, {"name": "vpn-users"})`:                           true,
		`(input.request.user, {"name": "VPN-users"})`:                              false,
		`(input.request.user, {"name__exact": "staff"})`:                           true,
		`(input.request.user, {"name__iexact": "STAFF"})`:                          true,
		`(input.request.user, {"name__contains": "adm"})`:                          true,
		`(input.request.user, {"name__contains": "ADM"})`:                          false,
		`(input.request.user, {"name__icontains": "ADM"})`:                         true,
		`(input.request.user, {"name__startswith": "net-"})`:                       true,
		`(input.request.user, {"name__startswith": "admins"})`:                     false,
		`(input.request.user, {"name__istartswith": "NET-"})`:                      true,
		`(input.request.user, {"name__endswith": "-users"})`:                       true,
		`(input.request.user, {"name__iendswith": "-USERS"})`:                      true,
		`(input.request.user, {"name__in": ["x", "staff"]})`:                       true,
		`(input.request.user, {"name__in": {"x", "staff"}})`:                       true,
		`(input.request.user, {"name__in": []})`:                                   false,
		`(input.request.user, {"name__regex": "^(vpn|wifi)-"})`:                    true,
		`(input.request.user, {"name__regex": "^wifi-"})`:                          false,
		`(input.request.user, {"name__startswith": "net", "name__endswith": "s"})`: true,
		`(input.request.user, {"name__startswith": "net", "name": "staff"})`:       false,
		`(input.request.user, {})`:                                                 true,
		`(null, {})`:                                                               false,
		`(input.request.user.email, {"name": "staff"})`:                            false,
	} {
		r, err := eval(t, "allow if ak_is_group_member"+call)
		if err != nil || r.Passing != want {
			t.Errorf("%s: %v, error %v", call, r.Passing, err)
		}
	}
	set, err := load(t, map[string]string{"p.rego": policyText("allow if ak_is_group_member(input.request.user, {})")})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := set.Expressions()["p"].Eval(t.Context(), user("bob")); err != nil || r.Passing {
		t.Errorf("somebody without groups is in any group: %+v, error %v", r, err)
	}
}

func TestHelperArguments(t *testing.T) {
	var got []policyengine.Value
	var seen *policyengine.Input
	h := policyengine.Helper{
		Name: "t.all", Result: policyengine.TypeObject, Class: policyengine.Deterministic,
		Args: []policyengine.ValueType{policyengine.TypeString, policyengine.TypeNumber, policyengine.TypeBoolean, policyengine.TypeList, policyengine.TypeObject},
		Condition: conditionFunc(func(_ context.Context, in *policyengine.Input, args []policyengine.Value) (policyengine.Value, error) {
			got, seen = args, in
			return map[string]policyengine.Value{"list": []policyengine.Value{1.5, nil, "x"}}, nil
		}),
	}
	r, err := eval(t, "answer := plugin.t.all(\"s\", 2.5, true, [\"a\", 1, null], {\"k\": {\"x\": false}})\nallow if answer.list[0] == 1.5\nraw_result := answer", h)
	if err != nil || !r.Passing {
		t.Fatalf("result %+v, error %v", r, err)
	}
	want := []policyengine.Value{
		"s", 2.5, true,
		[]policyengine.Value{"a", 1.0, nil},
		map[string]policyengine.Value{"k": map[string]policyengine.Value{"x": false}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if seen == nil || seen.User.Login != "alice" {
		t.Errorf("the helper saw %+v", seen)
	}
}

func TestReads(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        []policyengine.Path
	}{
		{"nothing", "", nil},
		{"paths", `allow if { input.client_ip == "x"; input.request.user.groups[_] == "y" }`, []policyengine.Path{"client_ip", "request.user.groups"}},
		{"a part within a part", `allow if { input.request.user.dn; input.request }`, []policyengine.Path{"request"}},
		{"alias", "u := input.request.user\nallow if u.dn", []policyengine.Path{"request.user"}},
		{"import", "allow if lib.staff(input.request.user.groups)", []policyengine.Path{"ldap.tls", "request.user.groups"}},
		{"else", "allow if input.client_ip == \"x\" else := true if input.peer_ip == \"y\"", []policyengine.Path{"client_ip", "peer_ip"}},
		{"a rule that nobody asks", "x if input.ldap.tls", []policyengine.Path{"ldap.tls"}},
		{"a computed key", "allow if input.radius[input.request.protocol]", []policyengine.Path{"radius", "request.protocol"}},
		{"an odd key", `allow if input.radius.attributes["Filter-Id"]`, []policyengine.Path{"radius.attributes"}},
		{"whole", "allow if count(input) > 1", []policyengine.Path{wholeInput}},
		{"walk", "allow if { walk(input, [p, _]); p == [] }", []policyengine.Path{wholeInput}},
		{"comprehension", "allow if count({g | some g in input.request.user.groups}) > 1", []policyengine.Path{"request.user.groups"}},
		{"with", `allow if lib.tls with input as {"ldap": input.context}`, []policyengine.Path{wholeInput}},
		{"helper", `allow if ak_is_group_member("alice", {})`, []policyengine.Path{"request.user.groups", "request.user.pk", "request.user.source", "request.user.username"}},
		{"plugin", `allow if plugin.watchlist.listed("x")`, []policyengine.Path{"request.user.username"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "package sallyport.policies.p\n\nimport data.sallyport.lib.l as lib\n\ndefault allow := false\n" + tt.lines + "\n"
			set, err := load(t, map[string]string{
				"p.rego": text,
				"l.rego": "package sallyport.lib.l\nstaff(groups) if { tls; \"staff\" in groups }\ntls if input.ldap.tls\nunused if input.now.hour",
			}, listed)
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Expressions()["p"].Reads().Paths; !slices.Equal(got, tt.want) {
				t.Errorf("reads %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte(policyText(`allow if { print("who:", input.request.user.username, input.nothing); true }`)), 0o600); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	set, err := Load(t.Context(), dir, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Expressions()["p"].Eval(t.Context(), alice()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=DEBUG", "request_id=r1", "policy=", "p.rego:5", `text="who: alice <undefined>"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %s", want, &text)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	set, err := load(b, map[string]string{"p.rego": policyText("allow if ak_is_group_member(input.request.user, {\"name\": \"vpn-users\"})\nmessages contains \"No.\" if not allow")})
	if err != nil {
		b.Fatal(err)
	}
	p, in := set.Expressions()["p"], alice()
	b.ReportAllocs()
	for b.Loop() {
		if r, err := p.Eval(b.Context(), in); err != nil || !r.Passing {
			b.Fatal(r, err)
		}
	}
}
