package testenv

import (
	"os/exec"
	"strings"
	"testing"
)

func TestSamba(t *testing.T) {
	t.Parallel()
	s := StartSamba(t)
	for _, tt := range []struct{ login, name, password, want string }{
		{"alice", "alice@corp.example", SambaPassword("alice"), "numResponses"},
		{"alice", "a.liddell@mail.example", SambaPassword("alice"), "numResponses"},
		{"alice", `CORP\alice`, SambaPassword("alice"), "numResponses"},
		{"alice", `CORP\alice`, "wrong", "data 52e"},
		{"juergen", "CN=Jürgen Müßig,OU=Staff," + s.BaseDN, SambaPassword("juergen"), "numResponses"},
		{"disabled", `CORP\disabled`, SambaPassword("disabled"), "data 533"},
		{"gone", `CORP\gone`, SambaPassword("gone"), "data 701"},
		{"mustchange", `CORP\mustchange`, SambaPassword("mustchange"), "data 773"},
		{"nohours", `CORP\nohours`, SambaPassword("nohours"), "data 530"},
		{"expired", `CORP\expired`, SambaPassword("expired"), "data 532"},
		{"locked", `CORP\locked`, SambaPassword("locked"), "data 775"},
	} {
		out, _ := s.client("", "ldapsearch", "-D", tt.name, "-w", tt.password, "-s", "base", "-b", s.BaseDN, "1.1")
		if !strings.Contains(out, tt.want) {
			t.Errorf("%s: want %q, got:\n%s", tt.name, tt.want, out)
		}
	}
	for login, groups := range map[string][]string{"alice": {"inner", "outer"}, "bob": {"ring one", "ring two"}} {
		out, err := s.client("", "ldapsearch", "-LLL", "-o", "ldif_wrap=no", "-D", s.ServiceDN, "-w", s.ServicePassword, "-b", s.BaseDN,
			"(member:1.2.840.113556.1.4.1941:="+map[string]string{
				"alice": `CN=Liddell\\2c Alice,OU=Staff,` + s.BaseDN, "bob": "CN=Bob,OU=Staff," + s.BaseDN,
			}[login]+")", "1.1")
		for _, group := range groups {
			if !strings.Contains(out, "dn: CN="+group+",") {
				t.Errorf("%s is not in %s: %v\n%s", login, group, err, out)
			}
		}
	}
	if out, err := exec.Command(program(t, "ldapsearch", "ldap-utils"), "-x", "-H", s.LDAPURL, "-D", s.ServiceDN, "-w", s.ServicePassword).CombinedOutput(); err == nil || !strings.Contains(string(out), "Strong") {
		t.Errorf("a bind in clear text: %v\n%s", err, out)
	}
}
