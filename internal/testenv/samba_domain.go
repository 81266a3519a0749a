package testenv

import (
	"bytes"
	_ "embed" // the users are an LDIF file
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

//go:embed testdata/samba.ldif
var sambaLDIF string

//go:embed testdata/age_password.py
var agePassword string

// domain is made once in a test binary. It outlives the test that made it, and
// is removed by a shell that notices our end.
var domain sambaDomain

type sambaDomain struct {
	once    sync.Once
	dir     string
	err     error
	remover io.Closer
}

// get returns the directory with the files of a domain that nobody runs.
func (d *sambaDomain) get(t testing.TB) (string, error) {
	t.Helper()
	d.once.Do(func() {
		d.err = errors.New("the test that made it has failed") // make may end with t.Fatal
		d.err = d.make(t)
	})
	return d.dir, d.err
}

func (d *sambaDomain) make(t testing.TB) error {
	t.Helper()
	var err error
	if d.dir, err = os.MkdirTemp("", "samba-domain-"); err != nil { //nolint:usetesting // it outlives this test
		return err
	}
	remover := exec.Command("sh", "-c", `cat; rm -rf -- "$0"`, d.dir)
	if d.remover, err = remover.StdinPipe(); err != nil {
		return err
	}
	if err = remover.Start(); err != nil {
		return err
	}
	s := newSamba(t)
	out, err := exec.Command(program(t, "samba-tool", "samba-common-bin"), "domain", "provision",
		"--configfile="+os.DevNull, "--targetdir="+s.dir, "--realm=CORP.EXAMPLE", "--domain=CORP", "--host-name=dc",
		"--host-ip=127.0.0.1", "--server-role=dc", "--dns-backend=NONE", "--adminpass="+s.AdminPassword, "--quiet").CombinedOutput()
	if err != nil {
		return fmt.Errorf("samba-tool domain provision: %w\n%s", err, out)
	}
	s.start()
	if err := s.populate(); err != nil {
		return fmt.Errorf("%w\nSamba's log:\n%s", err, s.Log())
	}
	s.Stop()
	age := exec.Command(program(t, "/usr/bin/python3", "python3-samba"), "-", filepath.Join(s.dir, "smb.conf"))
	age.Stdin = strings.NewReader(agePassword)
	if out, err := age.CombinedOutput(); err != nil {
		return fmt.Errorf("make a password old: %w\n%s", err, out)
	}
	return copyDomain(s.dir, d.dir)
}

// copyDomain copies the data of a domain, with the modes that Samba insists on.
func copyDomain(from, to string) error {
	if out, err := exec.Command("cp", "-a", filepath.Join(from, "private"), filepath.Join(from, "state"), to).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w\n%s", err, out)
	}
	return nil
}

// populate adds users and groups, makes "primary" the primary group of bob and
// locks "locked" with wrong passwords.
func (s *Samba) populate() error {
	if _, err := s.client(sambaPasswords(sambaLDIF), "ldapmodify", "-a", "-D", s.AdminDN, "-w", s.AdminPassword); err != nil {
		return err
	}
	out, err := s.client("", "ldapsearch", "-LLL", "-D", s.AdminDN, "-w", s.AdminPassword,
		"-b", "CN=primary,OU=Staff,"+s.BaseDN, "-s", "base", "primaryGroupToken")
	if err != nil {
		return err
	}
	token := regexp.MustCompile(`primaryGroupToken: (\d+)`).FindStringSubmatch(out)
	if token == nil {
		return fmt.Errorf("no primaryGroupToken in %q", out)
	}
	change := "dn: CN=Bob,OU=Staff," + s.BaseDN + "\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: " + token[1] + "\n"
	if _, err := s.client(change, "ldapmodify", "-D", s.AdminDN, "-w", s.AdminPassword); err != nil {
		return err
	}
	for range 3 {
		if out, err := s.client("", "ldapsearch", "-D", "CN=locked,OU=Staff,"+s.BaseDN, "-w", "wrong"); err == nil {
			return fmt.Errorf("a wrong password was taken: %s", out)
		}
	}
	return nil
}

// client runs one of OpenLDAP's clients over LDAPS.
func (s *Samba) client(stdin, name string, args ...string) (string, error) {
	cmd := exec.Command(program(s.t, name, "ldap-utils"), append([]string{"-x", "-H", s.LDAPSURL}, args...)...)
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+s.CAFile)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

var accountName = regexp.MustCompile(`(?m)^objectClass: user\nsAMAccountName: (.*)$`)

// sambaPasswords adds unicodePwd, a quoted text in UTF-16LE (MS-ADTS section
// 3.1.1.3.1.5.1), to all users.
func sambaPasswords(ldif string) string {
	return accountName.ReplaceAllStringFunc(ldif, func(lines string) string {
		login := accountName.FindStringSubmatch(lines)[1]
		var value []byte
		for _, unit := range utf16.Encode([]rune(`"` + SambaPassword(login) + `"`)) {
			value = append(value, byte(unit), byte(unit>>8))
		}
		return lines + "\nunicodePwd:: " + base64.StdEncoding.EncodeToString(value)
	})
}
