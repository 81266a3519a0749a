package sallyport.test.per_gateway

via(nas) := test.login("alice", {"radius": {"nas_identifier": nas}})

test_own if test.decide("per_gateway", via("VPN-Users")).passing

test_other if {
	r := test.decide("per_gateway", via("vpn-berlin"))
	not r.passing
	r.messages == ["You may not use the gateway vpn-berlin."]
}

test_no_name if not test.decide("per_gateway", via(null)).passing
