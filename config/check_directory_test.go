package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestDirectoryKeys: keys that do not go together with others, or with what the
// server is.
func TestDirectoryKeys(t *testing.T) {
	const text = `
realms: {corp: {default: true, directories: [corp]}}
directories: {corp: {type: ldap, urls: ["ldaps://dc.corp.example"], base_dn: "dc=corp,dc=example", %s}}
listen: {ldaps: ["127.0.0.1:0"]}
tls: {self_signed: tls}
login: {timeout: 3s}
applications: {wiki: {ldap: {base_dn: dc=x}, policies: {bindings: [{group: a}]}}}
`
	for _, c := range []struct{ keys, refusal, warning string }{
		{"timeout: 2s, domains: [corp.example, CORP]", "", ""},
		{"flavor: active_directory, groups: {nested: in_chain}", "", ""},
		{"groups: {nested: in_chain}", "corp.groups.nested: in_chain is a rule of Active Directory", ""},
		{"flavor: freeipa, groups: {nested: in_chain}", "corp.groups.nested: in_chain is a rule of Active Directory", ""},
		{`domains: [corp.example, "@corp.example"]`, `corp.domains[1]: "@corp.example" is not the name of a domain`, ""},
		{"timeout: 3s", "", "corp.timeout: 3s is not below login.timeout (3s)"},
		{"timeout: 10h", "corp.timeout", ""},
	} {
		cfg, err := Parse("x.yaml", fmt.Appendf(nil, text, c.keys), tableEnv)
		if (err == nil) != (c.refusal == "") || err != nil && !strings.Contains(err.Error(), "directories."+c.refusal) {
			t.Errorf("%s: %v", c.keys, err)
		}
		if err != nil {
			continue
		}
		warnings := fmt.Sprint(cfg.Warnings)
		if (c.warning == "") != !strings.Contains(warnings, "directories.") || !strings.Contains(warnings, c.warning) {
			t.Errorf("%s: %s", c.keys, warnings)
		}
	}
}

// TestSecretAttributes: what holds credentials is refused wherever an attribute
// is named, and however.
func TestSecretAttributes(t *testing.T) {
	const text = `
realms: {corp: {default: true, directories: [corp]}}
directories: {corp: {type: ldap, urls: ["ldaps://dc.corp.example"], base_dn: "dc=corp,dc=example", %s}}
listen: {ldaps: ["127.0.0.1:0"]}
tls: {self_signed: tls}
applications: {wiki: {ldap: {base_dn: dc=x}, policies: {bindings: [{group: a}]}}}
`
	for _, c := range []struct {
		key, path string // path is empty when it is no secret
	}{
		{"attributes: [department, mail;lang-de, msDS-User-Account-Control-Computed]", ""},
		{"attributes: [department, userPassword]", "attributes[1]"},
		{"attributes: [USERPASSWORD]", "attributes[0]"},
		{"attributes: [2.5.4.35]", "attributes[0]"},
		{"attributes: [userPassword;x-clear]", "attributes[0]"},
		{"attributes: [ms-Mcs-AdmPwd]", "attributes[0]"},
		{"attributes: [msDS-ManagedPassword]", "attributes[0]"},
		{"login_attribute: [uid, unicodePwd]", "login_attribute"},
		{"id_attribute: ipaNTHash", "id_attribute"},
		{"name_attribute: sambaNTPassword", "name_attribute"},
		{"email_attribute: krbPrincipalKey", "email_attribute"},
		{"groups: {name_attribute: userPassword}", "groups.name_attribute"},
		{"groups: {member_attribute: userPassword}", "groups.member_attribute"},
	} {
		_, err := Parse("x.yaml", fmt.Appendf(nil, text, c.key), tableEnv)
		if c.path == "" {
			if err != nil {
				t.Errorf("%s: %v", c.key, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "directories.corp."+c.path+": ") || !strings.Contains(err.Error(), "holds credentials") {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}
