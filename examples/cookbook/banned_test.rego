package sallyport.test.banned

test_others_come_in if test.decide("banned", test.login("alice", {"context": {"auth_method": null}})).passing

test_barred if {
	r := test.decide("banned", test.login("bob", {"context": {"auth_method": null}}))
	not r.passing
	r.messages == ["Your account is barred. Call the help desk."]
}
