package config

import (
	"net/netip"
	"time"
)

// The tags of these structs are the schema: `yaml` is the key, `default` the
// value of an absent key as text, `doc` the sentence of the reference page,
// `required` a key without a default, `path` a file name that is relative to the
// file. Pointers and maps are optional sections. Decode has the whole list.

// Config is the whole configuration file.
type Config struct {
	Listen       Listen                  `yaml:"listen" doc:"Addresses on which Sallyport listens. Changing them needs a restart."`
	TLS          TLS                     `yaml:"tls" doc:"The certificate of the LDAP listeners (LDAPS and StartTLS)."`
	Store        string                  `yaml:"store" default:"sqlite:./sallyport.db" doc:"The embedded store: sqlite:FILE. Changing it needs a restart."`
	Log          Log                     `yaml:"log" doc:"What is logged, and how."`
	Login        Login                   `yaml:"login" doc:"Limits of one login, whatever its protocol."`
	RADIUS       RADIUS                  `yaml:"radius" doc:"The RADIUS front-end."`
	LDAP         LDAP                    `yaml:"ldap" doc:"The LDAP front-end."`
	Realms       map[string]*Realm       `yaml:"realms" doc:"Realms by name: what stands behind the @ or before the backslash of a login. Names are compared without case."`
	Directories  map[string]*Directory   `yaml:"directories" doc:"Where users live, by name."`
	Applications map[string]*Application `yaml:"applications" doc:"What users log in to, by name: each has RADIUS clients, an LDAP base DN, or both, and the policies that decide."`
	Policies     Policies                `yaml:"policies" doc:"Where policies are read from, how scoped ones are understood, and what expression policies may keep and ask."`
	GeoIP        GeoIP                   `yaml:"geoip" doc:"Where addresses are: MaxMind files. They are read again when they change."`
	DNS          DNS                     `yaml:"dns" doc:"DNS look-ups of policies."`
	Plugins      Plugins                 `yaml:"plugins" doc:"Condition helpers: programs that answer questions of policies."`

	// Warnings are what works and should be known all the same, in the order of
	// the file.
	Warnings []Warning `yaml:"-"`

	// places knows where in the file each path of the configuration stands.
	places Places
}

// Listen holds the addresses. An empty list switches a listener off.
type Listen struct {
	RADIUS []ListenAddr `yaml:"radius" doc:"UDP addresses for RADIUS authentication. An address marked optional (\"[::1]:1812?\") is skipped where the machine has no such address."`
	LDAP   []ListenAddr `yaml:"ldap" doc:"TCP addresses for LDAP, with StartTLS."`
	LDAPS  []ListenAddr `yaml:"ldaps" doc:"TCP addresses for LDAP inside TLS."`
	HTTP   ListenAddr   `yaml:"http" default:"127.0.0.1:9312" doc:"TCP address of /healthz, /readyz and /metrics. \"off\" closes it."`
}

// TLS names the certificate of the LDAP listeners.
type TLS struct {
	Certificate string `yaml:"certificate" path:"true" doc:"PEM file with the certificate and its chain."`
	Key         string `yaml:"key" path:"true" doc:"PEM file with the private key."`
	SelfSigned  string `yaml:"self_signed" path:"true" doc:"Directory in which a certificate authority and a certificate are made at the first start, for trying out. Not together with certificate and key."`
	MinVersion  string `yaml:"min_version" default:"1.2" enum:"1.2,1.3" doc:"The oldest TLS version that is accepted."`
}

// Log configures the log on standard error.
type Log struct {
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" doc:"The least important level that is written."`
	Format string `yaml:"format" default:"text" enum:"text,json" doc:"How a line looks: key=value text or JSON."`
}

// Login bounds one login.
type Login struct {
	Timeout  time.Duration `yaml:"timeout" default:"10s" min:"100ms" max:"5m" doc:"How long a login may take as a whole; then it ends with reason timeout."`
	TimeZone string        `yaml:"time_zone" default:"Local" doc:"The time zone in which policies see hours and weekdays (an IANA name, UTC or Local)."`
}

