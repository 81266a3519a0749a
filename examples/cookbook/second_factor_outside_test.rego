package sallyport.test.second_factor_outside

by(method, ip) := test.login("alice", {"client_ip": ip, "client_ip_known": true, "context": {"auth_method": method}})

test_local if test.decide("second_factor_outside", by("password", "192.168.1.20")).passing

test_outside_with_code if test.decide("second_factor_outside", by("password_code", "203.0.113.1")).passing

test_documentation_nets_are_private if test.decide("second_factor_outside", by("password", "203.0.113.1")).passing

test_outside if {
	r := test.decide("second_factor_outside", by("password", "8.8.8.8"))
	not r.passing
	r.messages == ["Append your one-time code to the password."]
}
