package sallyport.test.home_provider

via(asn, org) := test.login("alice", {
	"geoip": {"known": true, "continent": "EU"},
	"asn": {"known": true, "asn": asn, "as_org": org},
})

test_home if test.decide("home_provider", via(3320, "Telekom")).passing

test_elsewhere if {
	r := test.decide("home_provider", via(64496, "Cafe Net"))
	not r.passing
	r.messages == ["Your provider (Cafe Net) is not on the list."]
}

test_unknown if not test.decide("home_provider", test.login("alice", {})).passing
