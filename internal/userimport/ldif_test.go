package userimport_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/userimport"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestSlapcat reads what OpenLDAP's slapcat wrote.
func TestSlapcat(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "slapcat.ldif"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"25 user alice name=Alice Adams email=alice@example.org groups=vpn-users hash=" + ssha + " warning: SSHA hashe",
		"42 user jörg name=Jörg Groß groups=vpn-users hash={PBKDF2-SHA256}10000$mpqqL9vS4OhM/A2ytIC2cQ$099u30CgS/sDGQLaAK3Sw.KOJE5R5l4YqUwvj3vrE3Q",
		"57 user carol name=Carol Clark groups=admins password=carol-pw",
		"71 group vpn-users members=admins",
		"85 group admins warning: members that the file does not have are left out: 1, the first one is \"zoe\"",
		"1 ignored dc=example,dc=org: neither a user nor a group",
		"14 ignored ou=people,dc=example,dc=org: neither a user nor a group",
	}
	if d := cmp.Diff(want, show(read(t, userimport.LDIF, string(text), userimport.Options{}))); d != "" {
		t.Error(d)
	}
}

func TestLDIF(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          userimport.Options
		want       []string
	}{
		{
			"version, comments, folding, CRLF",
			"version: 1\r\n# a comment\r\n  that goes on\r\ndn: uid=al\r\n ice,dc=x\r\nuid: al\r\n ice\r\n# in between\r\n and on\r\nmail:a@x\r\n\r\n\r\n# end\r\n",
			userimport.Options{},
			[]string{"4 user alice email=a@x"},
		},
		{"no line end", "dn: uid=alice,dc=x\nuid: alice", userimport.Options{}, []string{"1 user alice"}},
		{"version alone", "version: 1\n\ndn: uid=alice,dc=x\nuid: alice\n", userimport.Options{}, []string{"3 user alice"}},
		{
			"Active Directory",
			"dn: CN=Alice Adams,CN=Users,DC=corp\nobjectClass: top\nobjectClass: user\nsAMAccountName: alice\nuid: aadams\ncn: Alice Adams\ndisplayName: Adams, Alice\nuserAccountControl: 514\nmemberOf: CN=VPN\\, all,OU=Groups,DC=corp\nmemberOf: CN=Staff,OU=Groups,DC=corp\n\n" +
				"dn: CN=Bob,CN=Users,DC=corp\nobjectClass: user\nsAMAccountName: bob\nuserAccountControl: 512\nmemberOf: cn=staff,ou=groups,dc=corp\n\n" +
				"dn: CN=PC1,CN=Computers,DC=corp\nobjectClass: user\nobjectClass: computer\nsAMAccountName: PC1$\n\n" +
				"dn: CN=Staff,OU=Groups,DC=corp\nobjectClass: group\nsAMAccountName: Staff\ncn: Staff\nmember: CN=Bob,CN=Users,DC=corp\n",
			userimport.Options{},
			[]string{
				"1 user alice name=Adams, Alice groups=VPN, all|Staff disabled",
				"12 user bob groups=Staff",
				"23 group Staff",
				"18 ignored CN=PC1,CN=Computers,DC=corp: a computer",
			},
		},
		{
			"FreeIPA, ppolicy",
			"dn: uid=a,dc=x\nuid: a\nnsAccountLock: TRUE\n\ndn: uid=b,dc=x\nuid: b\nnsAccountLock: FALSE\n\n" +
				"dn: uid=c,dc=x\nuid: c\npwdAccountLockedTime: 000001010000Z\n\ndn: uid=d,dc=x\nuid: d\npwdAccountLockedTime: 20260301120000Z\n",
			userimport.Options{},
			[]string{"1 user a disabled", "5 user b", "9 user c disabled", "13 user d"},
		},
		{"another login", "dn: uid=alice,dc=x\nuid: alice\nmail: Alice@x\n", userimport.Options{LoginAttributes: []string{"employeeNumber", "Mail"}}, []string{"1 user Alice@x email=Alice@x"}},
		{"several logins", "dn: uid=alice,dc=x\nuid: aadams\nuid: alice\n", userimport.Options{}, []string{"1 user alice"}},
		{
			"passwords",
			"dn: uid=a,dc=x\nuid: a\nuserPassword:: " + b64("{crypt}"+sha512) + "\n\ndn: uid=b,dc=x\nuid: b\nuserPassword: plain text \n\n" +
				"dn: uid=c,dc=x\nuid: c\nuserPassword: {cleartext}it\n\ndn: uid=d,dc=x\nuid: d\nuserPassword: " + bcrypt + "\n\ndn: uid=e,dc=x\nuid: e\nuserPassword:\n",
			userimport.Options{},
			[]string{"1 user a hash={crypt}" + sha512, "5 user b password=plain text ", "9 user c password=it", "13 user d hash=" + bcrypt, "17 user e"},
		},
		{
			"what is not needed is not decoded", "dn: uid=a,dc=x\nuid: a\njpegPhoto:: !!!\nuserPassword;x-old: x\n",
			userimport.Options{},
			[]string{"1 user a"},
		},
		{
			"members",
			"dn: cn=g,dc=x\nobjectClass: groupOfUniqueNames\nuniqueMember: UID=a , dc=x#'0101'B\nuniqueMember: uid=z,dc=x\nuniqueMember: no name\n\n" +
				"dn: uid=a,dc=x\nuid: a\n\ndn: cn=p,dc=x\nobjectClass: posixGroup\ncn: other\ncn: p\nmemberUid: A\n\n" +
				"dn: cn=n,dc=x\nmember: cn=g,dc=x\nmember: cn=p,dc=x\ncn: n\n",
			userimport.Options{},
			[]string{
				"7 user a groups=g|p",
				"1 group g warning: members that the file does not have are left out: 2, the first one is \"uid=z,dc=x\"",
				"10 group p", "16 group n members=g|p",
			},
		},
		{"nothing", "\n\n# only a comment\n", userimport.Options{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, show(read(t, userimport.LDIF, c.text, c.o))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLDIFFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no dn", "uid: a\n", "1 fault : the record does not begin with dn"},
		{"end of ldapsearch", "# search result\nsearch: 2\nresult: 0 Success\n", "2 fault : no record but the end of ldapsearch's output; have it written with ldapsearch -LLL"},
		{"no colon", "dn: uid=a,dc=x\nsecret\n", "1 fault uid=a,dc=x: line 2: not of the form"},
		{"fold at the begin", " secret\n", "1 fault : not of the form"},
		{"dn", "dn: secret\nuid: a\n", "dn: is no distinguished name"},
		{"empty dn", "dn:\nuid: a\n", "dn: is no distinguished name"},
		{"dn no base64", "dn:: *\nuid: a\n", "dn: is not base64"},
		{"base64", "dn: uid=a,dc=x\nuid: a\nuserPassword:: secret!\n", "1 fault uid=a,dc=x: line 3: userPassword: is not base64"},
		{"escape sequence in a name", "dn: uid=a,dc=x\nuid: a\n\x1b]0;x\a:< file:///secret\n", `"\x1b]0;x\a": values that stand elsewhere (:<) are not read`},
		{"URL", "dn: uid=a,dc=x\nuid: a\njpegPhoto:< file:///secret\n", "jpegPhoto: values that stand elsewhere (:<) are not read"},
		{"several logins", "dn: cn=a,dc=x\nuid: a\nuid: b\n", "uid: has 2 values"},
		{"impossible login", "dn: cn=a,dc=x\nuid:: " + b64("a\x00b") + "\n", "login \"a\\x00b\" has a character"},
		{"login no UTF-8", "dn: cn=a,dc=x\nuid:: " + b64("a\xffb") + "\n", "not valid UTF-8"},
		{"login twice", "dn: uid=a,ou=1\nuid: a\n\ndn: uid=A,ou=2\nuid: A\n", "4 fault A: login: \"A\" stands in line 1 already"},
		{"two passwords", "dn: uid=a,dc=x\nuid: a\nuserPassword: secret1\nuserPassword: secret2\n", "userPassword: has 2 values"},
		{"unknown scheme", "dn: uid=a,dc=x\nuid: a\nuserPassword: {secret}x\n", "userPassword: not a hash of a scheme"},
		{"SHA", "dn: uid=a,dc=x\nuid: a\nuserPassword:: " + b64("{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=") + "\n", "userPassword: SHA is a hash without a salt"},
		{"SASL", "dn: uid=a,dc=x\nuid: a\nuserPassword: {SASL}secret@X\n", "kept elsewhere"},
		{"password no UTF-8", "dn: uid=a,dc=x\nuid: a\nuserPassword:: " + b64("secret\xff") + "\n", "userPassword: the password is not valid UTF-8"},
		{"memberOf", "dn: uid=a,dc=x\nuid: a\nmemberOf: secret\n", "memberOf: is no distinguished name of a group"},
		{"memberOf ambiguous", "dn: uid=a,dc=x\nuid: a\nmemberOf: cn=g,ou=1\nmemberOf: cn=G,ou=2\n", "memberOf: there is another group \"g\" in line 1, with another DN"},
		{"group twice", "dn: cn=g,ou=1\nobjectClass: posixGroup\n\ndn: cn=g,ou=2\nobjectClass: posixGroup\n", "4 fault g: cn: there is another group \"g\" in line 1"},
		{"group without name", "dn: gidNumber=5,ou=1\nobjectClass: posixGroup\n", "cn: is missing"},
		{"account control", "dn: uid=a,dc=x\nuid: a\nuserAccountControl: x\n", "userAccountControl: is no number"},
	} {
		f := read(t, userimport.LDIF, c.text, userimport.Options{})
		got := strings.Join(show(f), "\n")
		if len(f.Faults) != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n%s\nwant %s", c.name, got, c.want)
		}
		if f.Faults != nil && strings.Contains(f.Faults[0].Text, "secret") {
			t.Errorf("%s: shows a secret: %s", c.name, got)
		}
	}
}

func TestLDIFRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"changes", "dn: uid=a,dc=x\nuid: a\n\ndn: uid=b,dc=x\nchangetype: modify\nreplace: mail\nmail: x\n-\n", "file:5: changetype: the file holds changes and not records; export the records with slapcat"},
		{"additions", "dn: uid=a,dc=x\nchangetype: add\nuid: a\n", "file:2: changetype: the file holds changes and not records; take the lines \"changetype: add\" out"},
		{"control", "dn: uid=a,dc=x\ncontrol: 1.2.3 true\nchangetype: delete\n", "file:2: control: the file holds changes"},
		{"version", "version: 2\ndn: uid=a,dc=x\nuid: a\n", "file:1: version: is not 1"},
	} {
		_, err := userimport.Read("file", strings.NewReader(c.text), userimport.LDIF, userimport.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}

// TestTooManyGroups: a user may be in too many only after all the file was read.
func TestTooManyGroups(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: uid=a,dc=x\nuid: a\n\ndn: uid=b,dc=x\nuid: b\n\n")
	for i := range 4097 {
		n := string(rune('a'+i%26)) + strings.Repeat("i", i/26)
		b.WriteString("dn: cn=" + n + ",dc=x\nobjectClass: posixGroup\nmemberUid: a\n\n")
	}
	f := read(t, userimport.LDIF, b.String(), userimport.Options{})
	if len(f.Users) != 1 || len(f.Faults) != 1 || !strings.Contains(f.Faults[0].Text, "in more than 4096 groups") {
		t.Errorf("%d users, faults %v", len(f.Users), f.Faults)
	}
}

func FuzzLDIF(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "slapcat.ldif"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for _, s := range []string{
		"version: 1\n\ndn: uid=a,dc=x\nuid: a\n", "dn:: !\n", "dn: cn=g\nmember: cn=g\n", " x", "#\n x\n y", "dn: uid=a\n\n\n x",
		"dn: uid=a+cn=b\nuid: a\nmemberOf: cn=\nmember: x#'0'B\n", "dn: a=b\nchangetype: add", "dn: #'B=x\n:\n::",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, userimport.LDIF, text) })
}
