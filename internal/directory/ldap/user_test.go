package ldap

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	testGUID = "\x78\x56\x34\x12\xbc\x9a\xf0\xde\x12\x34\x56\x78\x9a\xbc\xde\xf0"
	testSID  = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\xd1\x05\x4a\x3b\x02\x00\x00\x00\xff\xff\xff\xff\x51\x04\x00\x00"
)

func TestUser(t *testing.T) {
	s := (&server{}).add("CN=Alice,OU=Staff,"+testBase, "objectClass: user", "sAMAccountName: Alice", "userPrincipalName: a.smith@corp.example",
		"objectGUID: "+testGUID, "objectSid: "+testSID, "cn: Alice", "displayName: Alice Smith", "mail: alice@corp.example",
		"userAccountControl: 512", "pwdLastSet: 133500000000000000", "department: Sales", "department: Support",
		"photo: \xff\xd8", "photo: text", "nothing: ")
	d := open(t, s, func(cfg *config.LDAPDirectory) {
		activeDirectory(cfg)
		cfg.Groups.Lookup = "none"
		cfg.Attributes = []string{"Department", "photo", "objectGUID", "objectSID", "absent"}
	})
	u, err := d.Lookup(t.Context(), "A.Smith@corp.example")
	if err != nil {
		t.Fatal(err)
	}
	want := &identity.User{
		ID: "12345678-9abc-def0-1234-56789abcdef0", Login: "Alice", Directory: "corp", DN: "CN=Alice,OU=Staff," + testBase,
		Name: "Alice Smith", Email: "alice@corp.example", Active: true,
		Attributes: map[string][]string{
			"Department": {"Sales", "Support"},
			"photo":      {base64.StdEncoding.EncodeToString([]byte("\xff\xd8")), base64.StdEncoding.EncodeToString([]byte("text"))},
			"objectGUID": {"12345678-9abc-def0-1234-56789abcdef0"},
			"objectSID":  {"S-1-5-21-994706897-2-4294967295-1105"},
		},
		PasswordChanged: time.Date(2024, 1, 17, 21, 20, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Error(diff)
	}
}

func TestUserID(t *testing.T) {
	for _, c := range []struct {
		name  string
		ids   config.Names
		lines []string
		want  string
	}{
		{"first", config.Names{"entryUUID", "nsUniqueId"}, []string{"entryUUID: 1-2", "nsUniqueId: 3-4"}, "1-2"},
		{"second", config.Names{"entryUUID", "nsUniqueId"}, []string{"nsUniqueId: 3-4"}, "3-4"},
		{"none", config.Names{"entryUUID"}, nil, "uid=alice," + testBase},
		{"GUID of the wrong length", config.Names{"objectGUID"}, []string{"objectGUID: \x01\x02"}, "AQI="},
		{"binary", config.Names{"key"}, []string{"key: \x00\x01"}, "AAE="},
	} {
		s := (&server{}).add("uid=alice,"+testBase, person(append(c.lines, "uid: alice")...)...)
		d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.IDAttribute, cfg.Groups.Lookup = c.ids, "none" })
		if u, err := d.Lookup(t.Context(), "alice"); err != nil || u.ID != c.want {
			t.Errorf("%s: %+v, %v", c.name, u, err)
		}
	}
}

func TestActive(t *testing.T) {
	for _, c := range []struct {
		lines  []string
		active bool
	}{
		{nil, true},
		{[]string{"userAccountControl: 512"}, true},
		{[]string{"userAccountControl: 66048"}, true},
		{[]string{"userAccountControl: 514"}, false},
		{[]string{"userAccountControl: 66050"}, false},
		{[]string{"userAccountControl: -2147483136"}, true},
		{[]string{"userAccountControl: x"}, false},
		{[]string{"pwdAccountLockedTime: 000001010000Z"}, false},
		{[]string{"pwdAccountLockedTime: 00000101000000Z"}, false},
		{[]string{"pwdAccountLockedTime: 20260101120000Z"}, true},
		{[]string{"nsAccountLock: TRUE"}, false},
		{[]string{"nsaccountlock: true"}, false},
		{[]string{"nsAccountLock: false"}, true},
		{[]string{"nsAccountLock: what"}, false},
	} {
		s := (&server{}).add("uid=alice,"+testBase, person(append(c.lines, "uid: alice")...)...)
		d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.Groups.Lookup = "none" })
		if u, err := d.Lookup(t.Context(), "alice"); err != nil || u.Active != c.active {
			t.Errorf("%q: %+v, %v", c.lines, u, err)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		line string
		want string // RFC 3339; empty: unknown
	}{
		{"pwdLastSet: 133500000000000000", "2024-01-17T21:20:00Z"},
		{"pwdLastSet: 0", ""},
		{"pwdLastSet: 9223372036854775807", ""},
		{"pwdLastSet: yesterday", ""},
		{"pwdChangedTime: 20240117212000Z", "2024-01-17T21:20:00Z"},
		{"pwdChangedTime: 20240117212000.5Z", "2024-01-17T21:20:00.5Z"},
		{"krbLastPwdChange: 202401172120Z", "2024-01-17T21:20:00Z"},
		{"pwdChangedTime: 20241317212000Z", ""},
		{"pwdChangedTime: now", ""},
	} {
		s := (&server{}).add("uid=alice,"+testBase, person("uid: alice", c.line)...)
		d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.Groups.Lookup = "none" })
		u, err := d.Lookup(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if !u.PasswordChanged.IsZero() {
			got = u.PasswordChanged.Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestSIDText(t *testing.T) {
	for in, want := range map[string]string{
		testSID: "S-1-5-21-994706897-2-4294967295-1105",
		"\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00": "S-1-5-32-544",
		"\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00":                 "S-1-1-0",
		"\x01\x01\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00":                 "S-1-0x123400000001-0",
		"": "", "\x01": "", testSID[:27]: "", testSID + "\x00": "",
		"\x02\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00": "", // another revision
		"\x01\x00\x00\x00\x00\x00\x00\x05":                 "",
	} {
		got, ok := sidText([]byte(in))
		if got != want || ok != (want != "") {
			t.Errorf("%x: %q", in, got)
		}
	}
	if _, ok := siblingSID([]byte("\x01\x00"), 513); ok {
		t.Error("a broken SID has a sibling")
	}
	sid, _ := siblingSID([]byte(testSID), 513)
	if text, _ := sidText(sid); text != "S-1-5-21-994706897-2-4294967295-513" {
		t.Errorf("sibling %s", text)
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{testGUID, testSID, "", "text", "\x01\x0f", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for _, a := range []string{"objectGUID", "objectSid", "cn"} {
			for _, text := range valuesText(a, [][]byte{[]byte(v)}) {
				if !isText([]byte(text)) {
					t.Errorf("%s %x is written as %q", a, v, text)
				}
			}
		}
	})
}
