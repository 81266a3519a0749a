package config

import (
	"fmt"
	"strings"
	"testing"
)

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
