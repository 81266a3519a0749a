# An attribute of the user says which kind of second factor they must own.
package sallyport.policies.factor_by_attribute

default allow := false

wanted := input.request.user.attributes.vpn_factor

allow if not wanted

allow if {
	some kind in wanted
	ak_user_has_authenticator(input.request.user, kind)
}

messages contains sprintf("Your account needs one of: %s.", [concat(", ", wanted)]) if not allow
