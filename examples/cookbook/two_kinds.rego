# At least two different kinds of authenticators.
package sallyport.policies.two_kinds

default allow := false

kinds := {kind | some kind in input.request.user.authenticators}

allow if count(kinds) >= 2

messages contains sprintf("You have %d of 2 kinds of second factors.", [count(kinds)]) if not allow
