package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// people are the local users of the tests of expression policies. Robert has the
// mail address of bob in slapd.
const people = `login,password,name,email,groups,disabled
alice,alice-pw,Alice Adams,alice@example.org,vpn,
robert,robert-pw,Bob Builder,bob@corp.example,staff,
`

// expressive is a configuration whose policies are those below expressions, with
// the people given in realm home. Further sections can follow it.
func expressive(apps ...app) string {
	var b strings.Builder
	b.WriteString(`
listen: {radius: ["127.0.0.1:0"], ldap: ["127.0.0.1:0"], http: "127.0.0.1:0"}
store: sqlite:../../var/sallyport.db
tls: {self_signed: ../../var/tls}
log: {format: json}
applications:
`)
	for i, a := range apps {
		fmt.Fprintf(&b, "  %s:\n    ldap: {base_dn: %q, user_dn: %q}\n", a.name, "o="+a.name, "uid={login},o="+a.name)
		if i == 0 {
			b.WriteString("    radius: {clients: [127.0.0.1/32], secret: testing123}\n")
		}
		fmt.Fprintf(&b, "    policies: {%s}\n", a.policies)
	}
	return b.String()
}

// app is an application that users log in to with LDAP, the first of a
// configuration with RADIUS too.
type app struct{ name, policies string }

// local is the directory of the people, with hashes that cost nothing.
const local = "  local: {type: local, seed: people.csv, argon2: {memory: 64, iterations: 1}}\n"

// athome has only them.
const athome = "realms:\n  home: {default: true, directories: [local]}\ndirectories:\n" + local

// expressing lays out a workspace with a configuration and its policies.
func expressing(t *testing.T, config string, policies map[string]string) string {
	t.Helper()
	dir := workspace(t, config)
	writeFile(t, filepath.Join(quickstartDir(dir), "people.csv"), people)
	writePolicies(t, dir, policies)
	return dir
}

func quickstartDir(dir string) string { return filepath.Join(dir, "examples/quickstart") }

// writePolicies writes files below expressions, by their paths.
func writePolicies(t *testing.T, dir string, policies map[string]string) {
	t.Helper()
	for name, text := range policies {
		writeFile(t, filepath.Join(quickstartDir(dir), "expressions", name), text)
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// named is a policy with its default.
func named(name, lines string) string {
	return "package sallyport.policies." + name + "\n\ndefault allow := false\n\n" + lines + "\n"
}

// ldapAnswer is what an LDAP client is told.
type ldapAnswer struct {
	code uint16
	text string
}

// binder binds on one connection, again and again.
type binder struct {
	t    *testing.T
	conn *goldap.Conn
}

func (s *server) binder(t *testing.T) *binder {
	t.Helper()
	conn, err := goldap.DialURL("ldap://" + s.ldap)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetTimeout(10 * time.Second)
	t.Cleanup(func() { conn.Close() })
	return &binder{t, conn}
}

// bind logs a user in to an application. Any other than an LDAP answer fails the
// test.
func (b *binder) bind(user, application string) ldapAnswer {
	err := b.conn.Bind("uid="+user+",o="+application, pw(user))
	var answer *goldap.Error
	switch {
	case err == nil:
		return ldapAnswer{}
	case errors.As(err, &answer) && answer.ResultCode < goldap.ErrorNetwork:
		return ldapAnswer{answer.ResultCode, answer.Err.Error()}
	}
	b.t.Errorf("bind of %s to %s: %v", user, application, err)
	return ldapAnswer{code: goldap.ErrorNetwork}
}

// expect logs a user in and demands a reason in the log, and texts in the answer.
func (s *server) expect(b *binder, user, application, reason string, texts ...string) logLine {
	s.t.Helper()
	fits := func(l logLine) bool {
		return l.text("msg") == "login" && l.text("user") == user && l.text("application") == application
	}
	before := len(s.find(fits))
	got := b.bind(user, application)
	var lines []logLine
	s.eventually("line of the login", 5*time.Second, func() bool {
		lines = s.find(fits)
		return len(lines) > before
	})
	line := lines[len(lines)-1]
	if line.text("reason") != reason || (reason == "ok") != (got.code == 0) {
		s.t.Errorf("%s at %s: code %d %q, reason %s, want %s: %v", user, application, got.code, got.text, line.text("reason"), reason, line)
	}
	for _, want := range texts {
		if !strings.Contains(got.text, want) {
			s.t.Errorf("%s at %s reads %q, want %q", user, application, got.text, want)
		}
	}
	return line
}

// metric is the value of a line of the metrics, 0 without such a line.
func (s *server) metric(line string) int {
	s.t.Helper()
	_, metrics := s.get("/metrics")
	for l := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(l, line+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatalf("metric %s: %v", line, err)
			}
			return int(n)
		}
	}
	return 0
}

// countries writes a MaxMind file with the countries of networks.
func countries(t *testing.T, file string, of map[string]string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-Country", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, code := range of {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, b.String())
}

// nameServer knows one host, and says nothing about those called silent.
func nameServer(t *testing.T, host, address string) *testenv.DNS {
	return testenv.NewDNS(t, func(name string, kind int) testenv.DNSReply {
		switch {
		case strings.HasPrefix(name, "silent."):
			return testenv.DNSReply{Silent: true}
		case name != host:
			return testenv.DNSReply{Code: testenv.DNSNoSuchName}
		case kind != testenv.DNSTypeA:
			return testenv.DNSReply{}
		}
		return testenv.DNSReply{Records: []testenv.DNSRecord{testenv.DNSAddress("", address)}}
	})
}

// webServer answers on loopback; it returns host and port.
func webServer(t *testing.T, answer http.HandlerFunc) string {
	web := httptest.NewServer(answer)
	t.Cleanup(web.Close)
	return strings.TrimPrefix(web.URL, "http://")
}
