package rego

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestEvents(t *testing.T) {
	r, err := eval(t, `
allow if {
	ak_create_event("first", {"user": input.request.user.username, "api_token": "abc", "nested": {"password": "x"}, "list": [0, null, ""]})
	input.request.protocol == "ldap"
}

allow if ak_create_event("second", {})`)
	if err != nil || !r.Passing {
		t.Fatalf("%+v, error %v", r, err)
	}
	masked := r.Events[0].Context["api_token"]
	want := []policyengine.Event{
		{Action: "custom_first", Policy: "p", Context: map[string]any{
			"user": "alice", "api_token": masked, "nested": map[string]any{"password": masked}, "list": r.Events[0].Context["list"],
		}},
		{Action: "custom_second", Policy: "p", Context: map[string]any{}},
	}
	if diff := cmp.Diff(want, r.Events); diff != "" || masked == "abc" || !same(r.Events[0].Context["list"], []any{0, nil, ""}) {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for lines, want := range map[string]string{
		`allow if { some i in numbers.range(1, 17); ak_create_event("x", {"i": i}); false }`: "more than 16 events",
		`allow if ak_create_event(input.client_ip, {})`:                                      "is no name of an action",
		`allow if ak_create_event(input.request.user.email, {})`:                             "the action is null",
		`allow if ak_create_event("x", input.request.user.groups)`:                           "the context is an array",
		`allow if ak_create_event("x", {x: 1 | some x in [input.now.hour]})`:                 "a key of the context is a number",
		"long := concat(\"\", [\"xxxxxxxxxxxxxxxx\" | some i in numbers.range(1, 1000)])\nallow if ak_create_event(\"x\", {\"a\": [long | some j in numbers.range(1, 100)]})": "octets",
	} {
		if r, err := eval(t, lines); err == nil || !strings.Contains(err.Error(), want) || r.Events != nil {
			t.Errorf("%s: %+v, error %v", lines, r, err)
		}
	}
	if _, err := load(t, map[string]string{"p.rego": policyText(`allow if ak_create_event("Bad name", {})`)}); err == nil || !strings.Contains(err.Error(), `"Bad name" is no name of an action`) {
		t.Errorf("a bad name was loaded: %v", err)
	}
}

func TestLogger(t *testing.T) {
	var text strings.Builder
	set := loadWith(t, Options{Log: debugLog(&text)}, map[string]string{"p.rego": policyText(`
allow if {
	ak_logger.debug("one", {})
	ak_logger.info("two", {"who": input.request.user.username, "password": "secret"})
	ak_logger.warning("three", {"x": [concat("", ["xxxxxxxxxxxxxxxx" | some i in numbers.range(1, 1000)])]})
	ak_logger.error(concat("", ["xxxxxxxxxxxxxxxx" | some i in numbers.range(1, 1000)]), {})
	input.nothing
}`)})
	if r, err := set.Expressions()["p"].Eval(t.Context(), alice()); err != nil || r.Passing {
		t.Fatalf("%+v, error %v", r, err)
	}
	for i, want := range [][]string{
		{"level=DEBUG", "request_id=r1", "policy=p", "text=one"},
		{"level=INFO", "text=two", `\"who\":\"alice\"`},
		{"level=WARN", "text=three", "more than 4096 octets"},
		{"level=ERROR", "xxxx"},
	} {
		line := strings.Split(text.String(), "\n")[i]
		for _, w := range want {
			if !strings.Contains(line, w) || len(line) > 5000 {
				t.Errorf("no %s in %.300s", w, line)
			}
		}
	}
	if strings.Contains(text.String(), "secret") {
		t.Errorf("a password was logged: %s", &text)
	}
	if _, err := eval(t, `allow if ak_logger.info(input.request.user.email, {})`); err == nil {
		t.Error("logged null")
	}
	text.Reset()
	set = loadWith(t, Options{Log: debugLog(&text)}, map[string]string{"p.rego": policyText("allow if { some i in numbers.range(1, 1000); ak_logger.info(sprintf(\"%d\", [i]), {}); false }")})
	if _, err := set.Expressions()["p"].Eval(t.Context(), alice()); err != nil || strings.Count(text.String(), "\n") != maxLines+1 {
		t.Errorf("%d lines, error %v", strings.Count(text.String(), "\n"), err)
	}
}

// TestResultLimits has results that are too large.
func TestResultLimits(t *testing.T) {
	long := `concat("", ["0123456789" | some i in numbers.range(1, 1000)])`
	for lines, want := range map[string]string{
		"long := " + long + "\nraw_result := [long | some i in numbers.range(1, 1000)]": "raw_result has more than 65536 octets",
		"raw_result := " + strings.Repeat("[", 65) + strings.Repeat("]", 65):            "within each other",
		"messages contains " + long: "10000 octets, at most 512",
	} {
		r, err := eval(t, lines)
		x, ok := err.(*policyengine.Exception) //nolint:errorlint // Eval returns nothing else
		if !ok || x.Code != policyengine.ExceptionResult || !strings.Contains(err.Error(), want) || r.Raw != nil {
			t.Errorf("%.60s: error %v", lines, err)
		}
	}
	if r, err := eval(t, `raw_result := {"set": {3, 1, 2}, 5: [null, true, "x"]}`); err != nil || fmt.Sprint(r.Raw) != "map[5:[<nil> true x] set:[1 2 3]]" {
		t.Errorf("%v, error %v", r.Raw, err)
	}
}
