package proxy

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	with := newRealms([]Realm{{Name: "corp", Default: true}, {Name: "Partner.Example"}})
	without := newRealms([]Realm{{Name: "corp"}})
	windows := newRealms([]Realm{
		{Name: "staff", Default: true},
		{Name: "corp.example", Aliases: []string{"CORP"}, UPNSuffixes: []string{"Mail.Corp.Example"}},
	})
	tests := []struct {
		name     string
		realms   realms
		username string
		login    string
		realm    string
		reason   Reason
	}{
		{"default realm", with, "alice", "alice", "corp", ReasonOK},
		{"at realm", with, "alice@partner.example", "alice", "Partner.Example", ReasonOK},
		{"realm without case", with, "alice@PARTNER.EXAMPLE", "alice", "Partner.Example", ReasonOK},
		{"backslash", with, `CORP\alice`, "alice", "corp", ReasonOK},
		{"backslash keeps an at sign", with, `corp\alice@home`, "alice@home", "corp", ReasonOK},
		{"only the last at sign counts", with, "a@b@corp", "a@b", "corp", ReasonOK},
		{"mail address as login", with, "alice@mail.example", "alice@mail.example", "corp", ReasonOK},
		{"blank in a login", with, "alice smith", "alice smith", "corp", ReasonOK},
		{"nothing", with, "", "", "", ReasonEmptyLogin},
		{"blanks", with, "  ", "", "", ReasonEmptyLogin},
		{"empty login at realm", with, "@corp", "", "", ReasonEmptyLogin},
		{"empty login at unknown realm", with, "@elsewhere", "", "", ReasonEmptyLogin},
		{"empty login behind backslash", with, `corp\`, "", "", ReasonEmptyLogin},
		{"blank login at realm", with, " @corp", "", "", ReasonEmptyLogin},
		{"empty realm", with, "alice@", "", "", ReasonEmptyRealm},
		{"blank realm", with, "alice@ ", "", "", ReasonEmptyRealm},
		{"empty realm before backslash", with, `\alice`, "", "", ReasonEmptyRealm},
		{"only an at sign", with, "@", "", "", ReasonEmptyLogin},
		{"only a backslash", with, `\`, "", "", ReasonEmptyLogin},
		{"unknown realm before backslash", with, `other\alice`, "", "", ReasonUnknownRealm},
		{"no default realm", without, "alice", "", "", ReasonUnknownRealm},
		{"no default realm, named", without, "alice@corp", "alice", "corp", ReasonOK},
		{"no default realm, mail address", without, "alice@mail.example", "", "", ReasonUnknownRealm},
		{"alias before backslash", windows, `Corp\alice`, "alice", "corp.example", ReasonOK},
		{"alias behind at sign", windows, "alice@corp", "alice", "corp.example", ReasonOK},
		{"UPN suffix stays", windows, "a.smith@mail.corp.example", "a.smith@mail.corp.example", "corp.example", ReasonOK},
		{"UPN suffix is no realm", windows, `mail.corp.example\alice`, "", "", ReasonUnknownRealm},
		{"UPN suffix alone", windows, "@mail.corp.example", "", "", ReasonEmptyLogin},
		{"other suffix", windows, "alice@elsewhere", "alice@elsewhere", "staff", ReasonOK},
		{"realm and UPN suffix", windows, `CORP\a.smith@mail.corp.example`, "a.smith@mail.corp.example", "corp.example", ReasonOK},
		{"blank behind a UPN suffix", windows, "alice@mail.corp.example ", "", "", ReasonUnknownRealm},
		{"blank before a realm", windows, "alice@ CORP", "", "", ReasonUnknownRealm},
		{"invisible character in a UPN suffix", windows, "alice@mail.co\u00adrp.example", "", "", ReasonUnknownRealm},
		{"variation selector in a UPN suffix", windows, "alice@mail.corp\ufe0f.example", "", "", ReasonUnknownRealm},
		{"UPN suffix in full width", windows, "alice@ｍail.corp.example", "", "", ReasonUnknownRealm},
		{"blank in a realm before backslash", windows, `CORP \alice`, "", "", ReasonUnknownRealm},
		{"UPN suffix with an accent", windows, "alice@mail.c\u00f3rp.example", "", "", ReasonUnknownRealm},
		{"blank behind an unknown domain", windows, "alice@elsewhere ", "alice@elsewhere ", "staff", ReasonOK},
		{"mail address with letters beyond ASCII", with, "jörg@BÜRO-straße.example", "jörg@BÜRO-straße.example", "corp", ReasonOK},
		{"decomposed mail address", with, "x@bu\u0308ro.example", "x@bu\u0308ro.example", "corp", ReasonOK},
		{"control character", with, "ali\x00ce", "", "", ReasonMalformedLogin},
		{"line break", with, "alice\n", "", "", ReasonMalformedLogin},
		{"not UTF-8", with, "ali\xff", "", "", ReasonMalformedLogin},
		{"too long", with, strings.Repeat("a", 256), "", "", ReasonMalformedLogin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			login, realm, reason := tt.realms.split(tt.username)
			name := ""
			if realm != nil {
				name = realm.Name
			}
			if login != tt.login || name != tt.realm || reason != tt.reason {
				t.Errorf("split(%q) = %q, %q, %s; want %q, %q, %s",
					tt.username, login, name, reason, tt.login, tt.realm, tt.reason)
			}
		})
	}
}

// FuzzSplit: whatever the name, a login that goes on is never empty and has a
// realm; and no name of somebody's making reaches the default realm by an empty
// one.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"alice", "alice@corp", `corp\alice`, "@", `\`, "a@b@corp", "alice@", "\x00", "é@corp"} {
		f.Add(s)
	}
	r := newRealms([]Realm{{Name: "corp", Default: true}, {Name: "partner"}})
	f.Fuzz(func(t *testing.T, username string) {
		login, realm, reason := r.split(username)
		if (reason == ReasonOK) != (realm != nil && strings.TrimSpace(login) != "") {
			t.Errorf("split(%q) = %q, %v, %s", username, login, realm, reason)
		}
		if strings.HasSuffix(username, "@") && !strings.Contains(username, `\`) && reason == ReasonOK {
			t.Errorf("split(%q) took an empty realm for the default", username)
		}
	})
}
