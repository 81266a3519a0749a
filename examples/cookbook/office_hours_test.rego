package sallyport.test.office_hours

at(user, weekday, hour) := test.login(user, {"now": {"weekday": weekday, "hour": hour}})

test_clock_of_the_fixture if test.decide("office_hours", test.login("carol", {})).passing

test_first_hour if test.decide("office_hours", at("carol", "Monday", 8)).passing

test_too_late if not test.decide("office_hours", at("carol", "Monday", 18)).passing

test_weekend if {
	r := test.decide("office_hours", at("carol", "Sunday", 10))
	not r.passing
	r.messages == ["Contractors may log in Monday to Friday, 8 to 18."]
}

test_staff_always if test.decide("office_hours", at("alice", "Sunday", 3)).passing
