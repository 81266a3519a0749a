package sallyport.test.active_only

test_active if test.decide("active_only", test.login("alice", {})).passing

test_switched_off if {
	r := test.decide("active_only", test.login("frank", {}))
	not r.passing
	r.messages == ["This account is switched off."]
}
