# Each gateway has a group of its own: NAS-Identifier vpn-berlin wants the group
# vpn-berlin or all-gateways.
package sallyport.policies.per_gateway

default allow := false

allow if {
	input.radius.nas_identifier != null
	ak_is_group_member(input.request.user, {"name__in": [lower(input.radius.nas_identifier), "all-gateways"]})
}

messages contains sprintf("You may not use the gateway %s.", [input.radius.nas_identifier]) if {
	not allow
	input.radius.nas_identifier != null
}
