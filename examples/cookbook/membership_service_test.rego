package sallyport.test.membership_service

test_member if {
	r := test.decide("membership_service", test.login("judy", {}))
	r.passing
	count(r.events) == 0
}

test_refused_and_reported if {
	r := test.decide("membership_service", test.login("alice", {}))
	not r.passing
	r.events[0].action == "custom_membership_refused"
	r.events[0].context.status == 404
}

test_no_answer_is_an_exception if test.decide("membership_service", test.login("bob", {})).error == "helper_failed"
