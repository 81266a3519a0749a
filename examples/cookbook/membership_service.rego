# A member of an outside organisation with a given role, as its own service says.
# policies.requests.allow must name the host. An error of the service is an event
# in the audit.
package sallyport.policies.membership_service

default allow := false

# params are escaped; an address that is put into the URL itself could ask for
# something else.
answer := requests.get("https://members.partner.example/api/members", {
	"params": {"email": input.request.user.email},
	"timeout": 2,
})

allow if {
	answer.status == 200
	answer.json.member
	answer.json.role in {"engineer", "manager"}
}

reported if {
	answer.status >= 400
	ak_create_event("membership_refused", {"email": input.request.user.email, "status": answer.status})
}

messages contains "You are not on the partner's list." if not allow
