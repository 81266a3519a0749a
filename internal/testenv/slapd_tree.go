package testenv

import (
	_ "embed" // the trees are LDIF files
	"fmt"
	"strings"
)

// BaseDN is where the trees of slapd are rooted.
const BaseDN = "dc=corp,dc=example"

// TreeLDIF is the tree that StartSlapd loads by default: people in two OUs, the
// uid "twin" in both; nested groups, some in a ring; groups by uniqueMember and
// memberUid; DNs and logins that need escaping. Every password is the login
// followed by "-pw".
//
//go:embed testdata/corp.ldif
var TreeLDIF string

// PolicyLDIF adds password policies and the users locked, lockable (by three
// wrong passwords), expired, grace and mustchange.
//
//go:embed testdata/ppolicy.ldif
var PolicyLDIF string

// OddLogins are the users of TreeLDIF whose DNs need escaping.
var OddLogins = []string{"comma", "plus", "quotes", "backslash", "umlaut", "blank", "hash", "multi", "star"}

// PlainUser names the n-th generated user, counted from 0.
func PlainUser(n int) string { return fmt.Sprintf("user%05d", n) }

// PlainUsersLDIF generates n users PlainUser(0)… below ou=people. Each is in no
// group.
func PlainUsersLDIF(n int) string {
	var b strings.Builder
	for i := range n {
		login := PlainUser(i)
		fmt.Fprintf(&b, "\ndn: uid=%[1]s,ou=people,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: User %[3]d\nsn: %[3]d\n"+
			"mail: %[1]s@corp.example\nuserPassword: %[1]s-pw\n", login, BaseDN, i)
	}
	return b.String()
}
