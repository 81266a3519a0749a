package ldap

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

var alice = &identity.User{Login: "alice", DN: "uid=alice," + testBase, Active: true}

func TestVerifyRefuses(t *testing.T) {
	s := &server{bind: func(string, string) (upstream.BindResult, error) { return upstream.BindResult{}, nil }}
	d := open(t, s, nil)
	for _, c := range []struct {
		name string
		c    identity.Credential
		want identity.Verdict
	}{
		{"empty", identity.NewPassword(""), identity.Wrong},
		{"NUL", identity.NewPassword("secret\x00"), identity.Wrong},
		{"too long", identity.NewPassword(strings.Repeat("x", 4097)), identity.Wrong},
		{"Latin-1", identity.NewPassword("\xe4"), identity.Wrong},
		{"CHAP", identity.Unverifiable(identity.KindCHAP), identity.Unsupported},
		{"none", nil, identity.Unsupported},
	} {
		if v, err := d.Verify(t.Context(), alice, c.c); v != c.want || err != nil {
			t.Errorf("%s: %s, %v", c.name, v, err)
		}
	}
	// A bind without a name succeeds whatever the password.
	if v, err := d.Verify(t.Context(), &identity.User{Login: "alice"}, identity.NewPassword("x")); v == identity.Right || err == nil {
		t.Errorf("no DN: %s, %v", v, err)
	}
	if len(s.bound) > 0 {
		t.Errorf("binds as %q", s.bound)
	}
	if v, err := d.Verify(t.Context(), alice, identity.NewPassword(strings.Repeat("x", 4096))); v != identity.Right || err != nil {
		t.Errorf("longest: %s, %v", v, err)
	}
}

// TestOutage: that nobody could be asked is an error, for users and for nobody.
func TestOutage(t *testing.T) {
	s := &server{}
	d := open(t, s, nil)
	s.up = false
	password := identity.NewPassword("correct-horse")
	if v, err := d.Verify(t.Context(), alice, password); !errors.Is(err, errDown) || v != identity.Wrong {
		t.Errorf("verify: %s, %v", v, err)
	}
	if _, err := d.Lookup(t.Context(), "alice"); !errors.Is(err, errDown) {
		t.Errorf("look up: %v", err)
	}
	if err := d.VerifyNobody(t.Context(), "bob", password); err == nil {
		t.Error("nobody is refused during an outage")
	}
	if len(s.bound) != 1 {
		t.Errorf("binds as %q", s.bound)
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "correct-horse"
	for _, code := range []int{1, 8, 51, 53} {
		s := &server{bind: func(_, password string) (upstream.BindResult, error) {
			return upstream.BindResult{Code: code, Text: "cannot take " + password}, nil
		}}
		_, err := open(t, s, nil).Verify(t.Context(), alice, identity.NewPassword(secret))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// TestNobodyTakesAsLong: without groups and binds before, an unknown user costs
// nothing; later what a wrong password costs.
func TestNobodyTakesAsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{bind: func(string, string) (upstream.BindResult, error) {
			time.Sleep(70 * time.Millisecond)
			return upstream.BindResult{Code: 49}, nil
		}}
		d := open(t, s, nil)
		took := func(c identity.Credential) time.Duration {
			begin := time.Now()
			if err := d.VerifyNobody(t.Context(), "bob", c); err != nil {
				t.Error(err)
			}
			return time.Since(begin)
		}
		wrong := identity.NewPassword("wrong")
		if d := took(wrong); d != 0 {
			t.Errorf("at first: %s", d)
		}
		if v, err := d.Verify(t.Context(), alice, wrong); v != identity.Wrong || err != nil {
			t.Fatal(v, err)
		}
		if d := took(wrong); (70*time.Millisecond - d).Abs() > time.Millisecond {
			t.Errorf("later: %s", d)
		}
		// Nor does Verify ask a server for these.
		if d := took(identity.NewPassword("\x00")) + took(identity.Unverifiable(identity.KindCHAP)); d != 0 {
			t.Errorf("what is never sent: %s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := d.VerifyNobody(ctx, "bob", wrong); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past the deadline: %v", err)
		}
		if len(s.bound) != 1 {
			t.Errorf("binds as %q", s.bound)
		}
	})
}

// TestUnknownTakesAsLong: groups are looked up for users only, and the clock must
// not show it.
func TestUnknownTakesAsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tree()
		s.searchErr = func(*goldap.SearchRequest) error { time.Sleep(10 * time.Millisecond); return nil }
		d := open(t, s, nil)
		took := func(login string) time.Duration {
			begin := time.Now()
			_, _ = d.Lookup(t.Context(), login)
			return time.Since(begin)
		}
		took("alice")
		if a, b := took("alice"), took("nobody"); (a-b).Abs() > time.Millisecond || a < 20*time.Millisecond {
			t.Errorf("alice takes %s, nobody %s", a, b)
		}
	})
}

func TestPaceIsBounded(t *testing.T) {
	var p pace
	for i := range 1000 {
		p.add(time.Duration(i))
	}
	for range 1000 {
		if d := p.draw(); d < 1000-64 {
			t.Fatalf("drew %d", d)
		}
	}
}

func TestNewNeedsNoNetwork(t *testing.T) {
	cfg := testConfig(func(c *config.LDAPDirectory) {
		c.URLs, c.BindPassword = []string{"ldaps://127.0.0.1:1"}, config.Secret{}
		c.Timeout, c.HealthInterval = time.Second, time.Hour
		c.Pool = config.UpstreamPool{Binds: 1, Searches: 1, Idle: time.Minute}
	})
	d, err := New("corp", cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Status()) != 1 {
		t.Errorf("status %+v", d.Status())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	cfg.UserFilter = "x"
	if _, err := New("corp", cfg, Options{}); err == nil || !strings.Contains(err.Error(), "directory corp: user_filter: ") {
		t.Errorf("a filter that is none: %v", err)
	}
}
