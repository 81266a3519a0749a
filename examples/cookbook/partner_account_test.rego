package sallyport.test.partner_account

test_known if test.decide("partner_account", test.login("ivan.p", {})).passing

test_unknown if {
	r := test.decide("partner_account", test.login("judy", {}))
	not r.passing
	r.messages == ["Your partner account was not found."]
}

test_without_address if test.decide("partner_account", test.login("svc-mail", {})).passing

test_ours if test.decide("partner_account", test.login("alice", {})).passing
