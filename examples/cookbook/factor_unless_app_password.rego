# A second factor is demanded of whoever types a password; a program that logs in
# with an application password cannot have one.
package sallyport.policies.factor_unless_app_password

default allow := false

allow if input.context.auth_method in {"app_password", "password_code", "push", "challenge_code"}

messages contains "Append your one-time code to the password." if input.context.auth_method == "password"
