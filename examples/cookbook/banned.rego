# Members of a banned group are refused before the password is looked at: bind it
# with stage: admission.
package sallyport.policies.banned

default allow := false

barred if ak_is_group_member(input.context.pending_user, {"name__iexact": "Banned"})

allow if not barred

messages contains "Your account is barred. Call the help desk." if barred
