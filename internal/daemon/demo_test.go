package daemon

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestDemoUsersOnAnOpenAddress(t *testing.T) {
	open := strings.Replace(minimal, `ldap: ["127.0.0.1:0"]`, `ldap: ["0.0.0.0:0"]`, 1)
	for name, tt := range map[string]struct {
		text, users string
		fault       bool
	}{
		"loopback":          {minimal, people, false},
		"open":              {open, people, true},
		"open, disabled":    {open, "login,password,disabled\ncarol,carol-pw,true\n", true},
		"open, changed":     {open, "login,password\nalice,another-pw\n", false},
		"open, other users": {open, "login,password\nzoe,zoe-pw\n", false},
	} {
		dir := t.TempDir()
		write(t, dir, "users.csv", tt.users)
		write(t, dir, "sallyport.yaml", tt.text)
		cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
		if refused := err != nil && strings.Contains(err.Error(), "password of the quick start"); refused != tt.fault || !refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
