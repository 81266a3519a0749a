package rego

import (
	"testing"
)

func TestExplain(t *testing.T) {
	set, err := load(t, map[string]string{"p.rego": policyText(`
allow if ak_call_policy("q", {"x": 1}).passing

messages contains m if { some m in ["a", "b"] }
raw_result := {"who": u} if u := input.request.user.username
`), "q.rego": "package sallyport.policies.q\ndefault allow := false\nallow if { input.context.x == 1; ak_logger.info(\"x\", {\"password\": \"y\"}); print(\"hu\") }"})
	if err != nil {
		t.Fatal(err)
	}
	x, err := set.policies["p"].Explain(t.Context(), alice())
	t.Logf("%+v %v", x, err)
	for _, r := range x.Rules {
		t.Logf("%+v", r)
	}
	for _, r := range x.Calls {
		t.Logf("%+v", r)
	}
}
