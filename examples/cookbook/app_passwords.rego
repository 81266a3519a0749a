# Application passwords are for the mail service alone; people who use the VPN type
# their own.
package sallyport.policies.app_passwords

default allow := false

allow if input.context.auth_method != "app_password"

allow if input.context.application.slug == "mail"

messages contains "Application passwords are for mail alone." if not allow
