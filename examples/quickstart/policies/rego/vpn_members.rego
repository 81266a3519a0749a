# Members of the group vpn-users may come in, nested groups included.
package sallyport.policies.vpn_members

default allow := false

allow if ak_is_group_member(input.request.user, {"name": "vpn-users"})

messages contains "You are not in the group vpn-users." if not allow
