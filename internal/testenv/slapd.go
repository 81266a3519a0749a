package testenv

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// SlapdOptions say how a slapd is set up. The zero value is a good one.
type SlapdOptions struct {
	// LDIF is loaded with slapadd. Empty: TreeLDIF, PolicyLDIF unless ppolicy is
	// left out, and Users plain users.
	LDIF string
	// Users is how many plain users are added to the default tree.
	Users int
	// Modules are the overlays to load and switch on. Nil: memberof, refint and
	// ppolicy.
	Modules []string
	// HideLockout leaves out ppolicy_use_lockout: a locked account is then
	// told from a wrong password by nobody.
	HideLockout bool
	// Global and Database are further lines of slapd.conf, before the database
	// and in it.
	Global, Database string
	// Proxy is the URL of another slapd: this one then holds nothing itself and
	// forwards everything with back-ldap.
	Proxy string
	// Threads of the server; 0 leaves its default.
	Threads int
	// Authority signs the server's certificate; nil makes one.
	Authority *Authority
	// Certificate is what it certifies.
	Certificate Certificate
	// Quiet logs no operations, for measurements.
	Quiet bool
}

// Slapd is an OpenLDAP server on 127.0.0.1.
type Slapd struct {
	// LDAPURL, with StartTLS, and LDAPSURL; both keep their ports over restarts.
	LDAPURL, LDAPSURL string
	// LDAPAddr and LDAPSAddr are the same as host:port.
	LDAPAddr, LDAPSAddr string
	// CAFile holds the authority that signed the server's certificate.
	CAFile string
	BaseDN string
	// ServiceDN may read everything but passwords; anonymous may read nothing.
	ServiceDN, ServicePassword string
	// AdminDN may do everything.
	AdminDN, AdminPassword string

	t         testing.TB
	program   string
	dir       string
	debug     string // log level on standard error
	authority *Authority
	log       Log
	process   *process
}

// StartSlapd starts a slapd that ends with the test.
func StartSlapd(t testing.TB, o SlapdOptions) *Slapd {
	t.Helper()
	s := &Slapd{
		t: t, program: program(t, "slapd", "slapd"), dir: shortDir(t, "slapd-"), debug: "256",
		BaseDN:    BaseDN,
		ServiceDN: "cn=reader,ou=services," + BaseDN, ServicePassword: "reader-pw",
		AdminDN: "cn=admin," + BaseDN, AdminPassword: "admin-pw",
		LDAPAddr:  net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))),
		LDAPSAddr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))),
	}
	s.LDAPURL, s.LDAPSURL = "ldap://"+s.LDAPAddr, "ldaps://"+s.LDAPSAddr
	if o.Quiet {
		s.debug = "0"
	}
	if o.Modules == nil {
		o.Modules = []string{"memberof", "refint", "ppolicy"}
	}
	if o.Authority == nil {
		o.Authority = NewAuthority(t)
	}
	s.authority, s.CAFile = o.Authority, o.Authority.File
	s.Certify(o.Certificate)
	s.write("slapd.conf", s.config(t, o))
	if o.Proxy == "" {
		s.load(o)
	}
	t.Cleanup(s.Stop)
	s.start()
	return s
}

// start runs slapd in the foreground and waits until it answers.
func (s *Slapd) start() {
	s.t.Helper()
	cmd := exec.Command(s.program, "-f", filepath.Join(s.dir, "slapd.conf"), "-h", s.LDAPURL+"/ "+s.LDAPSURL+"/", "-d", s.debug)
	cmd.Dir = s.dir
	p, err := startProcess(cmd, &s.log)
	if err != nil {
		s.t.Fatalf("start slapd: %v", err)
	}
	s.process = p
	if err := p.waitListening(20*time.Second, s.LDAPAddr, s.LDAPSAddr); err != nil {
		s.t.Fatalf("start slapd: %v\n%s", err, s.log.String())
	}
}

