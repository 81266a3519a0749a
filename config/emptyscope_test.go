package config

import (
	"strings"
	"testing"
)

func TestEmptyScope(t *testing.T) {
	for _, tt := range []struct {
		text                      string
		authn, authz, decideAuthz bool
		fault                     string
	}{
		{"{}", false, false, false, ""},
		{"{policies: {empty_scope: deny}}", true, true, true, ""},
		{"{policies: {empty_scope: allow}}", false, false, true, ""},
		{"{policies: {empty_scope: {authentication: deny}}}", true, false, false, ""},
		{"{policies: {empty_scope: {\"*\": deny, authorization: allow}}}", true, false, true, ""},
		{"{policies: {empty_scope: denied}}", false, false, false, `a.yaml:1:26: policies.empty_scope: "denied" is not one of allow, deny`},
		{"{policies: {empty_scope: {user: true}}}", false, false, false, `"true" is not one of allow, deny`},
		{"{policies: {empty_scope: [deny]}}", false, false, false, "allow or deny is due, or a mapping"},
		{"{policies: {empty_scope: }}", false, false, false, "allow or deny is due"},
	} {
		var doc struct {
			Policies Policies `yaml:"policies"`
		}
		_, err := Decode("a.yaml", []byte(tt.text), &doc)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%s: error %v, want %q", tt.text, err, tt.fault)
			}
			continue
		}
		e := doc.Policies.EmptyScope
		if err != nil || e.Denies("authentication") != tt.authn || e.Denies("authorization") != tt.authz || e.Decides("authorization") != tt.decideAuthz {
			t.Errorf("%s: %v, error %v", tt.text, e, err)
		}
	}
}
