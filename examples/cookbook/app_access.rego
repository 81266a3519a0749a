# A policy made of others: a group, and the two policies local_access and
# secure_access, whose texts are handed on.
package sallyport.policies.app_access

default allow := false

local := ak_call_policy("local_access", {})

secure := ak_call_policy("secure_access", {"min_factors": 2})

allow if {
	ak_is_group_member(input.request.user, {"name": "staff"})
	local.passing
	secure.passing
}

messages contains m if some m in local.messages

messages contains m if some m in secure.messages
