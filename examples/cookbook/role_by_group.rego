# The first group that fits says which class the session gets. The class is in
# raw_result, for the record and for policies that call this one; it is not sent to
# the gateway.
package sallyport.policies.role_by_group

default allow := false

roles := [
	{"group": "net-admins", "class": "admins"},
	{"group": "staff", "class": "staff"},
	{"group": "contractors", "class": "guests"},
]

fitting := [r.class | some r in roles; ak_is_group_member(input.request.user, {"name": r.group})]

allow if count(fitting) > 0

raw_result := {"radius": {"Class": list_flatten(fitting)}} if allow

messages contains "You have no role here." if not allow
