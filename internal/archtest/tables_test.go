package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/proxy/radius"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// section is the part of a page below a heading, up to the next one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, page), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	return text
}

// rows are the rows of the tables in a text, without the lines above them.
func rows(text string) [][]string {
	var list [][]string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "| `") {
			cells := strings.Split(line, "|")[1:]
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			list = append(list, cells)
		}
	}
	return list
}

// firstNames are the names in the first column of the tables in a text, sorted.
func firstNames(text string) []string {
	var names []string
	for _, row := range rows(text) {
		for _, m := range quoted.FindAllStringSubmatch(row[0], -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return names
}

// found are the first groups of all matches in a file of the program, sorted.
func found(t *testing.T, file, pattern string) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, file), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatalf("%s has nothing that matches %s", file, pattern)
	}
	slices.Sort(names)
	return names
}

// TestReasons: the page explains every reason that the log can have.
func TestReasons(t *testing.T) {
	got := firstNames(section(t, "docs/operation.md", "### Reasons"))
	want := found(t, "proxy/reason.go", `Reason = "(\w+)"`)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/operation.md (-proxy/reason.go +page):\n%s", d)
	}
}

// TestDiscardCauses: the page explains every cause that the metric can have.
func TestDiscardCauses(t *testing.T) {
	got := firstNames(section(t, "docs/radius.md", "## What is discarded, and where to see it"))
	want := slices.Sorted(slices.Values(radius.Causes()))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/radius.md (-radius.Causes +page):\n%s", d)
	}
}

// TestMetrics: the page has every metric, with its labels.
func TestMetrics(t *testing.T) {
	var want []string
	add := func(name, labels string) {
		for _, m := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(labels, -1) {
			name += " " + m[1]
		}
		want = append(want, name)
	}
	program := ""
	for _, file := range []string{"metrics", "recorder", "directorymetrics", "outsidemetrics", "policymetrics", "pluginmetrics"} {
		program += read(t, "internal/daemon/"+file+".go")
	}
	for _, m := range regexp.MustCompile(`desc\("(\w+)", "[^"]*"(.*)\),`).FindAllStringSubmatch(program, -1) {
		add("sallyport_"+m[1], m[2])
	}
	for _, m := range regexp.MustCompile(`(?s)Name:\s+"(\w+)".*?\[\]string\{(.*?)\}`).FindAllStringSubmatch(program, -1) {
		add(m[1], m[2])
	}
	var got []string
	for _, row := range rows(section(t, "docs/operation.md", "## Health and metrics")) {
		name := strings.Trim(row[0], "`")
		if strings.HasPrefix(name, "sallyport_") {
			got = append(got, strings.TrimSpace(name+" "+strings.ReplaceAll(row[1], ",", "")))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/operation.md (-internal/daemon +page):\n%s", d)
	}
}

// TestRestarts: the page names the settings that a reload cannot change.
func TestRestarts(t *testing.T) {
	_, text, _ := strings.Cut(section(t, "docs/operation.md", "## Signals"), "These settings need a restart")
	var got []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	if d := cmp.Diff(found(t, "internal/daemon/reload.go", `\{"([\w.]+)", old\.`), got); d != "" {
		t.Errorf("docs/operation.md (-internal/daemon/reload.go +page):\n%s", d)
	}
}

// TestLDAPLimits: the numbers of the page are those of the program.
func TestLDAPLimits(t *testing.T) {
	page := section(t, "docs/ldap.md", "### DNs of other shapes") + section(t, "docs/ldap.md", "## Limits")
	cfg, err := config.Parse("empty.yaml", []byte("realms: {}\ndirectories: {}\napplications: {}\n"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	for key, number := range map[string]int{
		"max_connections": cfg.LDAP.MaxConnections, "workers": cfg.LDAP.Workers,
	} {
		if text := "`ldap." + key + "` (" + strconv.Itoa(number) + ")"; !strings.Contains(page, text) {
			t.Errorf("docs/ldap.md does not say %s", text)
		}
	}
	if cfg.LDAP.MaxConnectionsPerAddress != 0 || cfg.LDAP.IdleTimeout.Minutes() != 15 {
		t.Error("docs/ldap.md has other defaults of max_connections_per_address and idle_timeout")
	}
	program := ""
	files, err := filepath.Glob(filepath.Join(root, "proxy/ldap/*.go"))
	files = append(files, filepath.Join(root, "internal/dn/dn.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		program += string(text)
	}
	for _, tt := range []struct{ page, program string }{
		{"| one message | 256 KiB, complete 15 s", `maxMessage\s+= 256 << 10\b`},
		{"complete 15 s after its first octet", `message:\s+15 \* time\.Second`},
		{"| all messages above 4 KiB together", `smallMessage\s+= 4 << 10\b`},
		{"together | 64 MiB", `largeBudget\s+= 64 << 20\b`},
		{"| TLS handshake | 10 s |", `handshake:\s+10 \* time\.Second`},
		{"| answer that the client does not read | 15 s |", `write:\s+15 \* time\.Second`},
		{"| a DN | 8 KiB", `MaxLength\s+= 8 << 10\b`},
		{"64 pairs of attribute and value", `MaxAVAs\s+= 64\b`},
		{"| a name that is no DN | 255 octets |", `maxAccount\s+= 255\b`},
		{"At most 32 patterns", `maxPatterns\s+= 32\b`},
		{"1024 bytes each", `maxPatternLength\s+= 1024\b`},
		{"DN of more than 1024 bytes", `maxMatched\s+= 1024\b`},
	} {
		if !strings.Contains(page, tt.page) {
			t.Errorf("docs/ldap.md does not say %q", tt.page)
		}
		if !regexp.MustCompile(tt.program).MatchString(program) {
			t.Errorf("docs/ldap.md says %q, but proxy/ldap has nothing that matches %s", tt.page, tt.program)
		}
	}
}
