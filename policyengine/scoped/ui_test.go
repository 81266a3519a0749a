package scoped

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func uiSet(t *testing.T, o Options, policies ...Policy) *Set {
	t.Helper()
	for i := range policies {
		policies[i].Active, policies[i].Priority = true, 1
	}
	s, err := Compile(policies, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUI(t *testing.T) {
	defs, r := NewDefinitions(), &Request{Now: time.Unix(0, 0)}
	s := uiSet(t, Options{}, Policy{Name: "a", Scope: ScopeAdmin, AdminUser: []string{"root"}, Action: ParseActionCompat("resolverread, auditlog_age=10d, enroll.*, none=")})
	root := UIUser{LoggedIn: LoggedIn{Name: "root", Role: RoleAdmin}}
	rights, err := s.UIRights(defs, root, r)
	if !slices.Equal(rights, []string{"auditlog_age", "auditlog_age=10d", "enroll.*", "resolverread"}) || err != nil {
		t.Errorf("rights %q, error %v", rights, err)
	}
	// Row 15: compat misses the menu of resolverread.
	if menus, err := s.UIMainMenus(defs, root, r); !slices.Equal(menus, []string{MenuAudit, MenuConfig}) || err != nil {
		t.Errorf("menus %q, error %v", menus, err)
	}
	compat := uiSet(t, Options{Semantics: Compat}, Policy{Name: "a", Scope: ScopeAdmin, Action: ParseActionCompat("resolverread")})
	if menus, err := compat.UIMainMenus(defs, root, r); len(menus) > 0 || err != nil {
		t.Errorf("compat: menus %q, error %v", menus, err)
	}
	if types, err := s.UIEnrollTokenTypes(defs, root, r); len(types) != len(defs.Enrollable(ScopeAdmin)) || err != nil {
		t.Errorf("types %q, error %v", types, err)
	}
	kim := UIUser{LoggedIn: LoggedIn{Name: "kim", Role: RoleAdmin}}
	if rights, err := s.UIRights(defs, kim, r); len(rights) > 0 || err != nil {
		t.Errorf("rights of another administrator %q, error %v", rights, err)
	}
	if types, err := s.UIEnrollTokenTypes(defs, kim, r); len(types) > 0 || err != nil {
		t.Errorf("types of another administrator %q, error %v", types, err)
	}
	guest := UIUser{LoggedIn: LoggedIn{Name: "x", Role: "guest"}}
	if rights, err := s.UIRights(defs, guest, r); !errors.Is(err, ErrPolicy) || rights != nil {
		t.Errorf("rights of a guest %q, error %v", rights, err)
	}
	if types, err := s.UIEnrollTokenTypes(defs, guest, r); !errors.Is(err, ErrPolicy) || types != nil {
		t.Errorf("types of a guest %q, error %v", types, err)
	}
}

// Row 9: a scope without policies allows everything, unless it is set to deny.
func TestUIOfAnEmptyScope(t *testing.T) {
	defs, r := NewDefinitions(), &Request{}
	ann := UIUser{LoggedIn: LoggedIn{Name: "ann", Realm: "corp", Role: RoleUser}}
	open := uiSet(t, Options{})
	shut := uiSet(t, Options{EmptyScope: map[string]EmptyScope{ScopeUser: EmptyDenies}})
	if rights, err := open.UIRights(defs, ann, r); len(rights) != len(defs.Scope(ScopeUser)) || err != nil {
		t.Errorf("%d rights, error %v", len(rights), err)
	}
	if types, err := open.UIEnrollTokenTypes(defs, ann, r); len(types) != len(defs.Enrollable(ScopeUser)) || err != nil {
		t.Errorf("types %q, error %v", types, err)
	}
	if rights, err := shut.UIRights(defs, ann, r); len(rights) > 0 || err != nil {
		t.Errorf("%d rights, error %v", len(rights), err)
	}
	if types, err := shut.UIEnrollTokenTypes(defs, ann, r); len(types) > 0 || err != nil {
		t.Errorf("types %q, error %v", types, err)
	}
	if menus, err := shut.UIMainMenus(defs, ann, r); len(menus) > 0 || err != nil {
		t.Errorf("menus %q, error %v", menus, err)
	}
}

func TestCheckPIN(t *testing.T) {
	s := uiSet(t, Options{},
		Policy{Name: "a", Scope: ScopeUser, Action: ParseActionCompat("otp_pin_minlength=4, otp_pin_maxlength=6, otp_pin_contents=n")},
		Policy{Name: "b", Scope: ScopeUser, Action: ParseActionCompat("hotp_otp_pin_minlength=5")},
		Policy{Name: "c", Scope: ScopeUser, Realm: []string{"broken"}, Action: ParseActionCompat("sms_otp_pin_minlength=many, totp_otp_pin_contents=x")})
	r := &Request{LoggedIn: LoggedIn{Name: "ann", Realm: "corp", Role: RoleUser}}
	for _, tt := range []struct {
		pin, tokenType string
		want           error
	}{
		{"1234", "totp", nil},
		{"123456", "totp", nil},
		{"123", "totp", ErrPolicy},
		{"1234567", "totp", ErrPolicy},
		{"abcd", "totp", ErrPolicy},
		{"ä123", "totp", ErrPolicy},
		{"1234", "hotp", ErrPolicy},
		{"12345", "hotp", nil},
	} {
		if err := s.CheckPIN(r, tt.pin, tt.tokenType, nil); !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%s of %s: %v", tt.pin, tt.tokenType, err)
		}
	}
	r.LoggedIn.Realm = "broken"
	if err := s.CheckPIN(r, "1234", "sms", nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("a length that is no number: %v", err)
	}
	if err := s.CheckPIN(r, "1234", "totp", nil); !errors.Is(err, ErrPolicy) {
		t.Errorf("a rule that is none: %v", err)
	}
	r.LoggedIn.Role = "guest"
	if err := s.CheckPIN(r, "1234", "totp", nil); !errors.Is(err, ErrMatching) {
		t.Errorf("a guest: %v", err)
	}
	if err := s.CheckPIN(&Request{LoggedIn: LoggedIn{Name: "root", Role: RoleAdmin}}, "", "hotp", nil); err != nil {
		t.Errorf("an administrator without such policies: %v", err)
	}
}

func TestAllowedCustomAttributes(t *testing.T) {
	s := uiSet(t, Options{},
		Policy{Name: "a", Scope: ScopeUser, Action: ParseActionCompat("delete_custom_user_attributes=color size, set_custom_user_attributes=:color: red blue")},
		Policy{Name: "b", Scope: ScopeUser, Action: ParseActionCompat("delete_custom_user_attributes=size, set_custom_user_attributes=:color: green :*: *")},
		Policy{Name: "c", Scope: ScopeUser, Action: ParseActionCompat("*")})
	r := &Request{LoggedIn: LoggedIn{Name: "ann", Realm: "corp", Role: RoleUser}}
	got, err := s.AllowedCustomAttributes(r, nil)
	if err != nil || !slices.Equal(got.Delete, []string{"color", "size"}) || !slices.Equal(got.Set["color"], []string{"blue", "green", "red"}) || !slices.Equal(got.Set["*"], []string{"*"}) {
		t.Errorf("%+v, error %v", got, err)
	}
	compat := uiSet(t, Options{Semantics: Compat}, Policy{Name: "c", Scope: ScopeUser, Action: ParseActionCompat("*")})
	if got, err := compat.AllowedCustomAttributes(r, nil); err == nil {
		t.Errorf("compat: %+v", got)
	}
}
