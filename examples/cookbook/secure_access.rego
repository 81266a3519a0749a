# The other part of app_access: as many kinds of second factors as the caller wants.
package sallyport.policies.secure_access

default allow := false

wanted := object.get(input.context, "min_factors", 1)

owned := count({kind | some kind in input.request.user.authenticators})

allow if owned >= wanted

messages contains sprintf("You have %d of %d kinds of second factors.", [owned, wanted]) if not allow
