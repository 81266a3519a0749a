package scoped

// Policy is one scoped policy as it is written down. An empty list restricts
// nothing; the members of lists are patterns (see package comment), but for
// PINode, UserAgents and Client.
type Policy struct {
	Name  string `yaml:"name" required:"true" doc:"What the policy is called; unique over all files."`
	Scope string `yaml:"scope" required:"true" doc:"Which decision the policy speaks to, such as authorization. Compared exactly."`
	// Active is part of the matching, and not of the list of policies: a policy
	// that is not active is checked like any other.
	Active      bool     `yaml:"active" default:"true" doc:"A policy that is not active matches nothing."`
	Description string   `yaml:"description" doc:"What the policy is for; never compared with anything."`
	Action      Action   `yaml:"action" doc:"Actions with their values. Without any, the policy speaks to every action of its scope."`
	Realm       []string `yaml:"realm" doc:"Realms, compared without case."`
	Resolver    []string `yaml:"resolver" doc:"Directories that the user was found in."`
	User        []string `yaml:"user" doc:"Logins without realm, as the directory spells them."`
	AdminRealm  []string `yaml:"adminrealm" doc:"Realms of the administrator who acts; only in scope admin."`
	AdminUser   []string `yaml:"adminuser" doc:"Names of the administrator who acts; only in scope admin."`
	PINode      []string `yaml:"pinode" doc:"Names of server nodes, compared exactly."`
	Client      []string `yaml:"client" doc:"Addresses and networks of clients; -10.0.0.0/8 excludes."`
	UserAgents  []string `yaml:"user_agents" doc:"Names of the programs that ask, compared without case."`
	Time        string   `yaml:"time" doc:"When the policy applies, such as Mon-Fri:8-17:30, Sat:9-12. Empty: always."`
	// Conditions are evaluated in order, on policies that everything else let
	// through; all of them must hold.
	Conditions []Condition `yaml:"conditions" doc:"What must hold besides."`
	Priority   int         `yaml:"priority" default:"1" min:"1" max:"1000000000" doc:"Smaller wins."`
	// CheckAllResolvers compares Resolver with every resolver of the realm and not
	// only with the one that the user was found in.
	CheckAllResolvers bool `yaml:"check_all_resolvers" default:"false" doc:"Compare the resolver list with all directories of the realm, not only with the user's."`
	// UserCaseInsensitive folds User and AdminUser.
	UserCaseInsensitive bool `yaml:"user_case_insensitive" default:"false" doc:"Compare user and adminuser without case."`

	// Origin says where the policy was written, for people: a file, or the store.
	Origin string `yaml:"-"`
}

// Condition compares something that is known of the request with a text.
type Condition struct {
	Section    string `yaml:"section" required:"true" doc:"Where the left side comes from: userinfo, token, tokeninfo, HTTP Request header, HTTP Environment, helper, radius:ATTRIBUTE or ldap:FACT."`
	Key        string `yaml:"key" doc:"Which value of the section."`
	Comparator string `yaml:"comparator" required:"true" doc:"How the two sides are compared, such as equals, !equals, contains, matches, in, < and >."`
	Value      string `yaml:"value" doc:"The right side."`
	Active     bool   `yaml:"active" default:"true" doc:"A condition that is not active counts as fulfilled."`
	// Missing is one of the Missing constants; empty means MissingError.
	Missing string `yaml:"missing" default:"error" enum:"error,true,false" doc:"What a condition says whose left side is not there: error fails the request, true and false are its answer."`
}

// What a condition says whose left side is not there.
const (
	MissingError = "error"
	MissingTrue  = "true"
	MissingFalse = "false"
)

// Condition sections. Besides, "radius:NAME" and "ldap:NAME" name an attribute
// of a RADIUS request and a fact of an LDAP connection.
const (
	SectionUserInfo    = "userinfo"
	SectionToken       = "token"
	SectionTokenInfo   = "tokeninfo"
	SectionHTTPHeader  = "HTTP Request header"
	SectionHTTPEnviron = "HTTP Environment"
	SectionHelper      = "helper"
	SectionRADIUS      = "radius:"
	SectionLDAP        = "ldap:"

	SectionContainer     = "container"
	SectionContainerInfo = "container_info"
	SectionRequestData   = "Request Data"
)

// Scopes with a meaning of their own in the matching.
const (
	ScopeAdmin          = "admin"
	ScopeUser           = "user"
	ScopeAuthentication = "authentication"
	ScopeAuthorization  = "authorization"
)

// DefaultPriority is the priority of a policy that names none; it is the best
// there is.
const DefaultPriority = 1
