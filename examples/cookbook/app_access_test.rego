package sallyport.test.app_access

from(user, ip) := test.login(user, {"client_ip": ip})

test_both if test.decide("app_access", from("alice", "10.1.1.1")).passing

test_outside if {
	r := test.decide("app_access", from("alice", "8.8.8.8"))
	not r.passing
	r.messages == ["You are not on an internal network."]
}

test_one_factor if {
	r := test.decide("app_access", from("heidi", "10.1.1.1"))
	not r.passing
	r.messages == ["You have 1 of 2 kinds of second factors."]
}

test_callee_alone if test.decide("secure_access", from("carol", "10.1.1.1")).passing

test_no_staff if not test.decide("app_access", from("carol", "10.1.1.1")).passing
