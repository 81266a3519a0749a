package archtest

import (
	"encoding/json"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sallyport-auth/sallyport"

// allowed lists, for every room, the rooms that it may import: the table of
// docs/architecture.md. A room that is not listed is a fault. Tests may import
// more.
var allowed = map[string][]string{
	"internal/identity":                  {},
	"internal/fresh":                     {},
	"internal/pyregex":                   {},
	"internal/pyip":                      {},
	"internal/event":                     {},
	"internal/filter":                    {"internal/identity", "internal/pyregex", "config"},
	"internal/geo":                       {"config"},
	"internal/dns":                       {"internal/fresh", "config"},
	"internal/webget":                    {"config"},
	"internal/ber":                       {},
	"internal/dn":                        {"internal/ber"},
	"config":                             {},
	"plugins/proto":                      {},
	"plugins/sdk":                        {"plugins/proto"},
	"plugins/sdk/sdktest":                {"plugins/sdk", "plugins/proto"},
	"internal/store":                     {"internal/identity", "config"},
	"internal/store/storetest":           {"internal/store", "internal/identity", "config"},
	"internal/directory/local":           {"internal/identity", "internal/store", "internal/filter", "config"},
	"internal/directory":                 {"internal/identity", "internal/filter", "internal/fresh", "config"},
	"internal/directory/ldap":            {"internal/directory/ldap/upstream", "internal/filter", "internal/identity", "internal/ber", "internal/dn", "config"},
	"internal/directory/ldap/upstream":   {"internal/ber", "config"},
	"internal/userimport":                {"internal/directory/local", "internal/store", "internal/identity", "internal/dn", "config"},
	"policyengine/scoped":                {"internal/identity"},
	"policyengine":                       {"policyengine/scoped", "internal/event", "internal/fresh", "internal/identity", "config"},
	"internal/policystore":               {"internal/store", "policyengine/scoped"},
	"rego":                               {"policyengine", "rego/lint", "internal/webget", "internal/pyregex", "internal/pyip", "internal/event", "internal/filter", "internal/fresh", "internal/identity", "config"},
	"rego/regotest":                      {"rego", "policyengine", "internal/filter", "internal/webget", "internal/identity", "config"},
	"rego/lint":                          {"internal/pyregex", "internal/pyip", "internal/filter", "internal/identity", "config"},
	"plugins":                            {"policyengine", "internal/fresh", "plugins/proto", "config"},
	"proxy":                              {"policyengine", "internal/identity"},
	"proxy/radius":                       {"proxy", "policyengine", "internal/identity", "config"},
	"proxy/ldap":                         {"proxy", "policyengine", "internal/identity", "internal/ber", "internal/dn", "config"},
	"internal/radiusclient":              {"config"},
	"internal/ldapclient":                {"config"},
	"internal/testenv":                   {"internal/identity"},
	"internal/archtest":                  {},
	"internal/daemon":                    {"*"},
	"cmd/sallyport":                      {"internal/daemon", "config", "internal/store", "internal/identity", "internal/directory/local", "internal/directory/ldap", "internal/userimport", "internal/policystore", "policyengine", "policyengine/scoped", "rego/regotest", "internal/radiusclient", "internal/ldapclient", "internal/event", "plugins", "proxy", "proxy/radius"},
	"examples/plugins/calendar":          {"plugins/sdk"},
	"examples/plugins/geofence":          {"plugins/sdk"},
	"examples/plugins/impossible_travel": {"plugins/sdk"},
	"examples/plugins/quota":             {"plugins/sdk"},
	"examples/plugins/watchlist":         {"plugins/sdk"},
	"e2e":                                {},
	"e2e/bench":                          {},

	"policyengine/scoped/internal/gendefinitions": {},
}

type goPackage struct {
	ImportPath string
	Doc        string
	Name       string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Name,GoFiles,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		may, known := allowed[room]
		if !known && !strings.Contains(room, "testdata") {
			t.Errorf("%s is a room without a line in the table of allowed imports", room)
		}
		if faults := trespasses(room, may, p.Imports); len(faults) > 0 {
			t.Error(strings.Join(faults, "\n"))
		}
	}
}

// trespasses lists the imports of a room that the table does not allow.
func trespasses(room string, may, imports []string) []string {
	var faults []string
	for _, path := range imports {
		to, ours := strings.CutPrefix(path, module+"/")
		switch {
		case !ours || slices.Contains(may, to):
		case slices.Contains(may, "*") && !strings.HasPrefix(to, "cmd/"):
		default:
			faults = append(faults, room+" may not import "+to)
		}
	}
	return faults
}

// TestRoomsAreDescribed: the table of docs/architecture.md has each room, with all
// that it may import.
func TestRoomsAreDescribed(t *testing.T) {
	imports := map[string]string{} // by room, as the page has them
	for _, row := range rows(section(t, "docs/architecture.md", "## Rooms")) {
		for _, m := range quoted.FindAllStringSubmatch(row[0], -1) {
			imports[m[1]] = row[2]
		}
	}
	for room, may := range allowed {
		if dir, name := path.Split(room); dir == "examples/plugins/" {
			room = dir + "…"
		} else if name == "gendefinitions" {
			continue // a tool of its room
		}
		text, described := imports[room]
		if !described {
			t.Errorf("docs/architecture.md has no row for %s", room)
			continue
		}
		for _, to := range may {
			if name := path.Base(to); to != "*" && !strings.Contains(text, name) {
				t.Errorf("docs/architecture.md does not say that %s may import %s", room, name)
			}
		}
	}
}

func TestTrespassIsFound(t *testing.T) {
	for _, tt := range []struct {
		room, imports string
		fault         bool
	}{
		{"policyengine", "rego", true},
		{"proxy/radius", "proxy/ldap", true},
		{"internal/identity", "config", true},
		{"internal/daemon", "cmd/sallyport", true},
		{"internal/daemon", "rego", false},
		{"proxy", "policyengine", false},
	} {
		got := trespasses(tt.room, allowed[tt.room], []string{"fmt", module + "/" + tt.imports})
		if (len(got) > 0) != tt.fault {
			t.Errorf("%s → %s: %v", tt.room, tt.imports, got)
		}
	}
}

// TestPackageComments: each package says once what it does.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if p.Name == "util" || p.Name == "utils" || p.Name == "common" || p.Name == "helpers" || p.Name == "types" {
			t.Errorf("%s: %q says nothing about what is in it", p.ImportPath, p.Name)
		}
	}
}
