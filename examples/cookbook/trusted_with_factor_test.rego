package sallyport.test.trusted_with_factor

by(user, method, ip) := test.login(user, {"client_ip": ip, "context": {"auth_method": method}})

test_trusted if test.decide("trusted_with_factor", by("alice", "password", "10.0.3.7")).passing

test_code_anywhere if test.decide("trusted_with_factor", by("carol", "password_code", "8.8.8.8")).passing

test_nothing_enrolled if {
	r := test.decide("trusted_with_factor", by("bob", "password", "10.0.3.7"))
	not r.passing
	r.messages == ["Enrol a second factor first."]
}

test_elsewhere if {
	r := test.decide("trusted_with_factor", by("alice", "password", "8.8.8.8"))
	not r.passing
	r.messages == ["Append your one-time code to the password."]
}
