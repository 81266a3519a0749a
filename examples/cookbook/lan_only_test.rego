package sallyport.test.lan_only

at(application, ip, known) := test.login("alice", {
	"context": {"application": {"name": application, "slug": application}},
	"client_ip": ip,
	"client_ip_known": known,
})

test_inside if test.decide("lan_only", at("door", "10.1.1.1", true)).passing

test_other_application if test.decide("lan_only", at("wiki", "203.0.113.1", true)).passing

test_outside if {
	r := test.decide("lan_only", at("door", "203.0.113.1", true))
	not r.passing
	r.messages == ["Connect to the VPN first."]
}

test_address_of_gateway if not test.decide("lan_only", at("door", "10.1.1.1", false)).passing
