package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

func TestPasswordNeverPrints(t *testing.T) {
	type holder struct {
		Name     string
		Password identity.Password
	}
	const secret = "correct-horse"
	p := identity.NewPassword(secret)
	if p.Reveal() != secret || p.Empty() || !identity.NewPassword("").Empty() {
		t.Fatal("the password itself is lost")
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", p)
		fmt.Fprintf(&out, verb+"\n", holder{"alice", p})
		fmt.Fprintf(&out, verb+"\n", &holder{"alice", p})
	}
	encoded, err := json.Marshal(holder{"alice", p})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "password", p, "holder", holder{"alice", p})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("login", "password", p, "holder", holder{"alice", p})
	hex := fmt.Sprintf("%x", secret)
	if text := out.String(); strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex) {
		t.Errorf("the password was printed:\n%s", text)
	}
}

func TestVerdictZeroRefuses(t *testing.T) {
	var v identity.Verdict
	if v == identity.Right || v.String() != "wrong" || identity.Verdict(99).String() != "invalid" {
		t.Errorf("zero verdict is %s", v)
	}
}

func TestKindNames(t *testing.T) {
	for kind, want := range map[identity.Kind]string{
		identity.KindPassword: "password", identity.KindCHAP: "chap",
		identity.KindMSCHAPv2: "mschapv2", identity.KindEAP: "eap", 0: "none",
	} {
		if kind.String() != want || (kind != 0 && identity.Unverifiable(kind).Kind() != kind) {
			t.Errorf("kind %d is %q, want %q", kind, kind, want)
		}
	}
}

func TestInGroup(t *testing.T) {
	u := &identity.User{Groups: []string{"staff", "vpn-users"}}
	if !u.InGroup("vpn-users") || u.InGroup("VPN-users") || u.InGroup("") {
		t.Error("groups are compared exactly")
	}
}
