package main

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestCheckLogin(t *testing.T) {
	cfg := &config.Config{Realms: map[string]*config.Realm{"Example": {Default: true}, "corp.example.org": {}}}
	for _, c := range []struct{ login, want string }{ // want "" accepts
		{"alice", ""},
		{"alice@gmail.example", ""}, // an e-mail address of no realm
		{"alice@example.org", ""},
		{"alice@example@gmail.example", ""},
		{"alice@example", `add the user as "alice"`},
		{"alice@EXAMPLE", `realm "Example"`},
		{"a@b@corp.Example.org", `add the user as "a@b"`},
		{`example\alice`, `"example" would be read as the realm`},
		{`alice\`, "has a backslash"},
		{`\alice`, "has a backslash"},
		{`nobody\alice@gmail.example`, "has a backslash"},
		{"@alice", "begins with @"},
		{"@", "begins with @"},
		{"alice@", "ends with @"},
	} {
		err := checkLogin(cfg, c.login)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.login, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v does not say %q", c.login, err, c.want)
		}
	}
}
