package main

import (
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
)

// checkLogin refuses a new login that nobody would get in with by typing it: a
// part of it would be read as a realm, as package proxy splits user names.
func checkLogin(cfg *config.Config, login string) error {
	if realm, _, found := strings.Cut(login, `\`); found {
		return fmt.Errorf("login %q has a backslash: at a login %q would be read as the realm; logins have none", login, realm)
	}
	at := strings.LastIndexByte(login, '@')
	if at < 0 {
		return nil
	}
	user, realm := login[:at], login[at+1:]
	switch {
	case strings.TrimSpace(user) == "":
		return fmt.Errorf("login %q begins with @: at a login there would be no user before the realm", login)
	case strings.TrimSpace(realm) == "":
		return fmt.Errorf("login %q ends with @: at a login the realm would be missing", login)
	}
	for name := range cfg.Realms {
		if strings.EqualFold(name, realm) {
			return fmt.Errorf("login %q ends with the realm %q: at a login it would be read as the user %q of that realm; add the user as %q",
				login, name, user, user)
		}
	}
	return nil
}
