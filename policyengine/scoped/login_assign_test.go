package scoped

import (
	"errors"
	"testing"
)

func TestAssignRule(t *testing.T) {
	for text, want := range map[string]AssignRule{
		"6:pin": {6, false, 100}, "pin:8": {8, true, 100}, "PIN:6: 20": {6, true, 20}, "6:pin:1": {6, false, 1},
	} {
		if got, err := ParseAssignRule(text); got != want || err != nil {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "6", "pin", "6:x", "x:pin", "pin:pin", "0:pin", "-6:pin", "6:pin:0", "6:pin:x", "6:pin:99999", "6:pin:1:2"} {
		if got, err := ParseAssignRule(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication passthru_assign=pin:6", "enrollment autoassignment=any_pin")
	rule, ok, err := l.PassthruAssign()
	if pin, otp := rule.Split("abc123456"); !ok || err != nil || pin != "abc" || otp != "123456" {
		t.Errorf("%q, %q, %t, error %v", pin, otp, ok, err)
	}
	if mode, err := l.AutoAssignment(); mode != AutoAssignAnyPIN || err != nil {
		t.Errorf("%q, error %v", mode, err)
	}
	l, _ = loginOf(t, Hardened, "authentication passthru_assign=soon", "enrollment autoassignment=yes")
	if _, ok, err := l.PassthruAssign(); ok || !errors.Is(err, ErrInvalid) {
		t.Errorf("%t, error %v", ok, err)
	}
	if mode, err := l.AutoAssignment(); mode != "" || !errors.Is(err, ErrInvalid) {
		t.Errorf("%q, error %v", mode, err)
	}
	l, _ = loginOf(t, Hardened)
	if _, ok, err := l.PassthruAssign(); ok || err != nil {
		t.Errorf("%t, error %v", ok, err)
	}
}
