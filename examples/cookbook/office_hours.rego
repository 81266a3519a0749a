# Contractors come in Monday to Friday from 8 to 18, staff always.
package sallyport.policies.office_hours

default allow := false

workday if not input.now.weekday in {"Saturday", "Sunday"}

allow if {
	ak_is_group_member(input.request.user, {"name__iexact": "contractors"})
	workday
	input.now.hour >= 8
	input.now.hour < 18
}

allow if ak_is_group_member(input.request.user, {"name": "staff"})

messages contains "Contractors may log in Monday to Friday, 8 to 18." if not allow
