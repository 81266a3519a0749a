package config

import "time"

// LDAPDirectory are the keys of a directory of type ldap. Where a default
// depends on Flavor, an absent key gets it when the file is checked.
type LDAPDirectory struct {
	Flavor          string         `yaml:"flavor" default:"openldap" enum:"openldap,active_directory,freeipa" doc:"What the server is; the defaults of user_filter, login_attribute, id_attribute, name_attribute and of groups follow from it."`
	URLs            []string       `yaml:"urls" doc:"The servers, ldap://HOST[:PORT] or ldaps://HOST[:PORT], the preferred one first."`
	SRV             string         `yaml:"srv" doc:"Instead of urls: the DNS name whose SRV records name the servers, such as _ldap._tcp.corp.example (_ldaps._tcp… for LDAPS). Only targets in the same domain are taken."`
	StartTLS        string         `yaml:"start_tls" default:"require" enum:"require,off" doc:"What is done with ldap:// servers: require encrypts with StartTLS before anything else is said; off sends passwords in clear text."`
	TLS             UpstreamTLS    `yaml:"tls" doc:"How the servers prove who they are, and we to them."`
	BaseDN          string         `yaml:"base_dn" doc:"Where users are searched, with all that is below. Required unless user_dn is set."`
	BindDN          string         `yaml:"bind_dn" doc:"The service account for look-ups. Absent: they are made anonymously."`
	BindPassword    Secret         `yaml:"bind_password" doc:"Its password: {file: PATH}, {env: NAME}, or the text itself."`
	LoginAttribute  Names          `yaml:"login_attribute" doc:"Attributes that hold a login; an entry that has it in an earlier one goes before those that have it in a later one. Default: uid; active_directory: [sAMAccountName, userPrincipalName]."`
	UserFilter      string         `yaml:"user_filter" doc:"Which entries are users. Default: (objectClass=person); active_directory: (&(objectCategory=person)(objectClass=user))."`
	UserDN          string         `yaml:"user_dn" doc:"Instead of a search: the DN of a user, with {login} in one place. Without bind_dn nothing is looked up at all: users have no groups and no attributes, and only the bind tells whether they exist."`
	Domains         []string       `yaml:"domains" doc:"For a login that ends in @ and one of these, the part before the @ is looked for as well (the implicit user principal names of Active Directory)."`
	IDAttribute     Names          `yaml:"id_attribute" doc:"The key of a user that never changes; the first one that the entry has. Default: entryUUID; active_directory: objectGUID; freeipa: ipaUniqueID. The DN where there is none."`
	NameAttribute   Names          `yaml:"name_attribute" doc:"The name that people read; the first one that the entry has. Default: [displayName, cn]."`
	EmailAttribute  Names          `yaml:"email_attribute" doc:"The mail address; the first one that the entry has. Default: mail."`
	Attributes      []string       `yaml:"attributes" doc:"Further attributes that policies may ask for. objectGUID and objectSid become text in their usual form, other values that are not text become base64."`
	GroupAttributes []string       `yaml:"group_attributes" doc:"Further attributes of groups that policies may ask for (ak_is_group_member), as attributes has them of users. They are known of groups whose entries are read: with groups.lookup memberof not of those that memberOf names."`
	SearchLimit     int            `yaml:"search_limit" default:"1000" min:"1" max:"100000" doc:"How many entries a policy that looks for another user (ak_user_by) may have to choose from. More are an error."`
	Groups          LDAPGroups     `yaml:"groups" doc:"How the groups of a user are found."`
	MustChange      string         `yaml:"must_change" default:"refuse" enum:"refuse,allow" doc:"What a right password is worth that must be changed before it is used."`
	Timeout         time.Duration  `yaml:"timeout" default:"2s" min:"50ms" max:"1m" doc:"How long one server may take to connect, and for one operation; then the next server is asked."`
	HealthInterval  time.Duration  `yaml:"health_interval" default:"5s" min:"100ms" max:"10m" doc:"How often a server that answers is probed. One that does not is probed twice a second."`
	Pool            UpstreamPool   `yaml:"pool" doc:"Connections to each server."`
	Cache           DirectoryCache `yaml:"cache" doc:"Users that were looked up. Credentials are never kept."`
}

// UpstreamTLS is how a server that we connect to is authenticated. There is no
// way to skip the check of its certificate.
type UpstreamTLS struct {
	CA          string `yaml:"ca" path:"true" doc:"PEM file with the authorities to trust, instead of the system's."`
	ServerName  string `yaml:"server_name" doc:"The name that the certificate must carry; the host of the URL if absent."`
	Certificate string `yaml:"certificate" path:"true" doc:"PEM file with a client certificate and its chain."`
	Key         string `yaml:"key" path:"true" doc:"PEM file with its private key."`
	MinVersion  string `yaml:"min_version" default:"1.2" enum:"1.2,1.3" doc:"The oldest TLS version that is accepted."`
}

// LDAPGroups is how the groups of a user are found. A group is known by the
// value of its name attribute.
type LDAPGroups struct {
	Lookup          string `yaml:"lookup" enum:"memberof,member,none" doc:"memberof reads the attribute memberOf of the user; member searches groups that list the user; none: users have no groups. Default: member; active_directory and freeipa: memberof."`
	Nested          string `yaml:"nested" enum:"off,walk,in_chain" doc:"Groups in groups: walk searches upwards, level by level; in_chain has Active Directory do it in one search. Default: walk; active_directory: in_chain."`
	BaseDN          string `yaml:"base_dn" doc:"Where groups are; those outside are ignored. Default: base_dn of the directory."`
	Filter          string `yaml:"filter" doc:"Which entries are groups. Default: (|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)); active_directory: (objectClass=group); freeipa: (objectClass=groupOfNames)."`
	MemberAttribute Names  `yaml:"member_attribute" doc:"Attributes of a group that list its members: DNs, or logins in memberUid. Default: [member, uniqueMember, memberUid]; active_directory and freeipa: member."`
	NameAttribute   string `yaml:"name_attribute" default:"cn" doc:"The attribute that holds the name of a group. With memberof, a group whose DN begins with another attribute costs a search of its own."`
	MaxDepth        int    `yaml:"max_depth" default:"10" min:"1" max:"50" doc:"How many levels of groups a walk goes up. A user with deeper ones cannot log in: policies would not see all groups."`
}

// UpstreamPool bounds the connections to one server.
type UpstreamPool struct {
	Binds    int           `yaml:"binds" default:"32" min:"1" max:"4096" doc:"Connections on which users are bound, one at a time each."`
	Searches int           `yaml:"searches" default:"2" min:"1" max:"64" doc:"Connections of the service account; many look-ups share one."`
	Idle     time.Duration `yaml:"idle" default:"5m" min:"1s" max:"1h" doc:"How long a connection is kept that nobody uses. Less than what the server or a firewall allows."`
}

// DirectoryCache bounds what is remembered of look-ups.
type DirectoryCache struct {
	Entries     int           `yaml:"entries" default:"10000" min:"0" max:"10000000" doc:"How many users are remembered, and as many logins that nobody has. 0 remembers nothing."`
	TTL         time.Duration `yaml:"ttl" default:"30s" min:"0s" max:"1h" doc:"How long a user is remembered: a change of groups or attributes takes that long to be seen. A refused password forgets the user at once."`
	NegativeTTL time.Duration `yaml:"negative_ttl" default:"5s" min:"0s" max:"1h" doc:"How long it is remembered that nobody has a login."`
}