// RADIUS configures the RADIUS front-end.
type RADIUS struct {
	MessageAuthenticator string        `yaml:"message_authenticator" default:"limit" enum:"require,limit,off" doc:"What a request without Message-Authenticator is worth, unless the application says otherwise: require refuses it; limit takes it only without Proxy-State and EAP-Message; off takes it (CVE-2024-3596). A wrong Message-Authenticator is never taken."`
	OnOutage             string        `yaml:"on_outage" default:"silence" enum:"silence,reject" doc:"The answer when we could not find out: silence makes the NAS ask its next server."`
	Workers              int           `yaml:"workers" default:"256" min:"1" max:"65536" doc:"How many RADIUS logins are worked on at once."`
	Queue                int           `yaml:"queue" default:"4096" min:"1" max:"1048576" doc:"How many requests wait for a worker; beyond that new ones are dropped."`
	DuplicateWindow      time.Duration `yaml:"duplicate_window" default:"5s" min:"1s" max:"30s" doc:"How long an answer is kept for retransmissions (RFC 5080 section 2.2.2)."`
	DuplicateEntries     int           `yaml:"duplicate_entries" default:"65536" min:"1024" max:"4194304" doc:"How many requests are remembered for that, at the most."`
}

// LDAP configures the LDAP front-end.
type LDAP struct {
	MaxConnections           int           `yaml:"max_connections" default:"16384" min:"1" max:"1048576" doc:"How many connections are open at once; a further one is closed at once."`
	MaxConnectionsPerAddress int           `yaml:"max_connections_per_address" default:"0" min:"0" max:"1048576" doc:"The same per client address. 0 means no limit of its own."`
	Workers                  int           `yaml:"workers" default:"256" min:"1" max:"65536" doc:"How many binds are worked on at once."`
	IdleTimeout              time.Duration `yaml:"idle_timeout" default:"15m" min:"0s" max:"24h" doc:"After how long without a request a connection is closed. 0s means never."`
	AnonymousBind            string        `yaml:"anonymous_bind" default:"allow" enum:"allow,refuse" doc:"Whether a bind without name and password succeeds (it may read the root DSE and nothing else; Dovecot needs it)."`
	RequireTLS               bool          `yaml:"require_tls" default:"false" doc:"Refuse binds with a password on a connection without TLS (result 13)."`
	PolicyRefusalCode        int           `yaml:"policy_refusal_code" default:"49" enum:"49,50" doc:"The LDAP result of a login that a policy refused. Dovecot understands only 49."`
}

// Realm says which directories know its users.
type Realm struct {
	Default     bool     `yaml:"default" default:"false" doc:"Logins without a realm belong to this one. At most one realm has it; without any, a login must name its realm."`
	Directories []string `yaml:"directories" required:"true" doc:"Names of directories, asked in this order."`
	OnOutage    string   `yaml:"on_outage" default:"fail" enum:"fail,next" doc:"What happens to a login when a directory cannot be asked: fail ends it with upstream_unavailable; next asks the directories behind it, so that whoever has the login there comes in with the password from there."`
	Aliases     []string `yaml:"aliases" doc:"Other names of the realm, such as the NetBIOS name of a Windows domain: CORP\\login and login@CORP are then logins of this realm."`
	UPNSuffixes []string `yaml:"upn_suffixes" doc:"login@suffix is a login of this realm, and its directories are asked for all of it, suffix included (the userPrincipalName of Active Directory, mail addresses)."`
}

// Directory is one place where users live. Type decides which of the other keys
// it may have.
type Directory struct {
	Type           string `yaml:"type" required:"true" enum:"local,ldap" doc:"local: users and groups in Sallyport's own store. ldap: an LDAP server or Active Directory."`
	LocalDirectory `for:"local"`
	LDAPDirectory  `for:"ldap"`
}

// LocalDirectory are the keys of a directory of type local.
type LocalDirectory struct {
	Seed   string  `yaml:"seed" path:"true" doc:"CSV file that fills an empty store at start (columns login, password, name, email, groups, disabled)."`
	Argon2 *Argon2 `yaml:"argon2" doc:"Cost of a password hash. Cheaper hashes are replaced at the next login."`
}

// Argon2 is the cost of argon2id (RFC 9106).
type Argon2 struct {
	Memory      int `yaml:"memory" default:"19456" min:"8" max:"1048576" doc:"Memory of one hash, in KiB."`
	Iterations  int `yaml:"iterations" default:"2" min:"1" max:"64" doc:"Passes over the memory; memory times iterations is at most 4194304."`
	Parallelism int `yaml:"parallelism" default:"1" min:"1" max:"16" doc:"Lanes of one hash."`
}

