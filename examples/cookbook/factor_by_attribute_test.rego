package sallyport.test.factor_by_attribute

test_without_attribute if test.decide("factor_by_attribute", test.login("alice", {})).passing

test_has_it if test.decide("factor_by_attribute", test.login("grace", {})).passing

test_lacks_it if {
	r := test.decide("factor_by_attribute", test.login("heidi", {}))
	not r.passing
	r.messages == ["Your account needs one of: webauthn."]
}
