# Only people with an address of ours.
package sallyport.policies.mail_domain

default allow := false

domain := lower(regex_replace(input.request.user.email, `.*@`, "")) if input.request.user.email != null

allow if domain in {"corp.example", "corp.test"}

messages contains "Only accounts of corp.example." if not allow
