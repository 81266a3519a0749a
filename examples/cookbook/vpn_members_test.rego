package sallyport.test.vpn_members

test_member if test.decide("vpn_members", test.login("alice", {})).passing

test_stranger if {
	r := test.decide("vpn_members", test.login("erin", {}))
	not r.passing
	r.messages == ["You are not in the VPN group."]
}
