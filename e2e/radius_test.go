package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// radclient sends one Access-Request with radclient and returns what it printed.
func (s *server) radclient(attributes, secret string, flags ...string) (string, int) {
	s.t.Helper()
	args := append(append([]string{"-x", "-r", "1", "-t", "2"}, flags...), s.radius, "auth", secret)
	return command(s.t, "", attributes+"\n", nil, need(s.t, "radclient"), args...)
}

func pap(user, password string, more ...string) string {
	return strings.Join(append([]string{
		fmt.Sprintf("User-Name = %q", user), fmt.Sprintf("User-Password = %q", password),
	}, more...), ", ")
}

const signed = "Message-Authenticator = 0x00"

func TestRadtest(t *testing.T) {
	radtest := need(t, "radtest")
	s := start(t, quickstart(t))
	for _, tt := range []struct{ user, password, want, reply, reason string }{
		{"alice", "alice-pw", "Access-Accept", "", "ok"},
		{"alice@example", "alice-pw", "Access-Accept", "", "ok"},
		{`EXAMPLE\ALICE`, "alice-pw", "Access-Accept", "", "ok"},
		{"alice", "wrong", "Access-Reject", "Wrong user name or password.", "bad_password"},
		{"nobody", "wrong", "Access-Reject", "Wrong user name or password.", "unknown_user"},
		{"carol", "carol-pw", "Access-Reject", "Wrong user name or password.", "user_disabled"},
		{"bob", "bob-pw", "Access-Reject", "You are not in the group vpn-users.", "policy_denied"},
		{"dave", "dave-pw", "Access-Reject", "Access denied.", "policy_denied"},
		{"erin", "erin-pw", "Access-Reject", "You are on the watch list.", "policy_denied"},
	} {
		out, code := command(t, "", "", nil, radtest, tt.user, tt.password, s.radius, "0", "testing123")
		if !strings.Contains(out, "Received "+tt.want) || !strings.Contains(out, tt.reply) {
			t.Errorf("radtest %s: want %s %q, got:\n%s", tt.user, tt.want, tt.reply, out)
		}
		if (code == 0) != (tt.want == "Access-Accept") {
			t.Errorf("radtest %s: exit code %d", tt.user, code)
		}
		s.lastLogin(tt.user, map[bool]string{true: "accept", false: "reject"}[tt.reason == "ok"], tt.reason)
	}
	if policy := s.lastLogin("dave", "reject", "policy_denied").text("policy"); policy != "scoped policy deny_dave" {
		t.Errorf("the log says that %q refused dave", policy)
	}
	if strings.Contains(s.log(), "alice-pw") || strings.Contains(s.log(), "testing123") {
		t.Error("a secret is in the log")
	}
}

func TestRadclientSignatures(t *testing.T) {
	s := start(t, quickstart(t))
	if out, _ := s.radclient(pap("alice", "alice-pw"), "testing123"); !strings.Contains(out, "Received Access-Accept") {
		t.Errorf("without Message-Authenticator, default limit:\n%s", out)
	}
	if out, _ := s.radclient(pap("alice", "alice-pw", "Proxy-State = 0x01"), "testing123"); strings.Contains(out, "Received") {
		t.Errorf("Proxy-State without Message-Authenticator was answered:\n%s", out)
	}
	out, _ := s.radclient(pap("alice", "alice-pw", "Proxy-State = 0x01", "Proxy-State = 0x02", signed), "testing123")
	one, two := strings.LastIndex(out, "Proxy-State = 0x01"), strings.LastIndex(out, "Proxy-State = 0x02")
	if received := strings.Index(out, "Received Access-Accept"); received < 0 || one < received || two < one {
		t.Errorf("Proxy-State is not echoed in order:\n%s", out)
	}
	if out, _ := s.radclient(pap("alice", "alice-pw", signed), "wrong-secret"); strings.Contains(out, "Received") {
		t.Errorf("a wrong Message-Authenticator was answered:\n%s", out)
	}
	warn := s.waitLog("warning", 3*time.Second, func(l logLine) bool {
		return l.text("level") == "WARN" && strings.Contains(fmt.Sprint(l), "secret")
	})
	t.Log(warn)
}

func TestRadclientRequiredSignature(t *testing.T) {
	s := start(t, quickstart(t)+"\nradius: {message_authenticator: require}\n")
	if out, _ := s.radclient(pap("alice", "alice-pw"), "testing123"); strings.Contains(out, "Received") {
		t.Errorf("an unsigned request was answered:\n%s", out)
	}
	if out, _ := s.radclient(pap("alice", "alice-pw", signed), "testing123"); !strings.Contains(out, "Received Access-Accept") {
		t.Errorf("a signed request:\n%s", out)
	}
}

func TestRadclientUnknownClient(t *testing.T) {
	s := start(t, quickstart(t))
	if out, _ := s.radclient(pap("alice", "alice-pw", "Packet-Src-IP-Address = 127.0.0.2"), "testing123"); strings.Contains(out, "Received") {
		t.Errorf("an unknown client was answered:\n%s", out)
	}
	s.waitLog("warning about 127.0.0.2", 3*time.Second, func(l logLine) bool {
		return l.text("level") == "WARN" && strings.Contains(fmt.Sprint(l), "127.0.0.2") && strings.Contains(fmt.Sprint(l), "radius.clients")
	})
}

// TestRadclientRetransmission: while the server is stopped radclient sends
// copies; they make one login.
func TestRadclientRetransmission(t *testing.T) {
	need(t, "radclient")
	s := start(t, quickstart(t))
	signal := func(sig syscall.Signal) {
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
	}
	signal(syscall.SIGSTOP)
	time.AfterFunc(2500*time.Millisecond, func() { signal(syscall.SIGCONT) })
	out, _ := s.radclient(pap("alice", "alice-pw"), "testing123", "-r", "5", "-t", "1")
	if !strings.Contains(out, "Received Access-Accept") || strings.Count(out, "Sent Access-Request") < 2 {
		t.Fatalf("want copies and then an answer:\n%s", out)
	}
	s.lastLogin("alice", "accept", "ok")
	if n := len(s.logins("alice")); n != 1 {
		t.Errorf("%d logins for one request and its copies", n)
	}
}

func TestRadclientStatusServer(t *testing.T) {
	s := start(t, quickstart(t))
	out, _ := command(t, "", signed+"\n", nil, need(t, "radclient"), "-x", "-r", "1", "-t", "2", s.radius, "status", "testing123")
	if !strings.Contains(out, "Received Access-Accept") {
		t.Errorf("Status-Server:\n%s", out)
	}
}
