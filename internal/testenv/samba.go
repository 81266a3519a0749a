package testenv

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// SambaBaseDN is where the domain is rooted.
const SambaBaseDN = "DC=corp,DC=example"

// SambaPassword is the password of a user of testdata/samba.ldif.
func SambaPassword(login string) string { return login + "-Pw.1" }

// Samba is a domain controller of the domain CORP (corp.example) with nothing
// but its LDAP service, on a loopback address of its own.
//
// The users, all in OU=Staff: alice, whose userPrincipalName is
// a.liddell@mail.example; bob, whose primary group is "primary"; juergen;
// disabled; gone (account expired); mustchange; nohours (no logon hours);
// expired (the password); locked; lockable (by three wrong passwords). alice is
// in inner and so in outer, bob in "ring one", which is in "ring two" and the
// other way round.
type Samba struct {
	// LDAPURL takes binds after StartTLS only, as domain controllers do.
	LDAPURL, LDAPSURL string
	// LDAPAddr and LDAPSAddr are the same as host:port.
	LDAPAddr, LDAPSAddr string
	// CAFile holds the authority that signed the server's certificate.
	CAFile string
	BaseDN string
	// ServiceDN is an ordinary user, which may read the domain.
	ServiceDN, ServicePassword string
	// AdminDN may do everything.
	AdminDN, AdminPassword string

	t       testing.TB
	program string
	dir     string
	log     Log
	stdin   io.Closer // samba ends when this is closed, even by our death
	process *process
}

// StartSamba starts a domain controller that ends with the test. The first call
// of a test binary makes the domain, which takes some seconds; each call gets a
// fresh copy of it. It needs root, for the ports 389 and 636.
func StartSamba(t testing.TB) *Samba {
	t.Helper()
	s := newSamba(t)
	template, err := domain.get(t)
	if err != nil {
		t.Fatalf("make a Samba domain: %v", err)
	}
	if err := copyDomain(template, s.dir); err != nil {
		t.Fatalf("copy a Samba domain: %v", err)
	}
	s.start()
	return s
}

// newSamba prepares a domain controller without its data.
func newSamba(t testing.TB) *Samba {
	t.Helper()
	s := &Samba{
		t: t, program: program(t, "samba", "samba samba-ad-provision samba-dsdb-modules samba-vfs-modules"), dir: shortDir(t, "samba-"),
		BaseDN:    SambaBaseDN,
		ServiceDN: "CN=reader,OU=Staff," + SambaBaseDN, ServicePassword: SambaPassword("reader"),
		AdminDN: "CN=Administrator,CN=Users," + SambaBaseDN, AdminPassword: "Admin-Pw.1",
	}
	host := freeHost(t)
	s.LDAPAddr, s.LDAPSAddr = net.JoinHostPort(host, "389"), net.JoinHostPort(host, "636")
	s.LDAPURL, s.LDAPSURL = "ldap://"+host, "ldaps://"+host
	authority := NewAuthority(t)
	s.CAFile = authority.File
	certificate, key := authority.Issue(t, Certificate{Names: []string{host, "dc.corp.example"}})
	if err := os.WriteFile(filepath.Join(s.dir, "smb.conf"), []byte(s.config(host, certificate, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// freeHost finds a loopback address whose port 389 is free: Samba knows no
// other ports.
func freeHost(t testing.TB) string {
	t.Helper()
	var err error
	for range 20 {
		host := fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
		var l net.Listener
		if l, err = net.Listen("tcp", host+":389"); err == nil {
			l.Close()
			return host
		}
	}
	missing(t, "a Samba domain controller needs port 389 of a loopback address: "+err.Error())
	return ""
}

// config is smb.conf: everything in our directory, and only LDAP.
func (s *Samba) config(host, certificate, key string) string {
	return fmt.Sprintf(`[global]
netbios name = DC
realm = CORP.EXAMPLE
workgroup = CORP
server role = active directory domain controller
server services = ldap
interfaces = %[2]s/8
bind interfaces only = yes
tls cafile = %[3]s
tls certfile = %[4]s
tls keyfile = %[5]s
private dir = %[1]s/private
state directory = %[1]s/state
lock directory = %[1]s
cache directory = %[1]s
pid directory = %[1]s
ncalrpc dir = %[1]s/ncalrpc
winbindd socket directory = %[1]s/winbindd
ntp signd socket directory = %[1]s/ntp
binddns dir = %[1]s/bind
log level = 1 auth_audit:3
`, s.dir, host, s.CAFile, certificate, key)
}

// start runs samba in the foreground and waits until it answers.
func (s *Samba) start() {
	s.t.Helper()
	cmd := exec.Command(s.program, "--interactive", "--model=single", "--debug-stdout", "--configfile="+filepath.Join(s.dir, "smb.conf"))
	stdin, err := cmd.StdinPipe()
	if err == nil {
		s.stdin = stdin
		s.process, err = startProcess(cmd, &s.log)
	}
	if err != nil {
		s.t.Fatalf("start samba: %v", err)
	}
	s.t.Cleanup(s.Stop)
	if err := s.process.waitListening(30*time.Second, s.LDAPAddr, s.LDAPSAddr); err != nil {
		s.t.Fatalf("start samba: %v\n%s", err, s.log.String())
	}
}

// Stop ends the domain controller and waits. It may be called again.
func (s *Samba) Stop() {
	s.process.end(syscall.SIGTERM)
	s.stdin.Close()
}

// Log returns what Samba has logged so far: among others one line for each
// authentication, with its result.
func (s *Samba) Log() string { return s.log.String() }
