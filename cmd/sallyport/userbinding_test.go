package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

const boundApplication = `
applications:
  demo:
    radius: {clients: [127.0.0.1], secret: a-secret-of-the-tests}
    policies:
      bindings:
        - group: vpn-users
        - {group: vpn-users, negate: true}
        - {group: VPN-users}
        - {group: vpn-users, enabled: false}
        - {group: vpn-users, dry_run: true}
        - {group: vpn-users, dry_run: true, negate: true}
        - user: ALICE
        - {user: alice@EXAMPLE, negate: true}
        - {user: alice@elsewhere}
        - {user: alice2}
`

func TestDeleteNamesBindings(t *testing.T) {
	const at = "applications.demo.policies.bindings"
	group := []orphan{
		{at + "[0]", "nobody passes it now"},
		{at + "[1]", "everybody passes it now"},
		{at + "[3]", "it is not enabled"},
		{at + "[4]", "nobody passes it now (dry run)"},
		{at + "[5]", "everybody passes it now (dry run)"},
	}
	user := []orphan{{at + "[6]", "nobody passes it now"}, {at + "[7]", "everybody passes it now"}}
	for _, c := range []struct {
		args     []string
		said     string
		members  int
		bindings []orphan
	}{
		{[]string{"group", "delete", "VPN-Users"}, `deleted group "vpn-users", which had 2 members`, 2, group},
		{[]string{"group", "delete", "others"}, `deleted group "others", which had 1 member`, 1, nil},
		{[]string{"group", "delete", "empty"}, `deleted group "empty", which had 0 members`, 0, nil},
		{[]string{"user", "delete", "Alice"}, `deleted user "alice"`, 0, user},
		{[]string{"user", "delete", "bob"}, `deleted user "bob"`, 0, nil},
	} {
		for _, asJSON := range []bool{false, true} {
			out, err := sallyport(t, boundConfig(t), "", asJSON, c.args...)
			if err != nil {
				t.Errorf("%v: %v", c.args, err)
				continue
			}
			if asJSON {
				wantDeleted(t, out, c.members, c.bindings)
				continue
			}
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if lines[0] != c.said || len(lines) != 1+len(c.bindings) {
				t.Errorf("%v: %s", c.args, out)
				continue
			}
			for i, o := range c.bindings {
				if want := ": " + o.Path + ": names it: " + o.Effect; !strings.HasSuffix(lines[i+1], want) {
					t.Errorf("%v: %q does not end in %q", c.args, lines[i+1], want)
				}
			}
		}
	}
}

func TestGroupAddWarnsOfBindings(t *testing.T) {
	file := boundConfig(t)
	if _, err := sallyport(t, file, "", false, "group", "delete", "vpn-users"); err != nil {
		t.Fatal(err)
	}
	out, err := sallyport(t, file, "", false, "group", "add", "vpn-users")
	if err != nil || strings.Count(out, "warning: ") != 1 ||
		!strings.Contains(out, `bindings[2].group: asks for the group "VPN-users" and not for "vpn-users"`) {
		t.Errorf("%v, %s", err, out)
	}
	out, err = sallyport(t, file, "", false, "group", "add", "more")
	if err != nil || strings.Contains(out, "warning") {
		t.Errorf("%v, %s", err, out)
	}
}

func wantDeleted(t *testing.T, text string, members int, bindings []orphan) {
	t.Helper()
	var got deletedGroupJSON
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Deleted == "" || got.Members != members || got.Bindings == nil || !slices.Equal(got.Bindings, bindings) {
		t.Errorf("%s", text)
	}
}

// boundConfig is userConfig with an application, users and groups.
func boundConfig(t *testing.T) string {
	t.Helper()
	file := userConfig(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, boundApplication...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"group add vpn-users", "group add others", "group add empty", "user add alice --group=vpn-users", "user add bob",
		"group members vpn-users --add-group=others", "group members others --add-user=bob",
	} {
		if _, err := sallyport(t, file, "x\n", false, strings.Fields(args)...); err != nil {
			t.Fatalf("%s: %v", args, err)
		}
	}
	return file
}
