# Only members of one group may use the VPN.
package sallyport.policies.vpn_members

default allow := false

allow if ak_is_group_member(input.request.user, {"name": "vpn-users"})

messages contains "You are not in the VPN group." if not allow
