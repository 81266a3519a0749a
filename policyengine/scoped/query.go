package scoped

import (
	"net/netip"
	"strings"
	"time"
)

// Arg is an argument of a query that may be absent. The zero value is absent and
// does not filter; an empty text that is given does.
type Arg struct {
	Value string
	Given bool
}

// Is is an argument that is given.
func Is(value string) Arg { return Arg{value, true} }

// Activity filters by the attribute active.
type Activity uint8

// Which policies are asked. The zero value asks all of them.
const (
	AnyActivity Activity = iota
	OnlyActive
	OnlyInactive
)

// ConditionMode says which conditions are evaluated (CONDITION_CHECK); the others
// count as fulfilled, unknown ones too.
type ConditionMode uint8

// The condition modes. The zero value evaluates all.
const (
	AllConditions ConditionMode = iota
	UserInfoConditions
	NoConditions
)

// Query is a question to a Set. List reads the filters alone, Match all of it.
type Query struct {
	// The filters, in no particular order; every one that is given restricts.
	// AdminRealm and AdminUser are read only when Scope is exactly "admin".
	Name, Scope, Action       Arg
	Realm, User, Resolver     Arg
	AdminRealm, AdminUser     Arg
	PINode, Client, UserAgent Arg
	Active                    Activity
	// ClientAddr is the client as an address, read when Client is not given. The
	// zero value is absent.
	ClientAddr netip.Addr
	// Unsorted leaves the policies in the order in which they were created.
	Unsorted bool

	// UserObject is who is asked about; it replaces User, Realm and Resolver, and
	// contradicts them when they are not empty and differ.
	UserObject *User
	// Now is the clock. Policies with a time fail without one.
	Now time.Time
	// Mode says which conditions are evaluated.
	Mode ConditionMode
	// Serial names the token of the request, for conditions on it.
	Serial string
	// HTTP is the request; nil when there is none.
	HTTP *HTTPRequest
	// World answers what the conditions and check_all_resolvers ask.
	World *World
}

// User is a user as far as policies look at it.
type User struct {
	// Login is the name without realm; Typed, if it is not empty, the name as it
	// was typed. Resolver is empty when no resolver knows the user.
	Login, Typed, Realm, Resolver string
	// Info returns the user's attributes, among them username and userid; the
	// error of a user that no resolver knows should be of kind ErrUser. It is
	// called when a condition asks for it. Without Info the empty user has no
	// attributes, and any other one is unknown.
	Info func() (map[string]any, error)
}

// Empty reports whether this is nobody at all: neither login nor realm.
func (u *User) Empty() bool { return u == nil || u.Login == "" && u.Realm == "" }

// info reads the user's attributes.
func (u *User) info() (map[string]any, error) {
	switch {
	case u.Info != nil:
		return u.Info()
	case u.Empty():
		return nil, nil
	}
	return nil, failf(ErrUser, "user %q of realm %q is not known to any resolver", u.Login, u.Realm)
}

// Token is a token as far as conditions look at it.
type Token struct {
	// Columns are what the section token compares, Info what tokeninfo does.
	Columns map[string]any
	Info    map[string]string
}

// HTTPRequest is what conditions may ask of an HTTP request. Names of headers
// are compared without case, those of the environment exactly. Headers are
// variables of the environment too, X-Site as HTTP_X_SITE (RFC 3875 section
// 4.1.18).
type HTTPRequest struct {
	Headers map[string]string
	Environ map[string]any
}

// header returns the value of a header, empty if there is none.
func (r *HTTPRequest) header(key string) string {
	for name, value := range r.Headers {
		if strings.EqualFold(name, key) {
			return value
		}
	}
	return ""
}

// variable returns a variable of the environment, nil if there is none.
func (r *HTTPRequest) variable(key string) any {
	if r == nil {
		return nil
	}
	if value, ok := r.Environ[key]; ok {
		return value
	}
	for name, value := range r.Headers {
		variable := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if variable != "CONTENT_TYPE" && variable != "CONTENT_LENGTH" {
			variable = "HTTP_" + variable
		}
		if variable == key {
			return value
		}
	}
	return nil
}

// Call is the call of a condition helper: its name and the arguments behind it.
type Call struct {
	Name string
	Args []string
}

// World answers the questions of policies that only the caller can answer. Every
// function may be nil, and then there is no such thing. They are called while
// matching, so they should answer from memory or keep to a deadline.
type World struct {
	// Resolvers lists the resolvers of a realm, the one that is asked first in
	// front.
	Resolvers func(realm string) []string
	// Token finds a token by its serial; false when there is none.
	Token func(serial string) (Token, bool, error)
	// Helper calls a condition helper. The result is compared by its type: text,
	// number, bool, list, or nil for "nothing".
	Helper func(call Call) (any, error)
	// Fact returns an attribute of a section that this package does not know of
	// itself: "radius" (a RADIUS attribute), "ldap" (a fact of an LDAP
	// connection), "container", "container_info" and "Request Data". False means
	// that there is none.
	Fact func(section, key string) (any, bool, error)
}

// Role is what somebody logged in as.
type Role string

// The roles.
const (
	RoleAdmin Role = "admin"
	RoleUser  Role = "user"
)

// LoggedIn is who is logged in at the management interface.
type LoggedIn struct {
	Name, Realm string
	Role        Role
}

// Request is what the calling layer knows of the request that it asks for: who
// sends it from where, at which node, and when.
type Request struct {
	// Node is the server's own name, which policies with a pinode are compared
	// with.
	Node string
	// Client is the address of the client; absent when it is not known, and then
	// policies are not filtered by it.
	Client     Arg
	ClientAddr netip.Addr
	// Serial names the token of the request, if there is one.
	Serial    string
	UserAgent Arg
	HTTP      *HTTPRequest
	Now       time.Time
	LoggedIn  LoggedIn
	World     *World
	// Audit is told the name of every policy that took effect; nil tells nobody.
	Audit func(policy string)
}

// audit tells the names of the policies.
func (r *Request) audit(names ...string) {
	if r.Audit == nil {
		return
	}
	for _, name := range names {
		r.Audit(name)
	}
}
