// Package identity holds the plain values that every room of Sallyport speaks
// about: users, groups, credentials and what a directory says of them.
//
// It does nothing and imports nothing of ours. Its invariant: a value of this
// package never prints a secret.
package identity

import (
	"errors"
	"slices"
	"time"
)

// ErrNotFound says that a directory was asked, did answer, and holds no such
// user. Any other error means that we could not find out.
var ErrNotFound = errors.New("no such user")

// ErrAmbiguous says that a directory holds several users that the login could
// mean. It is an answer: asking again, or somewhere else, does not help.
var ErrAmbiguous = errors.New("several users have this login")

// User is what a directory knows of one person or service. It is a value that
// is shared between goroutines once a directory has returned it: nobody changes
// it afterwards.
type User struct {
	// ID is the directory's own stable key of the user (primary key, entryUUID,
	// objectGUID). It survives a change of the login.
	ID string
	// Login is the name as the directory spells it, without realm.
	Login string
	// Directory is the configured name of the directory that the user came
	// from: the "resolver" of scoped policies, the "source" of expressions.
	Directory string
	// DN is the distinguished name, empty where the directory has none.
	DN string
	// Name and Email are empty when unknown.
	Name, Email string
	// Active is false for an account that may not log in at all.
	Active bool
	// Service marks an account that belongs to a program, not to a person.
	Service bool
	// Superuser marks an administrator of the directory.
	Superuser bool
	// Groups are the names of all groups that the user is in, nested ones
	// resolved, sorted, each once.
	Groups []string
	// Memberships are the same groups with what else the directory knows of them,
	// in the order of Groups. Two groups of one name are two of them.
	Memberships []Membership
	// Attributes are further facts by name, as the directory spells them.
	Attributes map[string][]string
	// Authenticators are the types of confirmed second factors ("totp", …).
	Authenticators []string
	// PasswordChanged and LastLogin are zero when unknown.
	PasswordChanged, LastLogin time.Time
}

// InGroup reports whether the user is in the group of exactly this name.
func (u *User) InGroup(name string) bool {
	return slices.Contains(u.Groups, name)
}

// Membership is a group that a user is in, as the user's directory describes it.
// What the directory does not have is empty.
type Membership struct {
	// ID is the directory's own stable key of the group.
	ID, Name, DN string
	// Superuser marks a group of administrators.
	Superuser bool
	// Attributes are further facts by name, as the directory spells them.
	Attributes map[string][]string
}

// Group is a named set of users and of other groups.
type Group struct {
	ID   string
	Name string
	// Users and Groups are the direct members: logins and group names, sorted.
	Users, Groups []string
}

// Verdict is what a directory says of a credential. Its zero value refuses.
type Verdict uint8

// The verdicts. The ones after Right are given only when the credential itself
// was right, so that a wrong password never learns about the account.
const (
	// Wrong: the credential does not belong to the user.
	Wrong Verdict = iota
	// Right: the credential is the user's, and the account may be used.
	Right
	// Disabled: right, but the account is switched off.
	Disabled
	// Expired: right, but the password has expired.
	Expired
	// MustChange: right, but the password has to be changed first.
	MustChange
	// Locked: the directory has locked the account.
	Locked
	// Unsupported: this directory cannot verify this kind of credential.
	Unsupported
	// AccountExpired: right, but the account as such has expired.
	AccountExpired
	// Restricted: right, but the account may not be used at this hour or from
	// this place, as the directory has it.
	Restricted
)

// String returns the verdict's name for logs and traces.
func (v Verdict) String() string {
	names := [...]string{"wrong", "right", "disabled", "expired", "must_change", "locked", "unsupported", "account_expired", "restricted"}
	if int(v) < len(names) {
		return names[v]
	}
	return "invalid"
}