// Stop ends slapd in good order and waits. It may be called again.
func (s *Slapd) Stop() { s.process.end(syscall.SIGTERM) }

// Kill ends slapd as a crash would.
func (s *Slapd) Kill() { s.process.end(syscall.SIGKILL) }

// Restart stops slapd unless it is down, and starts it on the same ports with
// the same data.
func (s *Slapd) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

// Certify gives slapd another certificate, from the next Restart on.
func (s *Slapd) Certify(c Certificate) {
	s.t.Helper()
	certificate, key := s.authority.Issue(s.t, c)
	for from, to := range map[string]string{certificate: "server.pem", key: "server.key"} {
		if err := os.Rename(from, filepath.Join(s.dir, to)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Suspend makes slapd a server that takes connections and answers nothing;
// Resume ends that.
func (s *Slapd) Suspend() { s.send(syscall.SIGSTOP) }

// Resume ends Suspend.
func (s *Slapd) Resume() { s.send(syscall.SIGCONT) }

func (s *Slapd) send(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.signal(sig); err != nil {
		s.t.Fatalf("slapd: %v: %v", sig, err)
	}
}

// Pid is the process id of the running slapd.
func (s *Slapd) Pid() int { return s.process.cmd.Process.Pid }

// Log returns what slapd has logged, at level stats: connections, binds,
// searches with their filters, results. Everything that slapd has answered
// before the call is in it.
func (s *Slapd) Log() string {
	s.t.Helper()
	if s.process.running() && s.debug != "0" {
		s.sync()
	}
	return s.log.String()
}

var (
	loggedFilter = regexp.MustCompile(`SRCH base=".+" scope=\d deref=\d filter="(.*)"`)
	loggedBind   = regexp.MustCompile(`BIND dn="(.*)" method=128`)
)

// Filters returns the filters of the searches in the log, in order, as slapd
// writes them: with the values as matching rules see them (DNs normalized).
// Searches of the root DSE are left out.
func (s *Slapd) Filters() []string { return logged(loggedFilter, s.Log()) }

// Binds returns the names of all simple binds in the log, in order. A bind is
// there twice when it was right.
func (s *Slapd) Binds() []string { return logged(loggedBind, s.Log()) }

func logged(pattern *regexp.Regexp, log string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(log, -1) {
		if !strings.HasPrefix(match[1], syncName) {
			found = append(found, match[1])
		}
	}
	return found
}

// syncName begins the names of the binds of sync.
const syncName = "cn=sync-"

// sync makes a bind that cannot succeed and waits until the log has it: the
// output of slapd comes through a pipe, some time after the answers.
func (s *Slapd) sync() {
	s.t.Helper()
	name := syncName + strconv.FormatInt(time.Now().UnixNano(), 36)
	n := byte(len(name))
	// LDAPMessage 1, BindRequest version 3, name, simple with an empty password.
	bind := append([]byte{0x30, n + 12, 2, 1, 1, 0x60, n + 7, 2, 1, 3, 4, n}, name+"\x80\x00"...)
	conn, err := net.Dial("tcp", s.LDAPAddr)
	if err == nil {
		defer conn.Close()
		_, err = conn.Write(bind)
	}
	if err != nil {
		s.t.Fatalf("read the log of slapd: %v", err)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.log.String(), name); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("slapd does not log a bind within 10s (is it suspended?)\n%s", s.log.String())
		}
	}
}

func (s *Slapd) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// load fills the database.
func (s *Slapd) load(o SlapdOptions) {
	s.t.Helper()
	if err := os.Mkdir(filepath.Join(s.dir, "db"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	file := s.write("tree.ldif", o.tree())
	// slapadd is slapd by another name.
	cmd := exec.Command(s.program, "-T", "add", "-q", "-f", filepath.Join(s.dir, "slapd.conf"), "-l", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("slapadd: %v\n%s", err, out)
	}
}
