# Logins to the command line of switches (Service-Type Administrative-User or
# NAS-Prompt-User) are for administrators of the first tier; the attribute is one
# of their group. raw_result says what they may do there, for the record.
package sallyport.policies.switch_admins

default allow := false

administrative if input.radius.service_type in {"Administrative-User", "NAS-Prompt-User"}

allow if not administrative

allow if ak_is_group_member(input.request.user, {"name__startswith": "net-", "attributes__tier": "1"})

messages contains "Switches are for network administrators." if not allow

raw_result := {"radius": {"Cisco-AVPair": "shell:priv-lvl=15"}} if {
	administrative
	allow
}
