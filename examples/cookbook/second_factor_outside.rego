# A second factor is demanded outside the local network.
package sallyport.policies.second_factor_outside

default allow := false

second_factor if input.context.auth_method in {"password_code", "push", "challenge_code"}

local if {
	input.client_ip_known
	ip_address(input.client_ip).is_private
}

allow if second_factor

allow if local

messages contains "Append your one-time code to the password." if not allow
