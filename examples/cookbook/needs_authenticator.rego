# Whoever has neither TOTP nor WebAuthn must not use the application.
package sallyport.policies.needs_authenticator

default allow := false

allow if {
	some kind in ["totp", "webauthn"]
	ak_user_has_authenticator(input.request.user, kind)
}

messages contains "Enrol TOTP or a security key, then try again." if not allow
