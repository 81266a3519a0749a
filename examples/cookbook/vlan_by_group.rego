# The VLAN of the user's group, named as switches do (RFC 3580), in raw_result: for
# the record and for policies that call this one. It is not sent to the switch.
package sallyport.policies.vlan_by_group

default allow := false

vlans := {"net-admins": "20", "staff": "10", "contractors": "30"}

vlan := min({v | some group, v in vlans; ak_is_group_member(input.request.user, {"name": group})})

allow if vlan

raw_result := {"radius": {
	"Tunnel-Type": "VLAN",
	"Tunnel-Medium-Type": "IEEE-802",
	"Tunnel-Private-Group-Id": vlan,
}} if allow

messages contains "There is no VLAN for your groups." if not allow
