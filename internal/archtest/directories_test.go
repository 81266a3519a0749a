package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy/ldap"
)

// TestDirectoryExamples loads the configurations of docs/directories.md, with
// the secrets in files of the test's, and makes the LDAP front-end's table of
// them.
func TestDirectoryExamples(t *testing.T) {
	page := read(t, "docs/directories.md")
	blocks := regexp.MustCompile("(?s)<!-- test: (\\S+) -->\n```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	var flavors []string
	for _, b := range blocks {
		dir := t.TempDir()
		for _, m := range regexp.MustCompile(`/etc/sallyport/(\w+\.secret)`).FindAllStringSubmatch(b[2], -1) {
			if err := os.WriteFile(filepath.Join(dir, m[1]), []byte("a-long-shared-secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, err := config.Parse(b[1], []byte(strings.ReplaceAll(b[2], "/etc/sallyport/", dir+"/")), os.LookupEnv)
		if err != nil {
			t.Errorf("%s: %v", b[1], err)
			continue
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%s: %v", b[1], w)
		}
		if _, err := ldap.NewTable(cfg, nil, nil); err != nil {
			t.Errorf("%s: %v", b[1], err)
		}
		for _, d := range cfg.Directories {
			flavors = append(flavors, d.Flavor)
		}
	}
	slices.Sort(flavors)
	if d := cmp.Diff([]string{"active_directory", "freeipa", "openldap"}, flavors); d != "" {
		t.Errorf("flavors of the examples (-want +got):\n%s", d)
	}
}

// TestDirectoryLimits: the numbers of the page are those of the program.
func TestDirectoryLimits(t *testing.T) {
	page := read(t, "docs/directories.md")
	for _, tt := range []struct{ page, file, program string }{
		{"| a login | 255 octets |", "login.go", `maxLogin\s+= 255\b`},
		{"| a password | 4096 octets |", "login.go", `maxPassword\s+= 4096\b`},
		{"| entries that one login may find | 20, then", "login.go", `maxCandidates\s+= 20\b`},
		{"| groups of one user | 10000 |", "groups.go", `maxGroups\s+= 10_000\b`},
		{"| look-ups at work, per directory | 1024, then", "../flights.go", `maxFlights = 1024\b`},
		{"| one message of a server | 4 MiB;", "upstream/wire.go", `maxPacket\s+= 4 << 20\b`},
		{"the answer to a bind 64 KiB |", "upstream/message.go", `maxAnswer = 64 << 10\b`},
		{"at most 32 servers, looked up every minute", "upstream/srv.go", `maxServers = 32\b`},
		{"Three failures in a row", "upstream/server.go", `tripAfter = 3\b`},
		{"probed twice a second", "upstream/probe.go", `retry\s+= 500 \* time\.Millisecond`},
		{"every 5 minutes, while it refuses the service account", "upstream/probe.go", `maxRetry = 5 \* time\.Minute`},
		{"levels of groups in a walk | `groups.max_depth` (10) |", "../../../config/schema_ldap.go", `"max_depth" default:"10"`},
		{"`pool.binds` (32)", "../../../config/schema_ldap.go", `"binds" default:"32"`},
		{"`pool.searches` (2)", "../../../config/schema_ldap.go", `"searches" default:"2"`},
		{"within `timeout` (2s)", "../../../config/schema_ldap.go", `"timeout" default:"2s"`},
		{"for `ttl` (30s)", "../../../config/schema_ldap.go", `"ttl" default:"30s"`},
		{"for `negative_ttl` (5s)", "../../../config/schema_ldap.go", `"negative_ttl" default:"5s"`},
	} {
		if !strings.Contains(page, tt.page) {
			t.Errorf("docs/directories.md does not say %q", tt.page)
		}
		file := "internal/directory/ldap/" + tt.file
		if !regexp.MustCompile(tt.program).MatchString(read(t, file)) {
			t.Errorf("docs/directories.md says %q, but %s has nothing that matches %s", tt.page, file, tt.program)
		}
	}
}
