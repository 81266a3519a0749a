# A flag on the account demands a new password first.
package sallyport.policies.reset_flag

default allow := false

flagged if "true" in input.request.user.attributes.must_reset

allow if not flagged

messages contains "Set a new password at https://password.corp.example first." if flagged
