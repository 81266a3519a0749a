# Nobody is refused, but logins from a network that is watched are events in the
# audit.
package sallyport.policies.watched_network

default allow := true

reported if {
	ip_in_any(input.client_ip, ["198.18.0.0/15", "203.0.113.0/24"])
	ak_create_event("watched_network", {"user": input.request.user.username, "address": input.client_ip})
}