// Application is something that users log in to.
type Application struct {
	Name     string              `yaml:"name" doc:"The name that people read; the key if absent."`
	RADIUS   *ApplicationRADIUS  `yaml:"radius" doc:"The NAS that belong to this application."`
	LDAP     *ApplicationLDAP    `yaml:"ldap" doc:"The part of the LDAP tree that belongs to this application."`
	Policies ApplicationPolicies `yaml:"policies" doc:"Which policies decide, once the credentials are right. Without bindings the credentials decide alone."`
}

// ApplicationRADIUS lists the RADIUS clients of an application.
type ApplicationRADIUS struct {
	Clients              []netip.Prefix `yaml:"clients" required:"true" doc:"Addresses and networks of the NAS. The longest prefix over all applications decides; the same prefix twice is a fault."`
	Secret               Secret         `yaml:"secret" required:"true" doc:"The shared secret: {file: PATH}, {env: NAME}, or the text itself."`
	MessageAuthenticator string         `yaml:"message_authenticator" enum:"require,limit,off" doc:"Overrides radius.message_authenticator for these clients."`
	OnOutage             string         `yaml:"on_outage" enum:"silence,reject" doc:"Overrides radius.on_outage for these clients."`
}

// ApplicationLDAP maps a part of the tree to an application.
type ApplicationLDAP struct {
	BaseDN         string   `yaml:"base_dn" required:"true" doc:"The base DN. The longest one that a bind DN ends in decides which application is meant."`
	UserDN         string   `yaml:"user_dn" doc:"How a bind DN names the user, with {login} in the value of one RDN, such as uid={login},ou=users,dc=example,dc=org. Absent: uid={login},ou=users,BASE_DN and cn={login},ou=users,BASE_DN."`
	UserDNPatterns []string `yaml:"user_dn_patterns" doc:"Regular expressions for bind DNs of other shapes below the base DN, tried in this order after user_dn. Each must match the whole DN, in any case; the DN is written as RFC 4514 has it, with attribute types in small letters and their short names, without blanks around commas and equals signs. The group (?P<login>…) holds the login, (?P<realm>…), if there, its realm; each must hold the whole value of an attribute."`
	Domains        []string `yaml:"domains" doc:"Binds with DOMAIN\\login or login@DOMAIN instead of a DN belong to this application for these domains, in any case; * stands for all that no other application has. Which realm knows the login follows from its own names, aliases and upn_suffixes."`
}

// ApplicationPolicies are the bindings of an application.
type ApplicationPolicies struct {
	Mode     string        `yaml:"mode" default:"all" enum:"all,any" doc:"all: every binding must pass. any: one is enough."`
	Message  string        `yaml:"message" default:"Access denied." doc:"What a refused user reads when no binding has a text."`
	Timeout  time.Duration `yaml:"timeout" default:"5s" min:"10ms" max:"1m" doc:"How long all bindings of one decision may take together."`
	Bindings []Binding     `yaml:"bindings" doc:"What is asked, ordered by order and then as written. Each names exactly one of group, user, policy and scoped."`
}

// Binding binds exactly one of a group, a user, an expression policy or a
// scoped policy (as a condition) to an application.
type Binding struct {
	Group         string        `yaml:"group" doc:"Passes for members of this group, nested groups included."`
	User          string        `yaml:"user" doc:"Passes for the user with this login."`
	Policy        string        `yaml:"policy" doc:"Passes when the expression policy of this name allows."`
	Scoped        string        `yaml:"scoped" doc:"Passes when the scoped policy of this name matches the login."`
	Order         int           `yaml:"order" default:"0" min:"-1000000" max:"1000000" doc:"Smaller is asked first."`
	Negate        bool          `yaml:"negate" default:"false" doc:"Turns pass into refuse and the other way round; errors stay errors."`
	Enabled       bool          `yaml:"enabled" default:"true" doc:"A binding that is not enabled is left out."`
	Timeout       time.Duration `yaml:"timeout" default:"2s" min:"1ms" max:"1m" doc:"How long this binding may take; then it counts as failed."`
	FailureResult string        `yaml:"failure_result" default:"refuse" enum:"refuse,pass" doc:"What a binding that could not be evaluated counts as."`
	DryRun        bool          `yaml:"dry_run" default:"false" doc:"Evaluate and log, without effect."`
	Stage         string        `yaml:"stage" default:"access" enum:"admission,access" doc:"admission: before the password is looked at. access: after it was found right."`
	Message       string        `yaml:"message" doc:"What the user reads when this binding refuses; goes before the policy's own messages."`
}

