# Somebody with an address of the partner must have an account in the partner's
# directory too, whatever the case of the address.
package sallyport.policies.partner_account

default allow := false

outside if {
	input.request.user.email != null
	endswith(lower(input.request.user.email), "@partner.example")
}

partner := ak_user_by({"email__iexact": input.request.user.email, "source": "partner-ldap"}) if outside

allow if not outside

allow if {
	partner != null
	partner.is_active
}

messages contains "Your partner account was not found." if {
	outside
	partner == null
}
