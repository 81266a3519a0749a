package sallyport.test.one_country

from(country) := test.login("alice", {"geoip": {"known": true, "country": country}})

test_here if test.decide("one_country", from("DE")).passing

test_abroad if {
	r := test.decide("one_country", from("NL"))
	not r.passing
	r.messages == ["Logins from NL are not allowed."]
}

test_unknown if {
	r := test.decide("one_country", test.login("alice", {}))
	not r.passing
	r.messages == ["Your location could not be determined."]
}
