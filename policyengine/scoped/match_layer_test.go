package scoped

import (
	"errors"
	"slices"
	"testing"
)

// TestLayerRefuses has who may not ask what. What is answered has cases.
func TestLayerRefuses(t *testing.T) {
	s := mustCompile(t, policy("p", func(p *Policy) { p.Scope = "admin" }))
	admin := &Request{LoggedIn: LoggedIn{Name: "root", Role: RoleAdmin}}
	user := &Request{LoggedIn: LoggedIn{Name: "ann", Realm: "corp", Role: RoleUser}}
	nobody := &Request{}
	ann := &User{Login: "ann", Realm: "corp"}
	for name, ask := range map[string]func() (*Match, error){
		"action in scope admin":        func() (*Match, error) { return s.ForAction(admin, "admin", Is("x")) },
		"realm in scope admin":         func() (*Match, error) { return s.ForRealm(admin, "admin", Is("x"), "corp") },
		"user in scope admin":          func() (*Match, error) { return s.ForUser(admin, "admin", Is("x"), ann) },
		"token of somebody":            func() (*Match, error) { return s.ForToken(admin, "admin", Is("x"), ann, nil) },
		"token of one realm":           func() (*Match, error) { return s.ForToken(admin, "admin", Is("x"), nil, []string{"corp"}) },
		"token of nobody":              func() (*Match, error) { return s.ForToken(admin, "admin", Is("x"), nil, nil) },
		"user asks as admin":           func() (*Match, error) { return s.ForAdmin(user, Is("x"), nil) },
		"nobody asks as admin":         func() (*Match, error) { return s.ForAdmin(nobody, Is("x"), nil) },
		"nobody asks as admin or user": func() (*Match, error) { return s.ForAdminOrUser(nobody, Is("x"), ann) },
	} {
		if m, err := ask(); m != nil || !errors.Is(err, ErrMatching) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, ask := range map[string]func() (*Match, error){
		"admin":                 func() (*Match, error) { return s.ForAdmin(admin, Is("x"), ann) },
		"admin or user, admin":  func() (*Match, error) { return s.ForAdminOrUser(admin, Is("x"), nil) },
		"own query for anybody": func() (*Match, error) { return s.ForQuery(nobody, Query{Scope: Is("admin")}), nil },
	} {
		m, err := ask()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ok, err := m.Any(); err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

func TestLayerAudit(t *testing.T) {
	s := mustCompile(t, policy("a", func(p *Policy) { p.Action = Action{{Name: "x", Value: "1 2"}} }), policy("b", nil))
	var names []string
	r := &Request{Audit: func(policy string) { names = append(names, policy) }}
	for _, tt := range []struct {
		name string
		ask  func(m *Match) error
		want []string
	}{
		{"policies", func(m *Match) error { _, err := m.Policies(); return err }, []string{"a", "b"}},
		{"any", func(m *Match) error { _, err := m.Any(); return err }, []string{"a", "b"}},
		{"silent", func(m *Match) error { _, err := m.Silent().Any(); return err }, nil},
		{"values, once for each", func(m *Match) error { _, err := m.ActionValues(ValueOptions{}); return err }, []string{"a", "a"}},
		{"one value", func(m *Match) error { _, _, err := m.Value(); return err }, nil},
		{"no audit for a conflict", func(m *Match) error {
			if _, err := m.ActionValues(ValueOptions{Unique: true}); !errors.Is(err, ErrPolicy) {
				return errors.New("no conflict")
			}
			return nil
		}, nil},
	} {
		names = nil
		m, err := s.ForAction(r, "authorization", Is("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.ask(m); tt.name != "one value" && err != nil || !slices.Equal(names, tt.want) {
			t.Errorf("%s: audited %q, %v", tt.name, names, err)
		}
	}
}
