package sallyport.test.watched_network

test_watched if {
	r := test.decide("watched_network", test.login("alice", {"client_ip": "203.0.113.5"}))
	r.passing
	r.events[0].action == "custom_watched_network"
	r.events[0].context.address == "203.0.113.5"
}

test_others if {
	r := test.decide("watched_network", test.login("alice", {"client_ip": "8.8.8.8"}))
	r.passing
	r.events == []
}