// Policies says where policies are.
type Policies struct {
	Scoped    []string `yaml:"scoped" path:"true" doc:"YAML files with scoped policies; patterns such as policies/*.yaml are allowed, and every directory that they look into has to be readable."`
	Semantics string   `yaml:"semantics" default:"hardened" enum:"hardened,compat" doc:"How scoped policies are read: hardened, or compat for the answers that privacyIDEA gives, with its traps."`
	// EmptyScope is by scope; AllScopes is a key too.
	EmptyScope  EmptyScope  `yaml:"empty_scope" doc:"What a scope answers in which no scoped policy is active, to questions whether something is allowed: allow or deny, for all scopes or by scope. A scope that is not named allows. No login asks such a question: authorized is a value."`
	Node        string      `yaml:"node" doc:"The name of this server, which scoped policies with a pinode are compared with. Absent: the host name."`
	Expressions string      `yaml:"expressions" path:"true" doc:"Directory with expression policies (.rego files and data files, searched through), or a bundle of them (.tar.gz)."`
	Bundle      *Bundle     `yaml:"bundle" doc:"Who must have signed the bundle that expressions names. A bundle needs this section, and a directory cannot have it."`
	Cache       PolicyCache `yaml:"cache" doc:"Results of expression policies that are kept. They are exact: what is kept is used only where evaluating anew would give the same."`
	Requests    Requests    `yaml:"requests" doc:"Web servers that expression policies may ask (requests.get, requests.post)."`
}

// PolicyCache bounds what is kept of the results of expression policies.
type PolicyCache struct {
	Entries int           `yaml:"entries" default:"10000" min:"0" max:"10000000" doc:"How many results are kept. 0 keeps none."`
	TTL     time.Duration `yaml:"ttl" default:"60s" min:"1ms" max:"1h" doc:"How long a result is kept at most. One that look-ups went into ends with the first of them that ends."`
}

// Plugins says which condition helpers run.
type Plugins struct {
	Directory string   `yaml:"directory" path:"true" doc:"Directory with the programs. Neither it nor they may be writable by others."`
	Manifest  string   `yaml:"manifest" default:"SHA256SUMS" doc:"File with the SHA-256 of each program, as sha256sum writes it; relative to the directory."`
	Sockets   string   `yaml:"sockets" path:"true" doc:"Directory for the sockets to the helpers, of mode 0700; 0711 where one of them has a user. Absent: a fresh temporary one."`
	Allow     []Plugin `yaml:"allow" doc:"The programs that are started. Others in the directory are reported and not run."`
}

// Plugin is one condition helper.
type Plugin struct {
	Name    string            `yaml:"name" required:"true" doc:"File name of the program, and first part of its functions' names in policies."`
	SHA256  string            `yaml:"sha256" doc:"The program's SHA-256 in hex; instead of its line in the manifest."`
	Args    []string          `yaml:"args" doc:"Arguments of the program."`
	Env     map[string]Secret `yaml:"env" literal:"true" doc:"The whole environment of the program: texts, or secrets as {file: PATH} or {env: NAME}."`
	Config  map[string]any    `yaml:"config" doc:"The program's own settings, which it checks itself. Secrets belong into env."`
	Timeout time.Duration     `yaml:"timeout" default:"1s" min:"1ms" max:"1m" doc:"How long one call may take, waiting included."`
	// Concurrency and Queue bound the calls of this program alone.
	Concurrency int            `yaml:"concurrency" default:"64" min:"1" max:"4096" doc:"How many calls run at once."`
	Queue       int            `yaml:"queue" default:"256" min:"0" max:"65536" doc:"How many calls wait for one of those to end. Further ones fail at once."`
	OnFailure   map[string]any `yaml:"on_failure" doc:"What functions answer when they fail, by name and with a value of their type. One that is not named fails, and the binding's failure_result decides."`
	Transport   string         `yaml:"transport" default:"tls" enum:"tls,plain" doc:"How the socket to the program is protected: tls with certificates of one start on both sides, or plain for programs that cannot, by the mode of its directory alone."`
	User        string         `yaml:"user" doc:"System user that the program runs as; Sallyport must run as root. Absent: Sallyport's own."`
	Memory      int            `yaml:"memory" default:"512" min:"64" max:"65536" doc:"How much memory the program may have, in MiB (Linux)."`
	Files       int            `yaml:"files" default:"256" min:"16" max:"65536" doc:"How many files and sockets it may have open (Linux)."`
}
