# A nudge: who has a second factor but no recovery codes comes in, and reads why
# they should have some.
package sallyport.policies.recovery_codes

default allow := true

messages contains "You have no recovery codes. Make some before you lose your phone." if {
	ak_user_has_authenticator(input.request.user, "totp")
	not ak_user_has_authenticator(input.request.user, "static")
}
