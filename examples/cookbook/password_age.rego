# Passwords older than a year are refused; a directory that does not tell their age
# is trusted to know better. It reads the clock, so its results are not cached.
package sallyport.policies.password_age

default allow := false

changed := input.request.user.password_change_time

year := ((365 * 24) * 3600) * 1000000000

old if {
	changed != null
	time.parse_rfc3339_ns(input.now.rfc3339) - time.parse_rfc3339_ns(changed) > year
}

allow if not old

messages contains "Your password is older than a year. Change it, then try again." if old
