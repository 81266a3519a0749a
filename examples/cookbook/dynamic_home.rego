# Somebody whose line at home has a name in the DNS. Names can be forged by whoever
# runs the zone: it is one condition beside the group.
package sallyport.policies.dynamic_home

default allow := false

allow if {
	ak_is_group_member(input.request.user, {"name": "vpn-users"})
	input.client_ip in resolve_dns("home.alice.example", 0)
}

messages contains "Only from your line at home." if not allow
