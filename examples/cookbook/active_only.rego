# Accounts that are switched off are refused with a text of their own. (They are
# refused anyway; bound with stage: admission, their password is not even tried.)
package sallyport.policies.active_only

default allow := false

allow if input.request.user.is_active

messages contains "This account is switched off." if not allow
