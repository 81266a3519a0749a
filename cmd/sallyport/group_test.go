package main

import "testing"

func TestGroupCommands(t *testing.T) {
	runSteps(t, []step{
		{args: "user add alice", input: "x\n"},
		{args: "group list", want: []string{"no groups yet"}},
		{args: "group add staff", want: []string{`added group "staff"`}},
		{args: "group add Staff", fails: true, want: []string{`group "staff" exists already`}},
		{args: "group add guests"},
		{args: "group members staff", want: []string{"users   -\n"}},
		{args: "group members Staff --add-user=alice --add-group=guests", want: []string{"group   staff\nusers   alice\ngroups  guests\n"}},
		{args: "group members staff --add-user=alice --remove-user=ALICE", fails: true, want: []string{`user "alice" is both to add and to remove`}},
		{args: "group members staff --add-group=guests --remove-group=guests", fails: true, want: []string{`group "guests" is both`}},
		{args: "group members guests --add-group=staff", fails: true, want: []string{"would contain itself"}},
		{args: "group members staff --add-user=bob", fails: true, want: []string{`user "bob": no such user`, "sallyport user list"}},
		{args: "group members staff --remove-user=bob", fails: true, want: []string{`user "bob": no such user`}},
		{args: "group members stuff", fails: true, want: []string{`group "stuff": no such group`, "sallyport group list"}},
		{args: "group members stuff --add-user=alice", fails: true, want: []string{`group "stuff": no such group`}},
		{args: "group list", want: []string{"GROUP   USERS  GROUPS\n", "guests  -      -\n", "staff   alice  guests\n"}},
		{args: "group members guests --add-user=alice", want: []string{"users   alice\n"}},
		{args: "user show alice", want: []string{"groups            guests, staff\n"}},
		{args: "group members staff --remove-user=alice --remove-group=guests", want: []string{"users   -\ngroups  -\n"}},
		{args: "group delete STAFF", want: []string{"deleted group"}},
		{args: "group delete staff", fails: true, want: []string{"no such group", "sallyport group list"}},
		{args: "user show alice", want: []string{"groups            guests\n"}},
	})
}
