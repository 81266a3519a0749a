# Service accounts may bind over LDAP from the servers' network, nothing else; of
# people, everybody but the banned.
package sallyport.policies.service_accounts

default allow := false

service if regex_match(input.request.user.username, `^(svc|sa)[-_]`)

service if input.request.user.type == "service"

allow if {
	service
	input.request.protocol == "ldap"
	ip_in_any(input.peer_ip, ["10.20.0.0/16"])
}

allow if {
	not service
	not ak_is_group_member(input.request.user, {"name": "banned"})
}

raw_result := {"kind": "service"} if service

raw_result := {"kind": "person"} if not service
