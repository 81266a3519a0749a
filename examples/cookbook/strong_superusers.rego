# Superusers must own TOTP or WebAuthn; others are left alone.
package sallyport.policies.strong_superusers

default allow := false

allow if not input.request.user.is_superuser

allow if ak_user_has_authenticator(input.request.user, "totp")

allow if ak_user_has_authenticator(input.request.user, "webauthn")

messages contains "Administrators need TOTP or a security key." if not allow
