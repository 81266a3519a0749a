package sallyport.test.two_kinds

test_two if test.decide("two_kinds", test.login("alice", {})).passing

test_one if {
	r := test.decide("two_kinds", test.login("carol", {}))
	not r.passing
	r.messages == ["You have 1 of 2 kinds of second factors."]
}
