package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/proxy"
)

// upstreamVariable tells the server of role directory where slapd is.
const upstreamVariable = "SALLYPORT_BENCH_UPSTREAM"

// BenchmarkDirectory is logins whose users live in a slapd, through Sallyport and
// through slapd's own proxy, back-ldap.
func BenchmarkDirectory(b *testing.B) {
	upstream := startUpstream(b)
	widths := []int{1, 16, 64, 256}
	run := func(protocol, name string, s *server, load load) {
		for _, width := range widths {
			b.Run(fmt.Sprintf("%s/server=%s/conns=%d", protocol, name, width), func(b *testing.B) { measure(b, s, width, load) })
		}
	}
	ours := start(b, "directory", upstreamVariable+"="+upstream.LDAPURL)
	run("ldap", "sallyport", ours, ldapLoad)
	run("ldap", "back-ldap", startBackLDAP(b, upstream), ldapLoad)
	run("ldap", "slapd-itself", &server{addresses: addresses{LDAP: upstream.LDAPAddr}, pid: upstream.Pid()}, ldapLoad)
	run("radius", "sallyport", ours, radiusLoad)
}

// TestDirectoryLogins has both proxies answer some logins.
func TestDirectoryLogins(t *testing.T) {
	upstream := startUpstream(t)
	ours := start(t, "directory", upstreamVariable+"="+upstream.LDAPURL)
	for _, c := range []struct {
		name string
		s    *server
		run  load
	}{
		{"sallyport, ldap", ours, ldapLoad},
		{"sallyport, radius", ours, radiusLoad},
		{"back-ldap", startBackLDAP(t, upstream), ldapLoad},
	} {
		const n = 20
		if got, err := c.run(c.s, 2, n); err != nil || len(got.latencies) != n {
			t.Errorf("%s: of %d logins %d accepted, %d refused, %d lost: %v", c.name, n, len(got.latencies), got.refused, got.lost, err)
		}
		if now := c.s.stats(t); now.CPU <= 0 || now.PeakRSS <= 0 {
			t.Errorf("%s has spent %+v", c.name, now)
		}
	}
}

// startUpstream starts a slapd that holds the users, their passwords in clear
// text, so that what is measured is not hashing.
func startUpstream(tb testing.TB) *testenv.Slapd {
	var ldif strings.Builder
	fmt.Fprintf(&ldif, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: bench\ndc: corp\n\n", baseDN)
	for _, ou := range []string{"users", "groups", "services"} {
		fmt.Fprintf(&ldif, "dn: ou=%s,%s\nobjectClass: organizationalUnit\n\n", ou, baseDN)
	}
	fmt.Fprintf(&ldif, "dn: cn=reader,ou=services,%s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\nuserPassword: reader-pw\n\n", baseDN)
	group := fmt.Sprintf("dn: cn=vpn-users,ou=groups,%s\nobjectClass: groupOfNames\n", baseDN)
	for n := range userCount {
		dn := "uid=" + login(n) + ",ou=users," + baseDN
		fmt.Fprintf(&ldif, "dn: %s\nobjectClass: inetOrgPerson\ncn: %s\nsn: Bench\nuserPassword: %s\n\n", dn, login(n), password(n))
		group += "member: " + dn + "\n"
	}
	ldif.WriteString(group)
	return testenv.StartSlapd(tb, testenv.SlapdOptions{LDIF: ldif.String(), Modules: []string{}, Quiet: true, Threads: 16})
}

// startBackLDAP starts a slapd that holds nothing and forwards to upstream.
func startBackLDAP(tb testing.TB, upstream *testenv.Slapd) *server {
	s := testenv.StartSlapd(tb, testenv.SlapdOptions{Proxy: upstream.LDAPURL, Modules: []string{}, Quiet: true, Threads: 16})
	return &server{addresses: addresses{LDAP: s.LDAPAddr}, pid: s.Pid()}
}

// directorySettings are those of a server whose users live in slapd. As with
// back-ldap, nothing is encrypted.
const directorySettings = `
listen: {radius: ["127.0.0.1:0"], ldap: ["127.0.0.1:0"]}
realms: {corp: {default: true, directories: [corp]}}
directories:
  corp:
    type: ldap
    urls: [%q]
    start_tls: "off"
    base_dn: "` + baseDN + `"
    bind_dn: "cn=reader,ou=services,` + baseDN + `"
    bind_password: reader-pw
applications:
  vpn:
    radius: {clients: [127.0.0.1/32], secret: ` + secret + `}
    ldap: {base_dn: "` + baseDN + `"}
    policies: {bindings: [{group: vpn-users}]}
`

// serveDirectory is Sallyport before the slapd that the environment names, as
// its daemon puts it together.
func serveDirectory(ctx context.Context, dir string, listening chan<- addresses) error {
	cfg, err := config.Parse(filepath.Join(dir, "sallyport.yaml"),
		fmt.Appendf(nil, directorySettings, os.Getenv(upstreamVariable)), os.LookupEnv)
	if err != nil {
		return err
	}
	corp := &cfg.Directories["corp"].LDAPDirectory
	users, err := ldap.New("corp", corp, ldap.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer users.Close()
	cached := directory.NewCached(users, corp.Cache, cfg.Login.Timeout)
	defer cached.Close()
	return serveLogins(ctx, cfg, proxy.Source{Name: "corp", Type: "ldap", Directory: cached}, nil, listening)
}

// ticksPerSecond is the unit of times in /proc (sysconf(_SC_CLK_TCK), which is
// 100 on every Linux there is).
const ticksPerSecond = 100

// foreignStats reads from /proc what a program has used.
func foreignStats(tb testing.TB, pid int) spent {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Skipf("what a program uses is read from /proc: %v", err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	// The name, in parentheses, may hold blanks; user and system time are the
	// 12th and 13th field behind it.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var now spent
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		now.CPU += ticks * 1e6 / ticksPerSecond
	}
	_, rest, _ = strings.Cut(string(status), "VmHWM:")
	if kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64); err == nil {
		now.PeakRSS = kib * 1024
	}
	return now
}
