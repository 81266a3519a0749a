package scoped

import "testing"

func TestCheckValue(t *testing.T) {
	for _, tt := range []struct {
		scope, action string
		good, bad     []string
	}{
		{ScopeAuthentication, ActionAuthCache, []string{"4h", "4h/5m", "'4h/3'"}, []string{"4x", "4h/5m/3", "0h", "'4h / x'"}},
		{ScopeAuthentication, ActionMangle, []string{`user/(.*)@corp/\1/`, "'pass/a b/c/'", "realm/a/b/ user/c/d/"}, []string{"user/a/b", "serial/a/b/", "user/[/b/", `user/a/\1/`, "pass/a b/c/"}},
		{ScopeAuthentication, ActionPassthruAssign, []string{"6:pin"}, []string{"6"}},
		{ScopeAuthentication, ActionOTPPIN, []string{"none", "userstore", "tokenpin"}, []string{"None", "pin"}},
		{ScopeAuthorization, ActionAuthMaxFail, []string{"3/5m"}, []string{"3", "3/5d"}},
		{ScopeAuthorization, ActionAuthMaxSuccess, []string{"3/5m"}, []string{"3"}},
		{ScopeAuthorization, ActionLastAuth, []string{"7d"}, []string{"7"}},
		{ScopeAuthorization, ActionAuthorized, []string{"grant_access", "deny_access"}, []string{"deny"}},
		{ScopeAuthorization, ActionSerial, []string{"^OA X.*"}, []string{"^OA ["}},
		{ScopeAuthorization, ActionTokenInfo, []string{"hashlib/sha1/", "kind/soft ware/"}, []string{"hashlib", "a/[/", "a/b/c/d"}},
		{ScopeEnrollment, ActionAutoAssignment, []string{"any_pin"}, []string{"yes"}},
		{ScopeUser, ActionPINContents, []string{"cn", "[ab1]"}, []string{"x", "+"}},
		{ScopeAdmin, "hotp_" + ActionPINContents, []string{"+cn"}, []string{"x"}},
		{ScopeUser, "hotp_" + ActionPINMinLength, []string{"4"}, []string{"four", "-1"}},
		{ScopeUser, "otp_pin_set_random", []string{"x"}, nil},
		{ScopeWebUI, ActionMangle, []string{"anything"}, nil},
		{"nosuch", "x", []string{"anything"}, nil},
	} {
		for _, v := range tt.good {
			if err := CheckValue(tt.scope, ActionItem{Name: tt.action, Value: v}); err != nil {
				t.Errorf("%s/%s=%s: %v", tt.scope, tt.action, v, err)
			}
		}
		for _, v := range tt.bad {
			if err := CheckValue(tt.scope, ActionItem{Name: tt.action, Value: v}); err == nil {
				t.Errorf("%s/%s=%s is let through", tt.scope, tt.action, v)
			}
		}
		if err := CheckValue(tt.scope, ActionItem{Name: tt.action, Flag: true}); err != nil {
			t.Errorf("%s/%s without a value: %v", tt.scope, tt.action, err)
		}
	}
}
