package sallyport.test.recovery_codes

test_has_codes if {
	r := test.decide("recovery_codes", test.login("alice", {}))
	r.passing
	r.messages == []
}

test_nudge if {
	r := test.decide("recovery_codes", test.login("carol", {}))
	r.passing
	count(r.messages) == 1
}
