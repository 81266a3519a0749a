# On a trusted network the second factor may be left out, but only by somebody who
# has one; elsewhere it must be used.
package sallyport.policies.trusted_with_factor

import data.sallyport.lib.networks

default allow := false

allow if input.context.auth_method in {"password_code", "push", "challenge_code"}

allow if {
	input.context.auth_method == "password"
	networks.trusted(input.client_ip)
	ak_user_has_authenticator(input.request.user, "")
}

messages contains "Enrol a second factor first." if {
	not allow
	not ak_user_has_authenticator(input.request.user, "")
}

messages contains "Append your one-time code to the password." if {
	not allow
	ak_user_has_authenticator(input.request.user, "")
}
